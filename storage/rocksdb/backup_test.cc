#include "storage/rocksdb/backup.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "storage/rocksdb/lossy_disk.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace cofactor::storage {
namespace {

// A disk that has room for so many bytes of backups, and on which a test can do
// something when a backup begins to copy.
class BackupDisk final : public rocksdb::EnvWrapper {
 public:
  BackupDisk() : EnvWrapper(rocksdb::Env::Default()) {}

  const char* Name() const override { return "BackupDisk"; }

  rocksdb::Status NewWritableFile(const std::string& path,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    const bool is_copy = absl::StrContains(path, ".partial/");
    if (is_copy && at_first_copy_) std::exchange(at_first_copy_, nullptr)();
    const rocksdb::Status status =
        EnvWrapper::NewWritableFile(path, file, options);
    if (status.ok() && is_copy) {
      *file = std::make_unique<File>(*this, std::move(*file));
    }
    return status;
  }

  void SetRoom(uint64_t bytes) { room_ = bytes; }
  void AtFirstCopy(std::function<void()> what) {
    at_first_copy_ = std::move(what);
  }

 private:
  class File final : public rocksdb::WritableFileWrapper {
   public:
    File(BackupDisk& disk, std::unique_ptr<rocksdb::WritableFile> base)
        : WritableFileWrapper(base.get()),
          disk_(disk),
          base_(std::move(base)) {}

    using WritableFileWrapper::Append;

    rocksdb::Status Append(const rocksdb::Slice& data) override {
      if (data.size() > disk_.room_) return rocksdb::Status::NoSpace("full");
      disk_.room_ -= data.size();
      return base_->Append(data);
    }

   private:
    BackupDisk& disk_;
    const std::unique_ptr<rocksdb::WritableFile> base_;
  };

  uint64_t room_ = 1 << 30;
  std::function<void()> at_first_copy_;
};

class BackupTest : public testing::Test {
 protected:
  BackupTest() : path_(NewPath()) { std::filesystem::remove_all(path_); }

  // Where nothing is.
  static std::string NewPath() {
    static int count = 0;
    return absl::StrCat(testing::TempDir(), "/backup_test", count++);
  }

  std::unique_ptr<RocksDbStore> Open(const std::string& path,
                                     rocksdb::Env* env = nullptr) {
    RocksDbOptions options;
    options.path = path;
    options.env = env;
    auto store = RocksDbStore::Open(options, clock_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  static absl::Status Put(Store& store, const std::string& key,
                          const std::string& value,
                          absl::Time expire_time = absl::InfiniteFuture()) {
    Transaction transaction;
    transaction.Put(key, value, expire_time);
    return CommitAndWait(store, std::move(transaction));
  }

  static std::string Get(Store& store, const std::string& key) {
    const auto record = store.GetSnapshot()->Get(key);
    EXPECT_TRUE(record.ok()) << record.status();
    return record.ok() ? record->value : "";
  }

  static std::map<std::string, Version> VersionsOf(Store& store) {
    std::map<std::string, Version> versions;
    const auto entries = store.GetSnapshot()->Scan("", "", 1'000'000);
    EXPECT_TRUE(entries.ok()) << entries.status();
    for (const Entry& entry : *entries) {
      versions[entry.key] = entry.record.version;
    }
    return versions;
  }

  static std::vector<std::string> FilesOf(const std::string& folder,
                                          const std::string& extension) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == extension) {
        files.push_back(entry.path().string());
      }
    }
    return files;
  }

  void FillWhile(Store& store, const std::atomic<bool>& stop,
                 std::vector<std::atomic<int>>& answered);

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const std::string path_;
};

// Four threads that each put pairs of records, until they are stopped.
void BackupTest::FillWhile(Store& store, const std::atomic<bool>& stop,
                           std::vector<std::atomic<int>>& answered) {
  std::vector<std::thread> threads;
  const std::string value(16 << 10, 'x');
  for (size_t worker = 0; worker < answered.size(); ++worker) {
    threads.emplace_back([&, worker] {
      for (int i = 0; !stop; ++i) {
        Transaction transaction;
        transaction.Put(absl::StrCat("left/", worker, "/", i), value);
        transaction.Put(absl::StrCat("right/", worker, "/", i), "1",
                        clock_.Now() + absl::Seconds(1));
        ASSERT_TRUE(CommitAndWait(store, std::move(transaction)).ok());
        answered[worker] = i + 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(BackupTest, HoldsAMomentOfTheStoreWhileCommitsGoOn) {
  constexpr int kBackups = 4;
  const auto store = Open(path_);
  std::atomic<bool> stop = false;
  std::vector<std::atomic<int>> answered(4);
  std::thread filler([&] { FillWhile(*store, stop, answered); });
  std::vector<std::string> backups;
  std::vector<std::vector<int>> answered_before;
  for (int i = 0; i < kBackups; ++i) {
    // Enough that tables are written in between.
    while (answered[0] < 150 * (i + 1)) std::this_thread::yield();
    std::vector<int> before(answered.begin(), answered.end());
    backups.push_back(NewPath());
    answered_before.push_back(std::move(before));
    const absl::Status status = store->Backup(backups.back());
    EXPECT_TRUE(status.ok()) << status;
  }
  stop = true;
  filler.join();
  const std::map<std::string, Version> all = VersionsOf(*store);
  for (size_t i = 0; i < backups.size(); ++i) {
    const std::string restored = NewPath();
    ASSERT_TRUE(RestoreBackup(backups[i], restored).ok());
    const auto copy = Open(restored);
    ASSERT_NE(copy, nullptr);
    const std::map<std::string, Version> versions = VersionsOf(*copy);
    Version last = 0;
    for (const auto& [key, version] : versions) last = std::max(last, version);
    // All that was committed up to a moment, whole, and nothing later.
    std::map<std::string, Version> expected;
    for (const auto& [key, version] : all) {
      if (version <= last) expected.emplace(key, version);
    }
    EXPECT_EQ(versions, expected);
    EXPECT_LT(versions.size(), all.size());
    for (size_t worker = 0; worker < answered.size(); ++worker) {
      const int count = answered_before[i][worker];
      EXPECT_TRUE(
          versions.count(absl::StrCat("left/", worker, "/", count - 1)));
    }
    // The expiry index is of the same moment.
    clock_.Advance(absl::Seconds(1));
    EXPECT_EQ(copy->RemoveExpired(1'000'000).value(), versions.size() / 2);
    clock_.Advance(-absl::Seconds(1));
  }
}

// The store would delete what it has replaced meanwhile.
TEST_F(BackupTest, HoldsFilesThatTheStoreReplacesMeanwhile) {
  BackupDisk disk;
  const auto store = Open(path_, &disk);
  ASSERT_TRUE(Put(*store, "a", "1").ok());
  disk.AtFirstCopy([&] {
    // More than the logs may hold.
    const std::string value(4 << 20, 'x');
    for (int i = 0; i < 25; ++i) {
      ASSERT_TRUE(Put(*store, "a", value).ok());
    }
  });
  const std::string backup = NewPath();
  const absl::Status status = store->Backup(backup);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Get(*Open(backup), "a"), "1");
}

TEST_F(BackupTest, IsTakenOfARestoredStoreAndOfABackup) {
  std::string path = path_;
  for (int generation = 0; generation < 4; ++generation) {
    const auto store = Open(path);
    for (int i = 0; i < generation; ++i) {
      EXPECT_EQ(Get(*store, absl::StrCat("k", i)), "1");
    }
    ASSERT_TRUE(Put(*store, absl::StrCat("k", generation), "1").ok());
    const std::string backup = NewPath();
    ASSERT_TRUE(store->Backup(backup).ok());
    path = NewPath();
    // Opened as it is, or restored.
    if (generation % 2 == 0) {
      path = backup;
    } else {
      ASSERT_TRUE(RestoreBackup(backup, path).ok());
    }
  }
  // What a store leaves that was at work in a backup is not restored.
  EXPECT_EQ(Get(*Open(path), "k3"), "1");
  EXPECT_TRUE(std::filesystem::exists(path + "/LOCK"));
  std::filesystem::create_directory(path + "/lost+found");
  const std::string restored = NewPath();
  ASSERT_TRUE(RestoreBackup(path, restored + "/").ok());
  EXPECT_FALSE(std::filesystem::exists(restored + "/LOCK"));
  EXPECT_EQ(Get(*Open(restored), "k3"), "1");
}

TEST_F(BackupTest, SharesNoFileWithTheStore) {
  {
    const auto store = Open(path_);
    ASSERT_TRUE(Put(*store, "a", std::string(100, 'x')).ok());
  }
  // A start moves the log to a table.
  const auto store = Open(path_);
  const std::string backup = NewPath();
  ASSERT_TRUE(store->Backup(backup).ok());
  ASSERT_FALSE(FilesOf(backup, ".sst").empty());
  for (const auto& entry : std::filesystem::directory_iterator(backup)) {
    EXPECT_EQ(entry.hard_link_count(), 1u) << entry.path();
  }
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(backup).permissions() &
                (perms::group_all | perms::others_all),
            perms::none);
  // What becomes of the store is nothing to the backup.
  for (const std::string& table : FilesOf(path_, ".sst")) {
    std::ofstream(table, std::ios::binary) << "overwritten";
  }
  EXPECT_EQ(Get(*Open(backup), "a"), std::string(100, 'x'));
}

TEST_F(BackupTest, OverwritesNothing) {
  const auto store = Open(path_);
  ASSERT_TRUE(Put(*store, "a", "1").ok());
  const std::string backup = NewPath();
  ASSERT_TRUE(store->Backup(backup).ok());
  ASSERT_TRUE(Put(*store, "a", "2").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(store->Backup(backup)));
  EXPECT_TRUE(absl::IsAlreadyExists(store->Backup(backup + "/")));
  EXPECT_TRUE(absl::IsAlreadyExists(RestoreBackup(backup, path_)));
  EXPECT_EQ(Get(*store, "a"), "2");
  EXPECT_EQ(Get(*Open(backup), "a"), "1");
  const std::string link = NewPath();
  std::filesystem::create_symlink("nowhere", link);
  EXPECT_TRUE(absl::IsAlreadyExists(store->Backup(link)));
}

TEST_F(BackupTest, TakesThePlaceOfOneThatWasKilled) {
  const auto store = Open(path_);
  ASSERT_TRUE(Put(*store, "a", "1").ok());
  const std::string backup = NewPath();
  std::filesystem::create_directory(backup + ".partial");
  std::ofstream(backup + ".partial/999999.log") << "half a";
  ASSERT_TRUE(store->Backup(backup).ok());
  EXPECT_FALSE(std::filesystem::exists(backup + ".partial"));
  EXPECT_FALSE(std::filesystem::exists(backup + "/999999.log"));
  EXPECT_EQ(Get(*Open(backup), "a"), "1");
}

TEST_F(BackupTest, LeavesNothingOfItselfOnAFullDisk) {
  BackupDisk disk;
  const auto store = Open(path_, &disk);
  ASSERT_TRUE(Put(*store, "a", std::string(10'000, 'x')).ok());
  const std::string backup = NewPath();
  int refused = 0;
  absl::Status status;
  for (uint64_t room = 0; room < 100'000; room += 1000) {
    disk.SetRoom(room);
    status = store->Backup(backup);
    EXPECT_FALSE(std::filesystem::exists(backup + ".partial"));
    EXPECT_EQ(std::filesystem::exists(backup), status.ok());
    // The store goes on, and so do backups.
    EXPECT_TRUE(Put(*store, "b", "1").ok());
    if (status.ok()) break;
    ASSERT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), backup)) << status;
    ++refused;
  }
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_GT(refused, 10);
  EXPECT_EQ(Get(*Open(backup), "a"), std::string(10'000, 'x'));
}

TEST_F(BackupTest, IsOnDiskOnceItIsAnswered) {
  LossyDisk disk;
  auto store = Open(path_, disk.env());
  ASSERT_TRUE(Put(*store, "in a table", "1").ok());
  store.reset();
  store = Open(path_, disk.env());
  ASSERT_TRUE(Put(*store, "in a log", "1").ok());
  const std::string backup = NewPath();
  ASSERT_TRUE(store->Backup(backup).ok());
  disk.Stop();
  store.reset();
  disk.LoseUnsynced();
  const auto copy = Open(backup, disk.env());
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(Get(*copy, "in a table"), "1");
  EXPECT_EQ(Get(*copy, "in a log"), "1");
}

TEST_F(BackupTest, IsRefusedByAStoreThatHasFailed) {
  LossyDisk disk;
  const auto store = Open(path_, disk.env());
  disk.Stop();
  EXPECT_FALSE(Put(*store, "a", "1").ok());
  const std::string backup = NewPath();
  EXPECT_TRUE(absl::IsUnavailable(store->Backup(backup)));
  EXPECT_FALSE(std::filesystem::exists(backup));
}

TEST_F(BackupTest, IsRefusedWhereNoFolderCanBe) {
  const auto store = Open(path_);
  EXPECT_TRUE(absl::IsUnavailable(store->Backup(NewPath() + "/missing/it")));
}

TEST_F(BackupTest, NoticesATableThatLostItsEnd) {
  ASSERT_TRUE(Put(*Open(path_), "a", std::string(5000, 'x')).ok());
  const auto store = Open(path_);
  const std::string table = FilesOf(path_, ".sst").at(0);
  std::filesystem::resize_file(table, 1000);
  const std::string backup = NewPath();
  const absl::Status status = store->Backup(backup);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_FALSE(std::filesystem::exists(backup));
  EXPECT_FALSE(std::filesystem::exists(backup + ".partial"));
}

TEST_F(BackupTest, IsRestoredOnlyIfItIsOneAndWhole) {
  const std::string restored = NewPath();
  EXPECT_TRUE(absl::IsNotFound(RestoreBackup(NewPath(), restored)));
  const std::string empty = NewPath();
  std::filesystem::create_directory(empty);
  EXPECT_TRUE(absl::IsNotFound(RestoreBackup(empty, restored)));
  const std::string backup = NewPath();
  {
    const auto store = Open(path_);
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(Put(*store, absl::StrCat("k", i), "1").ok());
    }
    ASSERT_TRUE(store->Backup(backup).ok());
  }
  const std::string log = FilesOf(backup, ".log").at(0);
  std::string content;
  {
    std::ifstream file(log, std::ios::binary);
    content.assign(std::istreambuf_iterator<char>(file), {});
  }
  // The length of the first record.
  std::string damaged = content;
  damaged[5] = static_cast<char>(damaged[5] ^ 0x40);
  std::ofstream(log, std::ios::binary) << damaged;
  const absl::Status status = RestoreBackup(backup, restored);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  std::ofstream(log, std::ios::binary) << content;
  std::filesystem::rename(backup + "/CURRENT", backup + "/elsewhere");
  EXPECT_EQ(RestoreBackup(backup, restored).code(),
            absl::StatusCode::kDataLoss);
  std::filesystem::rename(backup + "/elsewhere", backup + "/CURRENT");
  EXPECT_FALSE(std::filesystem::exists(restored));
  ASSERT_TRUE(RestoreBackup(backup, restored).ok());
  EXPECT_EQ(Get(*Open(restored), "k9"), "1");
}

}  // namespace
}  // namespace cofactor::storage
