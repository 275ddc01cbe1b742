#include "storage/rocksdb/log_check.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"

namespace cofactor::storage {
namespace {

// The log of a database that holds values of these sizes.
std::string LogOf(const std::vector<size_t>& sizes) {
  static int count = 0;
  const std::string folder = absl::StrCat(testing::TempDir(), "/log", count++);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  EXPECT_TRUE(rocksdb::DB::Open(options, folder, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  for (const size_t size : sizes) {
    EXPECT_TRUE(
        db->Put(rocksdb::WriteOptions(), "key", std::string(size, 'v')).ok());
  }
  EXPECT_TRUE(db->FlushWAL(true).ok());
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".log") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  return "";
}

TEST(LogCheckTest, PassesALogOfAnySizes) {
  EXPECT_FALSE(HidesRecords(""));
  EXPECT_FALSE(HidesRecords(LogOf({10})));
  EXPECT_FALSE(HidesRecords(LogOf({10, 100'000, 10, 32'768, 20'000, 20'000})));
  // Leaves 0 to 12 bytes of the first block to the next record.
  for (size_t rest = 0; rest <= 12; ++rest) {
    EXPECT_FALSE(HidesRecords(LogOf({32'768 - 28 - rest, 10}))) << rest;
  }
}

TEST(LogCheckTest, PassesALogThatIsCutOffAnywhere) {
  const std::string log = LogOf({10, 100, 40'000, 10});
  for (size_t size = 0; size < log.size(); size += size < 300 ? 1 : 97) {
    EXPECT_FALSE(HidesRecords(log.substr(0, size))) << size;
  }
}

TEST(LogCheckTest, PassesALastWriteThatBecameZeros) {
  std::string log = LogOf({10, 10});
  EXPECT_FALSE(HidesRecords(log + std::string(5000, '\0')));
  const size_t half = log.size() / 2;
  log.replace(half, half, half, '\0');
  EXPECT_FALSE(HidesRecords(log));
}

TEST(LogCheckTest, FindsADamagedLengthOrType) {
  const std::string log = LogOf({100, 100, 100});
  const size_t record = log.size() / 3;
  for (size_t start = 0; start < log.size(); start += record) {
    // The lengths of this log are below 256.
    std::string longer = log;
    longer[start + 5] = 1;
    EXPECT_TRUE(HidesRecords(longer)) << start;
    std::string recycled = log;
    recycled[start + 6] = 5;
    EXPECT_TRUE(HidesRecords(recycled)) << start;
  }
}

TEST(LogCheckTest, FindsZerosBeforeAnotherWrite) {
  std::string log = LogOf({100, 100, 100});
  const size_t record = log.size() / 3;
  log.replace(record, record, record, '\0');
  EXPECT_TRUE(HidesRecords(log));
}

TEST(LogCheckTest, FindsADamagedLengthInALaterBlock) {
  std::string log = LogOf({40'000, 100, 100});
  ASSERT_FALSE(HidesRecords(log));
  // The length of the rest of the first record, which began in block 0.
  log[32'768 + 5] = '\x7F';
  EXPECT_TRUE(HidesRecords(log));
}

TEST(LogCheckTest, PassesAMissingFolderAndNamesADamagedFile) {
  rocksdb::Env& env = *rocksdb::Env::Default();
  const std::string folder = absl::StrCat(testing::TempDir(), "/checked");
  EXPECT_TRUE(CheckLogs(env, folder).ok());
  std::filesystem::create_directory(folder);
  EXPECT_TRUE(CheckLogs(env, folder).ok());
  std::string log = LogOf({10, 10});
  log[6] = 5;
  std::ofstream(absl::StrCat(folder, "/000007.log")) << log;
  const absl::Status status = CheckLogs(env, folder);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(status.message(), folder));
  EXPECT_TRUE(absl::StrContains(status.message(), "000007.log"));
}

}  // namespace
}  // namespace cofactor::storage
