// Rotates keys while threads read and write.
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/sealing/key_ring.h"
#include "storage/sealing/key_rotation.h"
#include "storage/sealing/open_sealed_store.h"
#include "storage/store.h"

namespace cofactor::storage {
namespace {

using KeyIds = std::vector<uint32_t>;

absl::Status Put(Store& store, const std::string& key,
                 const std::string& value) {
  Transaction transaction;
  transaction.Put(key, value);
  return CommitAndWait(store, std::move(transaction));
}

// Counts in many records from several threads, while the keys are rotated so
// many times; halfway: called in the middle of the last rotation.
void RotateUnderLoad(SealingStore& store, KeyRotation& rotation, int rotations,
                     const std::function<void()>& halfway) {
  constexpr size_t kCounters = 40;
  constexpr size_t kThreads = 4;
  for (size_t i = 0; i < kCounters; ++i) {
    ASSERT_TRUE(Put(store, absl::StrCat("n/", i), "0").ok());
  }
  std::atomic<bool> rotated = false;
  std::vector<std::vector<int>> done(kThreads, std::vector<int>(kCounters));
  std::vector<std::thread> threads;
  for (size_t worker = 0; worker < kThreads; ++worker) {
    threads.emplace_back([&, worker] {
      for (size_t turn = worker; !rotated; ++turn) {
        const size_t counter = turn % kCounters;
        const std::string key = absl::StrCat("n/", counter);
        const auto record = store.GetSnapshot()->Get(key);
        ASSERT_TRUE(record.ok()) << record.status();
        int n = 0;
        ASSERT_TRUE(absl::SimpleAtoi(record->value, &n));
        Transaction transaction;
        transaction.Expect(key, record->version);
        transaction.Put(key, absl::StrCat(n + 1));
        const absl::Status status =
            CommitAndWait(store, std::move(transaction));
        ASSERT_TRUE(status.ok() || absl::IsAborted(status)) << status;
        done[worker][counter] += status.ok();
        const auto all = store.GetSnapshot()->Scan("n/", "", 100);
        ASSERT_TRUE(all.ok()) << all.status();
        ASSERT_EQ(all->size(), kCounters);
      }
    });
  }
  for (int i = 0; i < rotations; ++i) {
    EXPECT_TRUE(rotation.Start().ok());
    absl::StatusOr<bool> more = rotation.Step(16);
    if (i + 1 == rotations) halfway();
    while (more.ok() && *more) more = rotation.Step(16);
    EXPECT_TRUE(more.ok()) << more.status();
    const absl::Status dropped = rotation.DropOldKeys();
    EXPECT_TRUE(dropped.ok()) << dropped;
  }
  rotated = true;
  for (std::thread& thread : threads) thread.join();
  for (size_t counter = 0; counter < kCounters; ++counter) {
    int expected = 0;
    for (const std::vector<int>& of_worker : done) {
      expected += of_worker[counter];
    }
    EXPECT_EQ(store.GetSnapshot()->Get(absl::StrCat("n/", counter))->value,
              absl::StrCat(expected));
  }
}

class KeyRotationLoadTest : public testing::Test {
 protected:
  const ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SystemRandomness randomness_;
};

TEST_F(KeyRotationLoadTest, LosesNothingOfAStoreInMemory) {
  const std::string ring = testing::TempDir() + "/rotated_memory_key_ring";
  const auto store =
      OpenSealedStore(std::make_unique<MemoryStore>(clock_), ring, randomness_);
  ASSERT_TRUE(store.ok()) << store.status();
  KeyRotation rotation(**store, ring, randomness_);
  RotateUnderLoad(**store, rotation, 20, [] {});
  EXPECT_EQ(ReadKeyRingFile(ring)->key_ids(), KeyIds{21});
}

// A backup from the middle of a rotation opens with the ring of that time.
TEST_F(KeyRotationLoadTest, LosesNothingOfAStoreOnDisk) {
  RocksDbOptions options;
  options.path = testing::TempDir() + "/rotated_store";
  const std::string ring = testing::TempDir() + "/rotated_store_key_ring";
  const std::string backup = testing::TempDir() + "/rotated_store_backup";
  const auto open = [&](const std::string& path) {
    options.path = path;
    auto base = RocksDbStore::Open(options, clock_);
    EXPECT_TRUE(base.ok()) << base.status();
    RocksDbStore* rocksdb = base->get();
    auto store = OpenSealedStore(*std::move(base), ring, randomness_);
    EXPECT_TRUE(store.ok()) << store.status();
    return std::make_pair(*std::move(store), rocksdb);
  };
  {
    const auto [store, rocksdb] = open(options.path);
    KeyRotation rotation(*store, ring, randomness_);
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(Put(*store, absl::StrCat("m/", i), "a seed").ok());
    }
    RotateUnderLoad(*store, rotation, 3, [&, base = rocksdb] {
      EXPECT_TRUE(base->Backup(backup).ok());
      std::filesystem::copy_file(ring, ring + ".then");
    });
  }
  const std::string path = options.path;
  EXPECT_EQ(ReadKeyRingFile(ring)->key_ids(), KeyIds{4});
  EXPECT_EQ(open(path).first->GetSnapshot()->Scan("m/", "", 1000)->size(),
            100u);
  std::filesystem::rename(ring + ".then", ring);
  EXPECT_EQ(ReadKeyRingFile(ring)->key_ids(), (KeyIds{3, 4}));
  const auto [restored, rocksdb] = open(backup);
  EXPECT_EQ(restored->GetSnapshot()->Scan("m/", "", 1000)->size(), 100u);
  EXPECT_EQ(restored->GetSnapshot()->Scan("n/", "", 1000)->size(), 40u);
}

}  // namespace
}  // namespace cofactor::storage
