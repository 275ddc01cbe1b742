#include "storage/check_store.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace cofactor::storage {
namespace {

using Counts = std::map<std::string, uint64_t>;
using Keys = std::vector<std::string>;

absl::Status Put(Store& store, const std::string& key,
                 const std::string& value) {
  Transaction transaction;
  transaction.Put(key, value);
  return CommitAndWait(store, std::move(transaction));
}

// Fails each read of certain keys, as a damaged disk does.
class DamagedStore final : public Store {
 public:
  explicit DamagedStore(const Clock& clock) : base_(clock) {}

  std::unique_ptr<const Snapshot> GetSnapshot() override {
    return std::make_unique<DamagedSnapshot>(base_.GetSnapshot(), damage_);
  }
  void Commit(Transaction transaction, CommitDone done) override {
    base_.Commit(std::move(transaction), std::move(done));
  }
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override {
    return base_.RemoveExpired(max_records);
  }
  absl::Status Health() const override { return base_.Health(); }

  // From then on, whoever comes by the key gets this.
  void Damage(const std::string& key, absl::Status status) {
    damage_[key] = std::move(status);
  }

 private:
  using Damages = std::map<std::string, absl::Status>;

  class DamagedSnapshot final : public Snapshot {
   public:
    DamagedSnapshot(std::unique_ptr<const Snapshot> base, Damages damage)
        : base_(std::move(base)), damage_(std::move(damage)) {}

    absl::StatusOr<Record> Get(absl::string_view key) const override {
      return base_->Get(key);
    }
    absl::StatusOr<std::vector<Entry>> Scan(absl::string_view prefix,
                                            absl::string_view start_after,
                                            size_t limit) const override {
      auto entries = base_->Scan(prefix, start_after, limit);
      if (!entries.ok()) return entries;
      for (const Entry& entry : *entries) {
        const auto damage = damage_.find(entry.key);
        if (damage != damage_.end()) return damage->second;
      }
      return entries;
    }

   private:
    const std::unique_ptr<const Snapshot> base_;
    const Damages damage_;
  };

  MemoryStore base_;
  Damages damage_;
};

class CheckStoreTest : public testing::Test {
 protected:
  void PutMany(int records) {
    for (int i = 0; i < records; ++i) {
      ASSERT_TRUE(
          Put(store_, absl::StrCat("m/acme/", 1000 + i), "a seed").ok());
    }
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SystemRandomness randomness_;
  std::unique_ptr<DamagedStore> owned_base_ =
      std::make_unique<DamagedStore>(clock_);
  DamagedStore& base_ = *owned_base_;
  SealingStore store_{
      std::move(owned_base_),
      *KeyRing::Parse(NewKeyRingText(randomness_).ExposeSecret()), randomness_};
};

TEST_F(CheckStoreTest, CountsAllThatIsThere) {
  StoreReport report = CheckStore(store_).value();
  EXPECT_TRUE(report.IsSound());
  EXPECT_EQ(report.records, 0u);
  // More than one piece.
  PutMany(600);
  ASSERT_TRUE(Put(store_, "a/acme", "1").ok());
  ASSERT_TRUE(Put(store_, "!sealing", "1").ok());
  store_.UseKeyRing(*store_.key_ring()->WithNewPrimary(randomness_));
  ASSERT_TRUE(Put(store_, "a/other", "1").ok());
  Transaction transaction;
  transaction.Put("a/expired", "1", clock_.Now());
  ASSERT_TRUE(CommitAndWait(store_, std::move(transaction)).ok());
  report = CheckStore(store_).value();
  EXPECT_TRUE(report.IsSound());
  EXPECT_EQ(report.records, 603u);
  EXPECT_EQ(report.records_by_prefix,
            (Counts{{"!sealing", 1}, {"a", 2}, {"m", 600}}));
  EXPECT_EQ(report.records_by_key_id,
            (std::map<uint32_t, uint64_t>{{1, 602}, {2, 1}}));
}

TEST_F(CheckStoreTest, GoesOnAfterEachDamagedRecord) {
  PutMany(600);
  const std::string good = base_.GetSnapshot()->Get("m/acme/1000")->value;
  for (int i = 100; i < 120; ++i) {
    ASSERT_TRUE(Put(base_, absl::StrCat("m/acme/", 1000 + i), good).ok());
  }
  ASSERT_TRUE(Put(base_, "m/acme/1500", "in the clear").ok());
  const StoreReport report = CheckStore(store_).value();
  EXPECT_FALSE(report.IsSound());
  EXPECT_EQ(report.records, 600u);
  EXPECT_EQ(report.records_by_key_id, (std::map<uint32_t, uint64_t>{{1, 579}}));
  EXPECT_EQ(report.damaged_records, 21u);
  EXPECT_EQ(report.damaged_keys.size(), StoreReport::kMaxKeys);
  EXPECT_EQ(report.damaged_keys.front(), "m/acme/1100");
  EXPECT_EQ(report.damaged_keys.back(), "m/acme/1109");
  EXPECT_EQ(report.unreadable_stretches, 0u);
}

TEST_F(CheckStoreTest, GoesOnBehindWhatCannotBeRead) {
  PutMany(600);
  ASSERT_TRUE(Put(store_, "a/acme", "1").ok());
  base_.Damage("a/acme", absl::DataLossError("a bad block"));
  for (const int i : {100, 101, 300}) {
    base_.Damage(absl::StrCat("m/acme/", 1000 + i),
                 absl::DataLossError("a bad block"));
  }
  base_.Damage("m/acme/1599", absl::DataLossError("a bad block"));
  const StoreReport report = CheckStore(store_).value();
  EXPECT_FALSE(report.IsSound());
  EXPECT_EQ(report.damaged_records, 0u);
  EXPECT_EQ(report.unreadable_stretches, 4u);
  EXPECT_EQ(report.keys_before_unreadable.at(0), "");
  EXPECT_EQ(report.keys_before_unreadable.at(1), "m/acme/1099");
  EXPECT_EQ(report.keys_before_unreadable.at(2), "m/acme/1299");
  EXPECT_EQ(report.keys_before_unreadable.at(3), "m/acme/1598");
  // None is passed over.
  EXPECT_EQ(report.records, 601u - 5u);
}

TEST_F(CheckStoreTest, GivesUpOnAStoreThatHasFailed) {
  PutMany(3);
  base_.Damage("m/acme/1001", absl::UnavailableError("no disk"));
  EXPECT_TRUE(absl::IsUnavailable(CheckStore(store_).status()));
  base_.Damage("m/acme/1000", absl::DataLossError("a bad block"));
  EXPECT_TRUE(absl::IsUnavailable(CheckStore(store_).status()));
}

// As a disk damages it: some blocks of a table.
TEST(CheckRocksDbStoreTest, GoesOnBehindADamagedBlock) {
  const SystemClock clock;
  SystemRandomness randomness;
  const Secret ring = NewKeyRingText(randomness);
  RocksDbOptions options;
  options.path = testing::TempDir() + "/check_store";
  const auto open = [&]() -> std::unique_ptr<SealingStore> {
    auto base = RocksDbStore::Open(options, clock);
    EXPECT_TRUE(base.ok()) << base.status();
    return std::make_unique<SealingStore>(
        *std::move(base), *KeyRing::Parse(ring.ExposeSecret()), randomness);
  };
  constexpr uint64_t kRecords = 3000;
  {
    const auto store = open();
    Transaction transaction;
    for (uint64_t i = 0; i < kRecords; ++i) {
      transaction.Put(absl::StrCat("m/", 10'000 + i), std::string(100, 'x'));
    }
    ASSERT_TRUE(CommitAndWait(*store, std::move(transaction)).ok());
  }
  // A start moves the log to a table.
  EXPECT_EQ(CheckStore(*open())->records, kRecords);
  for (const auto& entry : std::filesystem::directory_iterator(options.path)) {
    if (entry.path().extension() != ".sst" || entry.file_size() < 100'000) {
      continue;
    }
    std::fstream table(entry.path(),
                       std::ios::binary | std::ios::in | std::ios::out);
    for (const int place : {50'000, 200'000}) {
      table.seekp(place);
      table << "damage";
    }
  }
  const auto store = open();
  const StoreReport report = CheckStore(*store).value();
  EXPECT_FALSE(report.IsSound());
  EXPECT_EQ(report.unreadable_stretches, 2u);
  EXPECT_LT(report.records, kRecords);
  EXPECT_GT(report.records, kRecords * 9 / 10);
}

}  // namespace
}  // namespace cofactor::storage
