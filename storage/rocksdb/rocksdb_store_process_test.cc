// What a store does to other processes and to one whose disk is full. Children
// are death tests, which start this program anew: a fork of a process with
// threads of RocksDB would lack them.

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace cofactor::storage {
namespace {

class RocksDbStoreProcessDeathTest : public testing::Test {
 protected:
  RocksDbStoreProcessDeathTest() {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    // The same folder in parent and child.
    options_.path = absl::StrCat(
        testing::TempDir(), "/",
        testing::UnitTest::GetInstance()->current_test_info()->name());
  }

  absl::StatusOr<std::unique_ptr<RocksDbStore>> Open() {
    return RocksDbStore::Open(options_, clock_);
  }

  static absl::Status Put(Store& store, const std::string& key,
                          const std::string& value) {
    Transaction transaction;
    transaction.Put(key, value);
    return CommitAndWait(store, std::move(transaction));
  }

  // Fills the store until the disk takes no more, and prints a line for each
  // key that was answered.
  void FillDisk() {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{256 << 10, 256 << 10};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto store = Open();
    if (!store.ok()) _exit(1);
    absl::Status status;
    int answered = 0;
    while (true) {
      status =
          Put(**store, absl::StrCat("k", answered), std::string(1000, 'x'));
      if (!status.ok()) break;
      ++answered;
    }
    std::ofstream(AnsweredPath()) << answered;
    if (!absl::IsUnknown(status)) _exit(2);
    if (!absl::IsUnavailable(Put(**store, "later", "1"))) _exit(3);
    const absl::Status health = (*store)->Health();
    if (!absl::StrContains(health.message(), "full")) _exit(4);
    if (!absl::StrContains(health.message(), options_.path)) _exit(5);
    // As a server that is killed.
    _exit(0);
  }

  std::string AnsweredPath() const { return options_.path + ".answered"; }

  const ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  RocksDbOptions options_;
};

TEST_F(RocksDbStoreProcessDeathTest, RefusesTheFolderOfAnotherProcess) {
  // The parent holds the folder while the child tries.
  const char* const kParentHolds = "COFACTOR_TEST_PARENT_HOLDS";
  absl::StatusOr<std::unique_ptr<RocksDbStore>> store =
      absl::UnknownError("not opened");
  if (getenv(kParentHolds) == nullptr) {
    store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(Put(**store, "a", "1").ok());
    ASSERT_EQ(setenv(kParentHolds, "1", 1), 0);
  }
  EXPECT_EXIT(
      {
        const absl::Status status = Open().status();
        fprintf(stderr, "%s\n", status.ToString().c_str());
        _exit(absl::IsFailedPrecondition(status) ? 0 : 1);
      },
      testing::ExitedWithCode(0), options_.path);
  ASSERT_EQ(unsetenv(kParentHolds), 0);
  EXPECT_TRUE(Put(**store, "b", "1").ok());
  store->reset();
  EXPECT_TRUE(Open().ok());
}

TEST_F(RocksDbStoreProcessDeathTest,
       LosesNothingThatItAnsweredWhenTheDiskIsFull) {
  EXPECT_EXIT(FillDisk(), testing::ExitedWithCode(0), "");
  int answered = 0;
  std::ifstream(AnsweredPath()) >> answered;
  EXPECT_GT(answered, 10);
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  const auto snapshot = (*store)->GetSnapshot();
  for (int i = 0; i < answered; ++i) {
    EXPECT_TRUE(snapshot->Get(absl::StrCat("k", i))->exists()) << i;
  }
  EXPECT_FALSE(snapshot->Get("later")->exists());
  EXPECT_TRUE(Put(**store, "later", "1").ok());
}

// Its name does not change what the trouble is.
TEST_F(RocksDbStoreProcessDeathTest, TellsAFullDiskFromALockedFolder) {
  options_.path += " locked";
  EXPECT_EXIT(FillDisk(), testing::ExitedWithCode(0), "");
  EXPECT_TRUE(Open().ok());
}

}  // namespace
}  // namespace cofactor::storage
