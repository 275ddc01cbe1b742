#include "storage/rocksdb/rocksdb_store.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/lossy_disk.h"

namespace cofactor::storage {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

class RocksDbStoreTest : public testing::Test {
 protected:
  RocksDbStoreTest() {
    static int count = 0;
    options_.path = absl::StrCat(testing::TempDir(), "/db", count++);
  }

  void Open() {
    auto store = RocksDbStore::Open(options_, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  absl::Status Put(const std::string& key, const std::string& value) {
    Transaction transaction;
    transaction.Put(key, value);
    return CommitAndWait(*store_, std::move(transaction));
  }

  absl::StatusOr<Record> Get(const std::string& key) {
    return store_->GetSnapshot()->Get(key);
  }

  void CutPowerAgainAndAgain(int rounds, size_t value_bytes);

  // The one file of a kind with content.
  std::string FileOf(const std::string& extension) {
    std::string found;
    for (const auto& entry :
         std::filesystem::directory_iterator(options_.path)) {
      if (entry.path().extension() == extension && entry.file_size() > 0) {
        found = entry.path().string();
      }
    }
    EXPECT_FALSE(found.empty());
    return found;
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  RocksDbOptions options_;
  std::unique_ptr<RocksDbStore> store_;
};

TEST_F(RocksDbStoreTest, KeepsRecordsAndGrowingVersionsOverARestart) {
  Open();
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Put("b", "1").ok());
  const Version before = Get("b")->version;
  for (int i = 0; i < 3; ++i) {
    store_.reset();
    Open();
    EXPECT_EQ(Get("a")->value, "1");
    EXPECT_EQ(Get("b")->version, before);
  }
  ASSERT_TRUE(Put("a", "2").ok());
  EXPECT_GT(Get("a")->version, before);
}

TEST_F(RocksDbStoreTest, RefusesASecondProcess) {
  Open();
  const absl::Status status = RocksDbStore::Open(options_, clock_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), options_.path));
  EXPECT_TRUE(Put("a", "1").ok());
}

TEST_F(RocksDbStoreTest, RefusesALogThatIsDamagedInTheMiddle) {
  Open();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Put(absl::StrCat("k", i), std::string(100, 'x')).ok());
  }
  store_.reset();
  const std::string log = FileOf(".log");
  const std::string content = ReadFile(log);
  for (const size_t place : {content.size() / 4, content.size() / 2}) {
    std::string damaged = content;
    damaged[place] = static_cast<char>(damaged[place] ^ 1);
    WriteFile(log, damaged);
    const absl::Status status = RocksDbStore::Open(options_, clock_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), options_.path));
    EXPECT_EQ(ReadFile(log), damaged);  // Nothing was changed.
  }
  WriteFile(log, content);
  Open();
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(Get(absl::StrCat("k", i))->exists());
}

// RocksDB alone takes a damaged length or type for the end of the log.
TEST_F(RocksDbStoreTest, RefusesALogWithAnyBitFlipped) {
  Open();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Put(absl::StrCat("k", i), "value").ok());
  }
  store_.reset();
  const std::string log = FileOf(".log");
  const std::string content = ReadFile(log);
  for (size_t bit = 0; bit < 8 * content.size(); ++bit) {
    std::string damaged = content;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    WriteFile(log, damaged);
    const auto store = RocksDbStore::Open(options_, clock_);
    ASSERT_EQ(store.status().code(), absl::StatusCode::kDataLoss)
        << "bit " << bit % 8 << " of byte " << bit / 8 << " of "
        << content.size() << ": " << store.status();
    ASSERT_EQ(ReadFile(log), damaged);
  }
  WriteFile(log, content);
  Open();
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(Get(absl::StrCat("k", i))->value, "value");
}

TEST_F(RocksDbStoreTest, TakesAnUnfinishedLastWriteForNone) {
  Open();
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Put("b", "1").ok());
  store_.reset();
  const std::string log = FileOf(".log");
  const std::string content = ReadFile(log);
  WriteFile(log, content.substr(0, content.size() - 5));
  Open();
  EXPECT_TRUE(Get("a")->exists());
  EXPECT_FALSE(Get("b")->exists());
}

TEST_F(RocksDbStoreTest, ReturnsNoRecordFromADamagedTable) {
  Open();
  // More than a write buffer, so that tables are written.
  const std::string value(1 << 20, 'x');
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(Put(absl::StrCat("k", i), value).ok());
  store_.reset();
  Open();
  store_.reset();
  const std::string table = FileOf(".sst");
  std::string content = ReadFile(table);
  for (size_t place = 1000; place < content.size(); place += 1 << 18) {
    content[place] = static_cast<char>(content[place] ^ 1);
  }
  WriteFile(table, content);
  const auto store = RocksDbStore::Open(options_, clock_);
  if (!store.ok()) {
    EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss);
    return;
  }
  int damaged = 0;
  for (int i = 0; i < 40; ++i) {
    const auto record = (*store)->GetSnapshot()->Get(absl::StrCat("k", i));
    if (!record.ok()) {
      EXPECT_EQ(record.status().code(), absl::StatusCode::kDataLoss);
      ++damaged;
    } else {
      EXPECT_EQ(record->value, value);
    }
  }
  EXPECT_GT(damaged, 0);
}

TEST_F(RocksDbStoreTest, RefusesAManifestWithAnyByteDamaged) {
  Open();
  ASSERT_TRUE(Put("a", "1").ok());
  store_.reset();
  Open();
  store_.reset();
  std::string manifest;
  for (const auto& entry : std::filesystem::directory_iterator(options_.path)) {
    if (absl::StartsWith(entry.path().filename().string(), "MANIFEST-")) {
      manifest = entry.path().string();
    }
  }
  const std::string content = ReadFile(manifest);
  ASSERT_FALSE(content.empty());
  for (size_t at = 0; at < content.size(); ++at) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    WriteFile(manifest, damaged);
    ASSERT_EQ(RocksDbStore::Open(options_, clock_).status().code(),
              absl::StatusCode::kDataLoss)
        << "byte " << at;
    ASSERT_EQ(ReadFile(manifest), damaged);
  }
  WriteFile(manifest, content);
  Open();
  EXPECT_EQ(Get("a")->value, "1");
}

// RocksDB alone makes a new store there, and deletes the tables of the old one.
TEST_F(RocksDbStoreTest, RefusesAFolderThatLostTheNameOfItsManifest) {
  const std::string current = options_.path + "/CURRENT";
  // First all is in a log; a start moves it to a table.
  for (int start = 0; start < 2; ++start) {
    Open();
    if (start == 0) {
      ASSERT_TRUE(Put("a", "1").ok());
    }
    EXPECT_EQ(Get("a")->value, "1");
    store_.reset();
    const std::string content = ReadFile(current);
    ASSERT_TRUE(std::filesystem::remove(current));
    const absl::Status status = RocksDbStore::Open(options_, clock_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), options_.path));
    EXPECT_FALSE(std::filesystem::exists(current));
    WriteFile(current, content);
  }
  Open();
  EXPECT_EQ(Get("a")->value, "1");
}

TEST_F(RocksDbStoreTest, AnswersNothingMoreOnceAWriteHasFailed) {
  LossyDisk disk;
  options_.env = disk.env();
  Open();
  ASSERT_TRUE(Put("a", "1").ok());
  auto before = store_->GetSnapshot();
  disk.Stop();
  EXPECT_TRUE(absl::IsUnknown(Put("a", "2")));
  EXPECT_TRUE(absl::IsUnavailable(Put("a", "3")));
  EXPECT_TRUE(absl::IsUnavailable(store_->RemoveExpired(1).status()));
  EXPECT_TRUE(absl::IsUnavailable(Get("a").status()));
  EXPECT_TRUE(
      absl::IsUnavailable(store_->GetSnapshot()->Scan("a", "", 1).status()));
  EXPECT_TRUE(absl::IsUnavailable(before->Get("a").status()));
  before.reset();
  store_.reset();
}

// More than one piece of a sweep; what is no longer true of the index does not
// count against what may be removed.
TEST_F(RocksDbStoreTest, SweepsOverManyEntriesThatSayNothingAnyMore) {
  Open();
  const absl::Time soon = clock_.Now() + absl::Seconds(1);
  const absl::Time later = soon + absl::Seconds(1);
  Transaction first;
  Transaction second;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = absl::StrCat("k", i);
    first.Put(key, "1", soon);
    if (i % 2 == 0) second.Put(key, "2", later);
    if (i % 4 == 1) second.Delete(key);
  }
  ASSERT_TRUE(CommitAndWait(*store_, std::move(first)).ok());
  ASSERT_TRUE(CommitAndWait(*store_, std::move(second)).ok());
  clock_.Set(soon);
  EXPECT_EQ(store_->RemoveExpired(600).value(), 600u);
  EXPECT_EQ(store_->RemoveExpired(600).value(), 150u);
  EXPECT_EQ(store_->RemoveExpired(600).value(), 0u);
  EXPECT_EQ(Get("k0")->value, "2");
  clock_.Set(later);
  EXPECT_EQ(store_->RemoveExpired(5000).value(), 1500u);
  // Seen by a clock that is set back: they are gone, not hidden.
  clock_.Set(soon);
  EXPECT_EQ(store_->GetSnapshot()->Scan("k", "", 1)->size(), 0u);
}

// Records put with a time that has passed, while a sweep is under way behind
// that time, are there for the next one.
TEST_F(RocksDbStoreTest, ForgetsNoRecordThatExpiresDuringASweep) {
  Open();
  const absl::Time start = clock_.Now();
  constexpr int kBatches = 40;
  constexpr int kPerBatch = 100;
  for (int batch = 0; batch < kBatches; ++batch) {
    Transaction transaction;
    for (int i = 0; i < kPerBatch; ++i) {
      transaction.Put(absl::StrCat("old/", batch, "/", i), "1", start);
    }
    ASSERT_TRUE(CommitAndWait(*store_, std::move(transaction)).ok());
  }
  std::atomic<bool> swept = false;
  std::atomic<size_t> put = 0;
  std::thread putter([&] {
    while (!swept) {
      Transaction transaction;
      transaction.Put(absl::StrCat("new/", put.load()), "1",
                      start - absl::Seconds(1));
      ASSERT_TRUE(CommitAndWait(*store_, std::move(transaction)).ok());
      ++put;
    }
  });
  size_t removed = store_->RemoveExpired(1'000'000).value();
  swept = true;
  putter.join();
  removed += store_->RemoveExpired(1'000'000).value();
  EXPECT_EQ(removed, kBatches * kPerBatch + put);
  clock_.Set(start - absl::Seconds(2));
  EXPECT_EQ(store_->GetSnapshot()->Scan("", "", 1)->size(), 0u);
}

// An aborted one has seen what the same batch did not bring to the disk.
TEST_F(RocksDbStoreTest, TellsNobodyAnOutcomeThatDependsOnAFailedWrite) {
  LossyDisk disk;
  options_.env = disk.env();
  Open();
  std::promise<void> held;
  std::promise<void> go_on;
  Transaction first;
  first.Put("first", "1");
  store_->Commit(std::move(first), [&](absl::Status status) {
    held.set_value();
    go_on.get_future().wait();
  });
  held.get_future().wait();
  std::vector<absl::StatusCode> outcomes;
  for (int i = 0; i < 2; ++i) {
    Transaction transaction;
    transaction.Expect("a", kAbsent).Put("a", absl::StrCat(i));
    store_->Commit(std::move(transaction), [&](absl::Status status) {
      outcomes.push_back(status.code());
    });
  }
  disk.Stop();
  go_on.set_value();
  store_.reset();
  EXPECT_EQ(outcomes,
            (std::vector<absl::StatusCode>{absl::StatusCode::kUnknown,
                                           absl::StatusCode::kUnknown}));
}

// Any other trouble with the lock file is not another server.
TEST_F(RocksDbStoreTest, SaysThatAFolderCannotBeUsed) {
  std::filesystem::create_directories(options_.path + "/LOCK");
  const absl::Status status = RocksDbStore::Open(options_, clock_).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), options_.path));
}

TEST_F(RocksDbStoreTest, SaysThatAFolderNamedAfterALockCannotBeUsed) {
  options_.path = testing::TempDir() + "/block/missing parent/db";
  const absl::Status status = RocksDbStore::Open(options_, clock_).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(RocksDbStoreTest, RefusesMoreThanMayWait) {
  options_.max_waiting = 3;
  Open();
  // Holds the thread that writes in the answer to the first.
  std::promise<void> held;
  std::promise<void> go_on;
  Transaction first;
  first.Put("first", "1");
  store_->Commit(std::move(first), [&](absl::Status status) {
    EXPECT_TRUE(status.ok());
    held.set_value();
    go_on.get_future().wait();
  });
  held.get_future().wait();
  std::atomic<int> answered{0};
  for (int i = 0; i < 3; ++i) {
    Transaction transaction;
    transaction.Put(absl::StrCat("k", i), "1");
    store_->Commit(std::move(transaction), [&](absl::Status status) {
      EXPECT_TRUE(status.ok()) << status;
      ++answered;
    });
  }
  // Refused on this thread; the other one is held.
  absl::Status refused = absl::UnknownError("not answered");
  Transaction too_many;
  too_many.Put("too many", "1");
  store_->Commit(std::move(too_many),
                 [&](absl::Status status) { refused = std::move(status); });
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_EQ(answered, 0);
  EXPECT_TRUE(store_->Health().ok());
  go_on.set_value();
  // Waits for all that were taken.
  store_.reset();
  EXPECT_EQ(answered, 3);
  Open();
  EXPECT_TRUE(Get("k2")->exists());
  EXPECT_FALSE(Get("too many")->exists());
  EXPECT_TRUE(Put("no longer too many", "1").ok());
}

// What expires before it is written is absent to those that commit with it.
TEST_F(RocksDbStoreTest, TakesWhatHasExpiredInTheSameBatchForAbsent) {
  Open();
  std::promise<void> held;
  std::promise<void> go_on;
  Transaction first;
  first.Put("first", "1");
  store_->Commit(std::move(first), [&](absl::Status status) {
    held.set_value();
    go_on.get_future().wait();
  });
  held.get_future().wait();
  Transaction expired;
  expired.Put("a", "1", clock_.Now());
  store_->Commit(std::move(expired),
                 [](absl::Status status) { EXPECT_TRUE(status.ok()); });
  Transaction next;
  next.Expect("a", kAbsent).Put("a", "2");
  store_->Commit(std::move(next), [](absl::Status status) {
    EXPECT_TRUE(status.ok()) << status;
  });
  go_on.set_value();
  ASSERT_TRUE(Put("last", "1").ok());
  EXPECT_EQ(Get("a")->value, "2");
}

// Puts from four threads until the power fails at a random moment, loses what
// was not synced, starts again and looks for all that was answered; rounds
// times.
void RocksDbStoreTest::CutPowerAgainAndAgain(int rounds, size_t value_bytes) {
  LossyDisk disk;
  options_.env = disk.env();
  std::mt19937_64 random(1);
  const std::string value(value_bytes, 'x');
  std::set<std::string> answered;
  for (int round = 0; round < rounds; ++round) {
    Open();
    for (const std::string& key : answered) {
      const auto record = Get(key);
      ASSERT_TRUE(record.ok()) << record.status();
      ASSERT_EQ(record->value, value) << key << " in round " << round;
    }
    const uint64_t power_cut_after = 1 + random() % 60;
    std::vector<std::vector<std::string>> told(4);
    std::atomic<uint64_t> answers{0};
    std::vector<std::thread> threads;
    for (size_t worker = 0; worker < told.size(); ++worker) {
      threads.emplace_back([&, worker] {
        for (int i = 0;; ++i) {
          const std::string key = absl::StrCat(round, "-", worker, "-", i);
          if (!Put(key, value).ok()) return;
          told[worker].push_back(key);
          if (++answers == power_cut_after) disk.Stop();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(absl::IsUnavailable(store_->Health()));
    store_.reset();
    disk.LoseUnsynced();
    for (const auto& of_worker : told) {
      answered.insert(of_worker.begin(), of_worker.end());
    }
  }
  EXPECT_GT(answered.size(), static_cast<size_t>(10 * rounds));
}

TEST_F(RocksDbStoreTest,
       KeepsWhatItAnsweredWhenTheDiskLosesAllThatWasNotSynced) {
  CutPowerAgainAndAgain(20, 1);
}

// Large enough that logs are changed and tables written in each round.
TEST_F(RocksDbStoreTest, KeepsWhatItAnsweredWhenTablesLoseWhatWasNotSynced) {
  CutPowerAgainAndAgain(6, 1 << 20);
}

}  // namespace
}  // namespace cofactor::storage
