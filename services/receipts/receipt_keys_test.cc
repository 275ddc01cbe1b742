#include "services/receipts/receipt_keys.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/errors.h"
#include "cofactor/v1/receipt_service.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ReceiptKeyRecord;
using ::cofactor::record::v1::ReceiptKeysRecord;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kEdDsa = config::v1::RECEIPT_ALGORITHM_EDDSA;
constexpr auto kEs256 = config::v1::RECEIPT_ALGORITHM_ES256;
constexpr auto kNext = v1::RECEIPT_KEY_STATE_NEXT;
constexpr auto kCurrent = v1::RECEIPT_KEY_STATE_CURRENT;
constexpr auto kPrevious = v1::RECEIPT_KEY_STATE_PREVIOUS;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

// How many keys are in each state.
std::map<uint32_t, int> StatesOf(const ReceiptKeysRecord& keys) {
  std::map<uint32_t, int> states;
  for (const ReceiptKeyRecord& key : keys.keys()) ++states[key.state()];
  return states;
}

// The only key in a state, or an empty one.
ReceiptKeyRecord KeyIn(v1::ReceiptKeyState state,
                       const ReceiptKeysRecord& keys) {
  ReceiptKeyRecord found;
  for (const ReceiptKeyRecord& key : keys.keys()) {
    if (key.state() == static_cast<uint32_t>(state)) found = key;
  }
  return found;
}

bool Has(const std::string& key_id, const ReceiptKeysRecord& keys) {
  for (const ReceiptKeyRecord& key : keys.keys()) {
    if (key.key_id() == key_id) return true;
  }
  return false;
}

ReceiptKeysRecord Drawn(config::v1::ReceiptAlgorithm algorithm = kEdDsa) {
  ReceiptKeysRecord keys;
  EXPECT_TRUE(DrawReceiptKeys(algorithm, kNow, keys).ok());
  return keys;
}

TEST(ReceiptKeysTest, DrawsACurrentAndANextKey) {
  for (const auto algorithm : {kEdDsa, kEs256}) {
    const ReceiptKeysRecord keys = Drawn(algorithm);
    EXPECT_EQ(StatesOf(keys),
              (std::map<uint32_t, int>{{kNext, 1}, {kCurrent, 1}}));
    const ReceiptKeyRecord current = KeyIn(kCurrent, keys);
    const ReceiptKeyRecord next = KeyIn(kNext, keys);
    EXPECT_EQ(current.algorithm(), static_cast<uint32_t>(algorithm));
    EXPECT_EQ(current.create_micros(), absl::ToUnixMicros(kNow));
    EXPECT_EQ(current.sign_micros(), absl::ToUnixMicros(kNow));
    EXPECT_EQ(current.expire_micros(), 0);
    EXPECT_EQ(next.algorithm(), static_cast<uint32_t>(algorithm));
    EXPECT_EQ(next.sign_micros(), 0);
    // SHA-256 in base64url.
    EXPECT_EQ(current.key_id().size(), 43u);
    EXPECT_NE(current.key_id(), next.key_id());
    EXPECT_NE(current.private_key(), next.private_key());
  }
}

TEST(ReceiptKeysTest, DrawsEdDsaUnlessToldOtherwise) {
  EXPECT_EQ(KeyIn(kCurrent, Drawn(config::v1::RECEIPT_ALGORITHM_UNSPECIFIED))
                .algorithm(),
            static_cast<uint32_t>(kEdDsa));
}

TEST(ReceiptKeysTest, TheNextKeySignsAfterARotation) {
  ReceiptKeysRecord keys = Drawn();
  const ReceiptKeysRecord before = keys;
  const absl::Time later = kNow + absl::Hours(5);
  // What is drawn from now on is of another kind.
  ASSERT_TRUE(RotateReceiptKeys(kEs256, later, false, keys).ok());
  EXPECT_EQ(StatesOf(keys), (std::map<uint32_t, int>{
                                {kNext, 1}, {kCurrent, 1}, {kPrevious, 1}}));
  const ReceiptKeyRecord current = KeyIn(kCurrent, keys);
  EXPECT_EQ(current.key_id(), KeyIn(kNext, before).key_id());
  EXPECT_EQ(current.sign_micros(), absl::ToUnixMicros(later));
  EXPECT_EQ(current.algorithm(), static_cast<uint32_t>(kEdDsa));
  const ReceiptKeyRecord previous = KeyIn(kPrevious, keys);
  EXPECT_EQ(previous.key_id(), KeyIn(kCurrent, before).key_id());
  EXPECT_EQ(previous.expire_micros(),
            absl::ToUnixMicros(later + absl::Hours(1) + absl::Minutes(1)));
  const ReceiptKeyRecord next = KeyIn(kNext, keys);
  EXPECT_FALSE(Has(next.key_id(), before));
  EXPECT_EQ(next.algorithm(), static_cast<uint32_t>(kEs256));
}

TEST(ReceiptKeysTest, ForgetsACompromisedKeyAtOnce) {
  ReceiptKeysRecord keys = Drawn();
  ASSERT_TRUE(RotateReceiptKeys(kEdDsa, kNow, false, keys).ok());
  const std::string compromised = KeyIn(kCurrent, keys).key_id();
  const std::string next = KeyIn(kNext, keys).key_id();
  const std::string previous = KeyIn(kPrevious, keys).key_id();
  ASSERT_TRUE(RotateReceiptKeys(kEdDsa, kNow, true, keys).ok());
  EXPECT_FALSE(Has(compromised, keys));
  EXPECT_EQ(KeyIn(kCurrent, keys).key_id(), next);
  EXPECT_EQ(KeyIn(kPrevious, keys).key_id(), previous);
}

TEST(ReceiptKeysTest, KeepsAKeyOfBeforeUntilItsReceiptsAreOver) {
  ReceiptKeysRecord keys = Drawn();
  ASSERT_TRUE(RotateReceiptKeys(kEdDsa, kNow, false, keys).ok());
  const std::string previous = KeyIn(kPrevious, keys).key_id();
  const absl::Time end = kNow + absl::Hours(1) + absl::Minutes(1);
  EXPECT_THAT(DropOldReceiptKeys(end - absl::Microseconds(1), keys), IsEmpty());
  EXPECT_TRUE(Has(previous, keys));
  EXPECT_THAT(DropOldReceiptKeys(end, keys), ElementsAre(previous));
  EXPECT_FALSE(Has(previous, keys));
  EXPECT_EQ(StatesOf(keys),
            (std::map<uint32_t, int>{{kNext, 1}, {kCurrent, 1}}));
  EXPECT_THAT(DropOldReceiptKeys(end + absl::Hours(10'000), keys), IsEmpty());
}

TEST(ReceiptKeysTest, ARotationDropsWhatIsOver) {
  ReceiptKeysRecord keys = Drawn();
  ASSERT_TRUE(RotateReceiptKeys(kEdDsa, kNow, false, keys).ok());
  ASSERT_TRUE(
      RotateReceiptKeys(kEdDsa, kNow + absl::Hours(2), false, keys).ok());
  EXPECT_EQ(StatesOf(keys), (std::map<uint32_t, int>{
                                {kNext, 1}, {kCurrent, 1}, {kPrevious, 1}}));
}

TEST(ReceiptKeysTest, DoesNotPileUpKeysWithoutEnd) {
  ReceiptKeysRecord keys = Drawn();
  absl::Status status;
  int rotations = 0;
  while (rotations < 100) {
    ReceiptKeysRecord rotated = keys;
    status = RotateReceiptKeys(kEdDsa, kNow, false, rotated);
    if (!status.ok()) break;
    keys = std::move(rotated);
    ++rotations;
  }
  EXPECT_EQ(rotations, 14);
  EXPECT_EQ(ErrorReason(status), "TOO_MANY_RECEIPT_KEYS");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  // A compromised key can be dropped nevertheless.
  const std::string compromised = KeyIn(kCurrent, keys).key_id();
  EXPECT_TRUE(RotateReceiptKeys(kEdDsa, kNow, true, keys).ok());
  EXPECT_FALSE(Has(compromised, keys));
  EXPECT_TRUE(
      RotateReceiptKeys(kEdDsa, kNow + absl::Hours(2), false, keys).ok());
}

TEST(ReceiptKeysTest, RefusesARecordWithoutACurrentKey) {
  ReceiptKeysRecord keys;
  EXPECT_EQ(RotateReceiptKeys(kEdDsa, kNow, false, keys).code(),
            absl::StatusCode::kDataLoss);
}

// A store of which another server is the quicker user.
class ContestedStore final : public storage::Store {
 public:
  explicit ContestedStore(storage::Store& base) : base_(base) {}

  std::unique_ptr<const storage::Snapshot> GetSnapshot() override {
    return base_.GetSnapshot();
  }
  void Commit(storage::Transaction transaction, CommitDone done) override {
    EXPECT_TRUE(CreateReceiptKeys(base_, kEdDsa, kNow).ok());
    base_.Commit(std::move(transaction), std::move(done));
  }
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override {
    return base_.RemoveExpired(max_records);
  }
  absl::Status Health() const override { return base_.Health(); }

 private:
  storage::Store& base_;
};

class CreateReceiptKeysTest : public testing::Test {
 protected:
  std::string Stored() {
    return store_.GetSnapshot()->Get(kReceiptKeysKey)->value;
  }

  const ManualClock clock_{kNow};
  storage::MemoryStore store_{clock_};
};

TEST_F(CreateReceiptKeysTest, DrawsThemOnce) {
  ASSERT_TRUE(CreateReceiptKeys(store_, kEs256, kNow).ok());
  const std::string first = Stored();
  ReceiptKeysRecord keys;
  ASSERT_TRUE(keys.ParseFromString(first));
  EXPECT_EQ(keys.version(), kRecordVersion);
  EXPECT_EQ(KeyIn(kCurrent, keys).algorithm(), static_cast<uint32_t>(kEs256));
  ASSERT_TRUE(CreateReceiptKeys(store_, kEdDsa, kNow).ok());
  EXPECT_EQ(Stored(), first);
}

TEST_F(CreateReceiptKeysTest, TakesTheKeysOfAServerThatStartsAtTheSameTime) {
  ContestedStore contested(store_);
  EXPECT_TRUE(CreateReceiptKeys(contested, kEs256, kNow).ok());
  ReceiptKeysRecord keys;
  ASSERT_TRUE(keys.ParseFromString(Stored()));
  EXPECT_EQ(KeyIn(kCurrent, keys).algorithm(), static_cast<uint32_t>(kEdDsa));
}

TEST_F(CreateReceiptKeysTest, RefusesKeysOfALaterVersion) {
  ReceiptKeysRecord keys;
  keys.set_version(kRecordVersion + 1);
  storage::Transaction transaction;
  transaction.Put(kReceiptKeysKey, keys.SerializeAsString());
  ASSERT_TRUE(storage::CommitAndWait(store_, std::move(transaction)).ok());
  EXPECT_EQ(ErrorReason(CreateReceiptKeys(store_, kEdDsa, kNow)),
            "UNKNOWN_RECORD_VERSION");
}

}  // namespace
}  // namespace cofactor::services
