#include "services/receipts/receipt_key_keeper.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/randomness.h"
#include "cofactor/v1/receipt_service.pb.h"
#include "gtest/gtest.h"
#include "services/engine/audit_log.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "services/receipts/receipt_keys.h"
#include "storage/log.h"
#include "storage/memory/memory_store.h"
#include "tests/doubles/held_store.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ReceiptKeyRecord;
using ::cofactor::record::v1::ReceiptKeysRecord;

constexpr absl::Duration kEvery = absl::Hours(24);
const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

// Counts the transactions that a store is brought.
class CountingStore final : public storage::Store {
 public:
  explicit CountingStore(storage::Store& base) : base_(base) {}

  int commits() const { return commits_; }

  std::unique_ptr<const storage::Snapshot> GetSnapshot() override {
    return base_.GetSnapshot();
  }
  void Commit(storage::Transaction transaction, CommitDone done) override {
    ++commits_;
    base_.Commit(std::move(transaction), std::move(done));
  }
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override {
    return base_.RemoveExpired(max_records);
  }
  absl::Status Health() const override { return base_.Health(); }

 private:
  storage::Store& base_;
  int commits_ = 0;
};

class ReceiptKeyKeeperTest : public testing::Test {
 protected:
  // One server of the store.
  struct Replica {
    explicit Replica(ReceiptKeyKeeperTest& test)
        : store(test.store_),
          runner(store, executor, test.clock_, test.audit_log_, nullptr,
                 nullptr),
          keeper(std::make_unique<ReceiptKeyKeeper>(runner, test.engine_,
                                                    kEvery)) {}

    CountingStore store;
    InlineExecutor executor;
    MutationRunner runner;
    std::unique_ptr<ReceiptKeyKeeper> keeper;
  };

  ReceiptKeyKeeperTest() {
    EXPECT_TRUE(CreateReceiptKeys(store_, config::v1::RECEIPT_ALGORITHM_EDDSA,
                                  clock_.Now())
                    .ok());
  }

  ReceiptKeysRecord Keys() {
    ReceiptKeysRecord keys;
    EXPECT_TRUE(keys.ParseFromString(
        store_.GetSnapshot()->Get(kReceiptKeysKey)->value));
    return keys;
  }
  std::string IdIn(v1::ReceiptKeyState state) {
    std::string found;
    const ReceiptKeysRecord keys = Keys();
    for (const ReceiptKeyRecord& key : keys.keys()) {
      if (key.state() == static_cast<uint32_t>(state)) found = key.key_id();
    }
    return found;
  }
  std::string Current() { return IdIn(v1::RECEIPT_KEY_STATE_CURRENT); }
  std::string Next() { return IdIn(v1::RECEIPT_KEY_STATE_NEXT); }

  std::vector<record::v1::AuditRecord> Events() {
    const auto entries =
        store_.GetSnapshot()->Scan(storage::LogPrefix(kAuditLog), "", 1000);
    EXPECT_TRUE(entries.ok());
    std::vector<record::v1::AuditRecord> events;
    for (const storage::Entry& entry : *entries) {
      auto event = DecodeEvent(entry);
      EXPECT_TRUE(event.ok());
      events.push_back(event->record);
    }
    return events;
  }

  ManualClock clock_{kStart};
  HeldStore store_{std::make_unique<storage::MemoryStore>(clock_)};
  SeededRandomness randomness_{1};
  const AuditLog audit_log_{randomness_, absl::Hours(1000)};
  const Receipts receipts_{"cofactor", randomness_};
  const ReceiptEngine engine_{receipts_, config::v1::RECEIPT_ALGORITHM_EDDSA};
};

TEST_F(ReceiptKeyKeeperTest, RotatesWhenItIsTime) {
  Replica replica(*this);
  const std::string first = Current();
  const std::string second = Next();
  replica.keeper->Tick();
  clock_.Set(kStart + kEvery - absl::Microseconds(1));
  replica.keeper->Tick();
  EXPECT_EQ(Current(), first);
  EXPECT_TRUE(Events().empty());
  clock_.Set(kStart + kEvery);
  replica.keeper->Tick();
  EXPECT_EQ(Current(), second);
  // From then on it is the turn of the next one.
  replica.keeper->Tick();
  EXPECT_EQ(Current(), second);
  const auto events = Events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].action(), "RotateReceiptKeys");
  EXPECT_EQ(events[0].client_id(), "cofactord");
  EXPECT_EQ(events[0].note(), "signs with " + second);
}

TEST_F(ReceiptKeyKeeperTest, ARotationByHandDelaysTheNextOne) {
  Replica replica(*this);
  clock_.Set(kStart + kEvery - absl::Seconds(1));
  ReceiptKeysRecord keys = Keys();
  ASSERT_TRUE(RotateReceiptKeys(config::v1::RECEIPT_ALGORITHM_EDDSA,
                                clock_.Now(), false, keys)
                  .ok());
  storage::Transaction transaction;
  transaction.Put(kReceiptKeysKey, keys.SerializeAsString());
  ASSERT_TRUE(storage::CommitAndWait(store_, std::move(transaction)).ok());
  const std::string current = Current();
  clock_.Set(kStart + kEvery + absl::Hours(1));
  replica.keeper->Tick();
  EXPECT_EQ(Current(), current);
}

TEST_F(ReceiptKeyKeeperTest, ForgetsAKeyOnceItsReceiptsAreOver) {
  Replica replica(*this);
  const std::string first = Current();
  clock_.Set(kStart + kEvery);
  replica.keeper->Tick();
  EXPECT_EQ(Keys().keys_size(), 3);
  clock_.Advance(absl::Minutes(61) - absl::Microseconds(1));
  replica.keeper->Tick();
  EXPECT_EQ(Keys().keys_size(), 3);
  EXPECT_EQ(Events().size(), 1u);
  clock_.Advance(absl::Microseconds(1));
  replica.keeper->Tick();
  EXPECT_EQ(Keys().keys_size(), 2);
  const auto events = Events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].note(), "forgot " + first);
  replica.keeper->Tick();
  EXPECT_EQ(Events().size(), 2u);
}

TEST_F(ReceiptKeyKeeperTest, OneOfManyServersRotates) {
  Replica first(*this);
  Replica second(*this);
  Replica third(*this);
  const std::string next = Next();
  clock_.Set(kStart + kEvery);
  // All have decided before any of it is on disk.
  store_.Hold();
  for (Replica* replica : {&first, &second, &third}) replica->keeper->Tick();
  store_.WaitUntilHeld(3);
  store_.Release();
  EXPECT_EQ(Current(), next);
  EXPECT_EQ(Keys().keys_size(), 3);
  EXPECT_EQ(Events().size(), 1u);
}

TEST_F(ReceiptKeyKeeperTest, DoesNotBeginAgainWhileTheDiskIsSlow) {
  Replica replica(*this);
  clock_.Set(kStart + kEvery);
  store_.Hold();
  for (int i = 0; i < 3; ++i) replica.keeper->Tick();
  store_.WaitUntilHeld(1);
  EXPECT_EQ(replica.store.commits(), 1);
  store_.Release();
  EXPECT_EQ(Events().size(), 1u);
  clock_.Advance(kEvery);
  replica.keeper->Tick();
  EXPECT_EQ(Events().size(), 2u);
}

TEST_F(ReceiptKeyKeeperTest, AClockThatIsSetBackRotatesNothing) {
  Replica replica(*this);
  const std::string current = Current();
  clock_.Set(kStart - absl::Hours(1000));
  replica.keeper->Tick();
  EXPECT_EQ(Current(), current);
}

// It comes again every two seconds, and would fill the log.
TEST_F(ReceiptKeyKeeperTest, WhatItCannotDoIsNotInTheAuditLog) {
  Replica replica(*this);
  ReceiptKeysRecord keys = Keys();
  // That one belongs to a later version of the server.
  keys.set_version(kRecordVersion + 1);
  storage::Transaction transaction;
  transaction.Put(kReceiptKeysKey, keys.SerializeAsString());
  ASSERT_TRUE(storage::CommitAndWait(store_, std::move(transaction)).ok());
  clock_.Set(kStart + kEvery);
  replica.keeper->Tick();
  replica.keeper->Tick();
  EXPECT_TRUE(Events().empty());
  EXPECT_EQ(Keys().SerializeAsString(), keys.SerializeAsString());
}

}  // namespace
}  // namespace cofactor::services
