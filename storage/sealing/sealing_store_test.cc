#include "storage/sealing/sealing_store.h"

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "storage/sealing/interrupted_store.h"

namespace cofactor::storage {
namespace {

KeyRing RingOf(uint32_t key_id, char digit) {
  return *KeyRing::Parse(absl::StrCat("primary_key_id: ", key_id,
                                      " keys { key_id: ", key_id, " key_hex: '",
                                      std::string(64, digit), "' }"));
}

class SealingStoreTest : public testing::Test {
 protected:
  static absl::Status Put(Store& store, const std::string& key,
                          const std::string& value) {
    Transaction transaction;
    transaction.Put(key, value);
    return CommitAndWait(store, std::move(transaction));
  }

  static absl::StatusCode CodeOf(Store& store, const std::string& key) {
    return store.GetSnapshot()->Get(key).status().code();
  }

  // What lies in the base store.
  std::string Raw(const std::string& key) {
    return base_.GetSnapshot()->Get(key)->value;
  }

  const ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SeededRandomness randomness_{1};
  std::unique_ptr<MemoryStore> owned_base_ =
      std::make_unique<MemoryStore>(clock_);
  MemoryStore& base_ = *owned_base_;
  SealingStore store_{std::move(owned_base_), RingOf(0x01020304, 'a'),
                      randomness_};
};

TEST_F(SealingStoreTest, LeavesNothingOfAValueReadable) {
  const std::string value = "a seed that nobody may read";
  ASSERT_TRUE(Put(store_, "m/acme/ada", value).ok());
  EXPECT_EQ(store_.GetSnapshot()->Get("m/acme/ada")->value, value);
  const std::string raw = Raw("m/acme/ada");
  for (size_t at = 0; at + 4 <= value.size(); ++at) {
    EXPECT_FALSE(absl::StrContains(raw, value.substr(at, 4))) << at;
  }
}

TEST_F(SealingStoreTest, LaysAValueOutAsTheFormatSays) {
  ASSERT_TRUE(Put(store_, "a", "value").ok());
  const std::string raw = Raw("a");
  // Format, id of the key, nonce, ciphertext, tag.
  EXPECT_EQ(raw.substr(0, 5), "\1\1\2\3\4");
  EXPECT_EQ(raw.size(), 5u + 24 + 5 + 16);
  const XaesGcm cipher = *XaesGcm::Create(Secret(std::string(32, '\xAA')));
  const auto opened =
      cipher.Open(raw.substr(5, 24), raw.substr(29),
                  absl::StrCat("cofactor record 1", raw.substr(0, 5), "a"));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->ExposeSecret(), "value");
}

TEST_F(SealingStoreTest, DrawsANonceForEachValue) {
  std::set<std::string> nonces;
  for (int i = 0; i < 100; ++i) {
    Transaction transaction;
    transaction.Put("a", "the same").Put("b", "the same");
    ASSERT_TRUE(CommitAndWait(store_, std::move(transaction)).ok());
    nonces.insert(Raw("a").substr(5, 24));
    nonces.insert(Raw("b").substr(5, 24));
  }
  EXPECT_EQ(nonces.size(), 200u);
}

TEST_F(SealingStoreTest, OpensNoValueUnderTheKeyOfAnother) {
  ASSERT_TRUE(Put(store_, "ada", "ada's seed").ok());
  ASSERT_TRUE(Put(store_, "bob", "bob's seed").ok());
  const std::string ada = Raw("ada");
  const std::string bob = Raw("bob");
  ASSERT_TRUE(Put(base_, "ada", bob).ok());
  ASSERT_TRUE(Put(base_, "bob", ada).ok());
  EXPECT_EQ(CodeOf(store_, "ada"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf(store_, "bob"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(store_.GetSnapshot()->Scan("", "", 10).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(SealingStoreTest, OpensNoValueOfAKeyThatItDoesNotHold) {
  auto other_base = std::make_unique<MemoryStore>(clock_);
  MemoryStore& base_of_other = *other_base;
  SealingStore other(std::move(other_base), RingOf(7, 'a'), randomness_);
  ASSERT_TRUE(Put(other, "a", "1").ok());
  ASSERT_TRUE(
      Put(base_, "a", base_of_other.GetSnapshot()->Get("a")->value).ok());
  const absl::Status status = store_.GetSnapshot()->Get("a").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(status.message(), "key 7")) << status;
}

TEST_F(SealingStoreTest, OpensNothingShorterThanASealOrInTheClear) {
  ASSERT_TRUE(Put(store_, "a", "1").ok());
  const std::string raw = Raw("a");
  for (size_t size = 0; size < raw.size(); ++size) {
    ASSERT_TRUE(Put(base_, "a", raw.substr(0, size)).ok());
    EXPECT_EQ(CodeOf(store_, "a"), absl::StatusCode::kDataLoss) << size;
  }
  ASSERT_TRUE(Put(base_, "a", std::string(100, 'x')).ok());
  EXPECT_EQ(CodeOf(store_, "a"), absl::StatusCode::kDataLoss);
}

TEST_F(SealingStoreTest, LeavesKeysVersionsAndConditionsToItsBase) {
  ASSERT_TRUE(Put(store_, "a", "1").ok());
  const Version version = base_.GetSnapshot()->Get("a")->version;
  EXPECT_EQ(store_.GetSnapshot()->Get("a")->version, version);
  Transaction transaction;
  transaction.Expect("a", version).Delete("a");
  EXPECT_TRUE(CommitAndWait(store_, std::move(transaction)).ok());
  EXPECT_FALSE(base_.GetSnapshot()->Get("a")->exists());
}

TEST_F(SealingStoreTest, SealsWithTheRingThatItWasGivenLast) {
  const KeyRing old_ring = *store_.key_ring();
  ASSERT_TRUE(Put(store_, "old", "1").ok());
  const auto before = store_.GetSnapshot();
  const KeyRing ring = *old_ring.WithNewPrimary(randomness_);
  store_.UseKeyRing(ring);
  EXPECT_FALSE(store_.HasCommitsOfEarlierRings());
  ASSERT_TRUE(Put(store_, "new", "2").ok());
  EXPECT_EQ(Raw("new").substr(0, 5), "\1\1\2\3\5");
  EXPECT_EQ(store_.GetSnapshot()->Get("old")->value, "1");
  EXPECT_EQ(store_.GetSnapshot()->Get("new")->value, "2");
  store_.UseKeyRing(*ring.Without(old_ring.primary_key_id()));
  EXPECT_EQ(CodeOf(store_, "old"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(before->Get("old")->value, "1");
}

TEST_F(SealingStoreTest, KnowsOfCommitsThatAnEarlierRingSealed) {
  auto owned_base = std::make_unique<InterruptedStore>(clock_);
  InterruptedStore& base = *owned_base;
  SealingStore store(std::move(owned_base), RingOf(1, 'a'), randomness_);
  base.Hold();
  bool answered = false;
  Transaction transaction;
  transaction.Put("a", "1");
  store.Commit(std::move(transaction),
               [&](absl::Status status) { answered = status.ok(); });
  EXPECT_FALSE(store.HasCommitsOfEarlierRings());
  store.UseKeyRing(*store.key_ring()->WithNewPrimary(randomness_));
  EXPECT_TRUE(store.HasCommitsOfEarlierRings());
  store.UseKeyRing(*store.key_ring()->WithNewPrimary(randomness_));
  EXPECT_TRUE(store.HasCommitsOfEarlierRings());
  base.Release();
  EXPECT_TRUE(answered);
  EXPECT_FALSE(store.HasCommitsOfEarlierRings());
}

// Whatever happens around a snapshot, it has the keys for what it shows.
TEST_F(SealingStoreTest, TakesTheRingThatGoesWithASnapshot) {
  auto owned_base = std::make_unique<InterruptedStore>(clock_);
  InterruptedStore& base = *owned_base;
  SealingStore store(std::move(owned_base), RingOf(1, 'a'), randomness_);
  ASSERT_TRUE(Put(store, "a", "1").ok());
  base.BeforeNextSnapshot([&] {
    store.UseKeyRing(*store.key_ring()->WithNewPrimary(randomness_));
    ASSERT_TRUE(Put(store, "a", "2").ok());
  });
  const auto added = store.GetSnapshot()->Get("a");
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(added->value, "2");
  base.AfterNextSnapshot([&] {
    store.UseKeyRing(*store.key_ring()->WithNewPrimary(randomness_));
    ASSERT_TRUE(Put(store, "a", "3").ok());
    store.UseKeyRing(*store.key_ring()->Without(1)->Without(2));
  });
  const auto dropped = store.GetSnapshot()->Get("a");
  ASSERT_TRUE(dropped.ok()) << dropped.status();
}

}  // namespace
}  // namespace cofactor::storage
