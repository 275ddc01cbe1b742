#include "storage/rocksdb/lossy_disk.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace cofactor::storage {
namespace {

class LossyDiskTest : public testing::Test {
 protected:
  LossyDiskTest() {
    static int count = 0;
    path_ = absl::StrCat(testing::TempDir(), "/lossy", count++);
  }

  std::unique_ptr<rocksdb::WritableFile> Create() {
    std::unique_ptr<rocksdb::WritableFile> file;
    EXPECT_TRUE(
        disk_.env()->NewWritableFile(path_, &file, rocksdb::EnvOptions()).ok());
    return file;
  }

  std::string Content(const std::string& path) {
    std::string content;
    EXPECT_TRUE(rocksdb::ReadFileToString(disk_.env(), path, &content).ok());
    return content;
  }

  LossyDisk disk_;
  std::string path_;
};

TEST_F(LossyDiskTest, KeepsWhatWasSyncedAlone) {
  auto file = Create();
  ASSERT_TRUE(file->Append("synced").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(file->Append(" and lost").ok());
  ASSERT_TRUE(file->Flush().ok());
  ASSERT_TRUE(file->RangeSync(0, 15).ok());
  ASSERT_TRUE(file->Close().ok());
  EXPECT_EQ(Content(path_), "synced and lost");
  disk_.LoseUnsynced();
  EXPECT_EQ(Content(path_), "synced");
}

TEST_F(LossyDiskTest, EmptiesAFileThatWasNeverSynced) {
  auto file = Create();
  ASSERT_TRUE(file->Append("lost").ok());
  ASSERT_TRUE(file->Close().ok());
  disk_.LoseUnsynced();
  EXPECT_EQ(Content(path_), "");
}

TEST_F(LossyDiskTest, FollowsAFileToItsNewName) {
  auto file = Create();
  ASSERT_TRUE(file->Append("synced").ok());
  ASSERT_TRUE(file->Fsync().ok());
  ASSERT_TRUE(file->Append(" and lost").ok());
  ASSERT_TRUE(file->Close().ok());
  const std::string renamed = path_ + ".renamed";
  ASSERT_TRUE(disk_.env()->RenameFile(path_, renamed).ok());
  disk_.LoseUnsynced();
  EXPECT_EQ(Content(renamed), "synced");
}

TEST_F(LossyDiskTest, TakesNothingWithoutPower) {
  auto file = Create();
  ASSERT_TRUE(file->Append("lost").ok());
  disk_.Stop();
  EXPECT_FALSE(file->Append("more").ok());
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_FALSE(disk_.env()->RenameFile(path_, path_ + ".renamed").ok());
  EXPECT_FALSE(disk_.env()->DeleteFile(path_).ok());
  std::unique_ptr<rocksdb::WritableFile> other;
  EXPECT_FALSE(
      disk_.env()
          ->NewWritableFile(path_ + ".new", &other, rocksdb::EnvOptions())
          .ok());
  file.reset();
  disk_.LoseUnsynced();
  EXPECT_EQ(Content(path_), "");
  EXPECT_TRUE(disk_.env()->DeleteFile(path_).ok());
}

}  // namespace
}  // namespace cofactor::storage
