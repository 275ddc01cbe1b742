#include "services/engine/device_nonces.h"

#include <set>
#include <string>

#include "base/clock.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "gtest/gtest.h"
#include "services/engine/decoys.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {
namespace {

class DeviceNoncesTest : public testing::Test {
 protected:
  DeviceNonces OfStore(storage::Store& store) {
    const auto secret = LoadDecoySecret(store, randomness_);
    EXPECT_TRUE(secret.ok()) << secret.status();
    return DeviceNonces(DeviceNonces::KeyFrom(*secret), randomness_);
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  const ManualClock clock_{now_};
  SeededRandomness randomness_{1};
  storage::MemoryStore store_{clock_};
  const DeviceNonces nonces_ = OfStore(store_);
};

TEST_F(DeviceNoncesTest, IsFreshForAMinute) {
  const std::string nonce = nonces_.Make(now_);
  EXPECT_EQ(nonce.size(), 40u);
  EXPECT_TRUE(nonces_.IsFresh(nonce, now_));
  const absl::Time end = now_ + kDeviceNonceLifetime;
  EXPECT_TRUE(nonces_.IsFresh(nonce, end - absl::Microseconds(1)));
  EXPECT_FALSE(nonces_.IsFresh(nonce, end));
  EXPECT_FALSE(nonces_.IsFresh(nonce, now_ + absl::Hours(24 * 365)));
}

TEST_F(DeviceNoncesTest, AClockMayBeBehindByAMinuteAndNoMore) {
  const std::string nonce = nonces_.Make(now_);
  const absl::Time behind = now_ - kDeviceNonceLifetime;
  EXPECT_TRUE(nonces_.IsFresh(nonce, behind));
  EXPECT_FALSE(nonces_.IsFresh(nonce, behind - absl::Microseconds(1)));
}

TEST_F(DeviceNoncesTest, RefusesANonceWithAnyBitFlipped) {
  const std::string nonce = nonces_.Make(now_);
  for (size_t bit = 0; bit < nonce.size() * 8; ++bit) {
    std::string flipped = nonce;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(nonces_.IsFresh(flipped, now_)) << "bit " << bit;
  }
}

TEST_F(DeviceNoncesTest, RefusesANonceThatIsCutLongerOrMadeUp) {
  const std::string nonce = nonces_.Make(now_);
  for (size_t size = 0; size < nonce.size(); ++size) {
    EXPECT_FALSE(nonces_.IsFresh(nonce.substr(0, size), now_)) << size;
  }
  EXPECT_FALSE(nonces_.IsFresh(nonce + '\0', now_));
  EXPECT_FALSE(nonces_.IsFresh(std::string(nonce.size(), '\0'), now_));
  EXPECT_FALSE(nonces_.IsFresh(std::string(1 << 20, 'x'), now_));
}

// Nobody carries the tag of one nonce over to the time of another.
TEST_F(DeviceNoncesTest, RefusesTheTimeOfANewerNonce) {
  const std::string old = nonces_.Make(now_ - absl::Hours(1));
  const std::string newer = nonces_.Make(now_);
  EXPECT_FALSE(nonces_.IsFresh(
      old.substr(0, 16) + newer.substr(16, 8) + old.substr(24), now_));
  EXPECT_FALSE(nonces_.IsFresh(
      old.substr(0, 16) + newer.substr(16, 8) + newer.substr(24), now_));
}

TEST_F(DeviceNoncesTest, NoTwoAreTheSame) {
  std::set<std::string> nonces;
  for (int i = 0; i < 1'000; ++i) nonces.insert(nonces_.Make(now_));
  EXPECT_EQ(nonces.size(), 1'000u);
}

TEST_F(DeviceNoncesTest, ServersOfOneStoreTakeEachOthersAndNoOneElses) {
  storage::MemoryStore other(clock_);
  const std::string nonce = nonces_.Make(now_);
  EXPECT_TRUE(OfStore(store_).IsFresh(nonce, now_));
  EXPECT_FALSE(OfStore(other).IsFresh(nonce, now_));
}

// The secret of the store says where decoys are: it must not follow from a tag.
TEST_F(DeviceNoncesTest, TheKeyIsNotTheSecretItFollowsFrom) {
  const Secret secret(std::string(32, 's'));
  const Secret key = DeviceNonces::KeyFrom(secret);
  EXPECT_EQ(key.size(), 32u);
  EXPECT_FALSE(ConstantTimeEquals(key.ExposeSecret(), secret.ExposeSecret()));
  const std::string nonce =
      DeviceNonces(secret.Clone(), randomness_).Make(now_);
  EXPECT_FALSE(DeviceNonces(key.Clone(), randomness_).IsFresh(nonce, now_));
}

}  // namespace
}  // namespace cofactor::services
