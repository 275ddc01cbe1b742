#include "storage/sealing/open_sealed_store.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "storage/sealing/key_ring.h"

namespace cofactor::storage {
namespace {

// A store that outlasts the one who opened it, as a folder does.
class SharedStore final : public Store {
 public:
  explicit SharedStore(std::shared_ptr<Store> base) : base_(std::move(base)) {}

  std::unique_ptr<const Snapshot> GetSnapshot() override {
    return base_->GetSnapshot();
  }
  void Commit(Transaction transaction, CommitDone done) override {
    base_->Commit(std::move(transaction), std::move(done));
  }
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override {
    return base_->RemoveExpired(max_records);
  }
  absl::Status Health() const override { return base_->Health(); }

 private:
  const std::shared_ptr<Store> base_;
};

class OpenSealedStoreTest : public testing::Test {
 protected:
  OpenSealedStoreTest() {
    static int count = 0;
    key_ring_ = absl::StrCat(testing::TempDir(), "/sealed_key_ring", count++);
  }

  absl::StatusOr<std::unique_ptr<SealingStore>> Open() {
    return OpenSealedStore(std::make_unique<SharedStore>(base_), key_ring_,
                           randomness_);
  }

  static absl::Status Put(Store& store, const std::string& key,
                          const std::string& value) {
    Transaction transaction;
    transaction.Put(key, value);
    return CommitAndWait(store, std::move(transaction));
  }

  static std::string Raw(Store& store, const std::string& key) {
    return store.GetSnapshot()->Get(key)->value;
  }

  void WriteKeyRing(const std::string& text) {
    std::filesystem::remove(key_ring_);
    ASSERT_TRUE(WriteKeyRingFile(key_ring_, Secret(text)).ok());
  }

  static std::string Key(int id, char digit) {
    return absl::StrCat("keys { key_id: ", id, " key_hex: '",
                        std::string(64, digit), "' } ");
  }

  const ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SystemRandomness randomness_;
  const std::shared_ptr<Store> base_ = std::make_shared<MemoryStore>(clock_);
  std::string key_ring_;
};

TEST_F(OpenSealedStoreTest, MakesAKeyRingOnceAndReadsBackAfterARestart) {
  {
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(Put(**store, "a", "the seed").ok());
  }
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->GetSnapshot()->Get("a")->value, "the seed");
  EXPECT_FALSE(absl::StrContains(Raw(*base_, "a"), "the seed"));
}

TEST_F(OpenSealedStoreTest, RefusesToStartWithoutTheKeyRingOfAUsedStore) {
  ASSERT_TRUE(Open().ok());
  std::filesystem::remove(key_ring_);
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), key_ring_));
  EXPECT_FALSE(std::filesystem::exists(key_ring_));
}

TEST_F(OpenSealedStoreTest, RefusesToStartWithAnotherKeyRing) {
  ASSERT_TRUE(Open().ok());
  std::filesystem::remove(key_ring_);
  WriteKeyRing(absl::StrCat("primary_key_id: 1 ", Key(1, 'a')));
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition);
  WriteKeyRing(absl::StrCat("primary_key_id: 9 ", Key(9, 'a')));
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(OpenSealedStoreTest, GoesOnAfterAStartThatWasKilledInBetween) {
  // The key ring was written, the store not yet.
  WriteKeyRing(absl::StrCat("primary_key_id: 1 ", Key(1, 'a')));
  EXPECT_TRUE(Open().ok());
  EXPECT_TRUE(Open().ok());
}

TEST_F(OpenSealedStoreTest, OpensOldValuesAndSealsByTheNewPrimary) {
  WriteKeyRing(absl::StrCat("primary_key_id: 1 ", Key(1, 'a')));
  ASSERT_TRUE(Put(**Open(), "old", "1").ok());
  WriteKeyRing(absl::StrCat("primary_key_id: 2 ", Key(1, 'a'), Key(2, 'b')));
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->GetSnapshot()->Get("old")->value, "1");
  ASSERT_TRUE(Put(**store, "new", "2").ok());
  EXPECT_EQ(Raw(*base_, "old").substr(0, 5), std::string("\1\0\0\0\1", 5));
  EXPECT_EQ(Raw(*base_, "new").substr(0, 5), std::string("\1\0\0\0\2", 5));
  EXPECT_EQ((*store)->GetSnapshot()->Get("new")->value, "2");
}

TEST_F(OpenSealedStoreTest, OpensNoValueThatWasSwappedOrChanged) {
  const auto store = Open();
  ASSERT_TRUE(Put(**store, "m/acme/ada", "ada's seed").ok());
  ASSERT_TRUE(Put(**store, "m/acme/bob", "bob's seed").ok());
  const std::string ada = Raw(*base_, "m/acme/ada");
  const std::string bob = Raw(*base_, "m/acme/bob");
  ASSERT_TRUE(Put(*base_, "m/acme/ada", bob).ok());
  ASSERT_TRUE(Put(*base_, "m/acme/bob", ada).ok());
  for (const std::string& key :
       {std::string("m/acme/ada"), std::string("m/acme/bob")}) {
    EXPECT_EQ((*store)->GetSnapshot()->Get(key).status().code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ((*store)->GetSnapshot()->Scan("m/", "", 10).status().code(),
            absl::StatusCode::kDataLoss);
  for (size_t i = 0; i < ada.size(); ++i) {
    std::string changed = ada;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    ASSERT_TRUE(Put(*base_, "m/acme/ada", changed).ok());
    EXPECT_FALSE((*store)->GetSnapshot()->Get("m/acme/ada").ok()) << i;
  }
  ASSERT_TRUE(Put(*base_, "m/acme/ada", "in the clear").ok());
  EXPECT_FALSE((*store)->GetSnapshot()->Get("m/acme/ada").ok());
  ASSERT_TRUE(Put(*base_, "m/acme/ada", ada).ok());
  EXPECT_EQ((*store)->GetSnapshot()->Get("m/acme/ada")->value, "ada's seed");
}

TEST_F(OpenSealedStoreTest, SealsTheSameValueDifferentlyEachTime) {
  const auto store = Open();
  ASSERT_TRUE(Put(**store, "a", "1").ok());
  const std::string first = Raw(*base_, "a");
  ASSERT_TRUE(Put(**store, "a", "1").ok());
  EXPECT_NE(Raw(*base_, "a"), first);
}

}  // namespace
}  // namespace cofactor::storage
