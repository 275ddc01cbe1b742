#include "storage/commit_observer.h"

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/lossy_disk.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace cofactor::storage {
namespace {

// Used by the thread that writes, and by the test once a commit is answered.
class Recorder final : public CommitObserver {
 public:
  void BatchCommitted(size_t transactions, absl::Duration sync_time) override {
    batches.push_back(transactions);
    EXPECT_GT(sync_time, absl::ZeroDuration());
  }

  std::vector<size_t> batches;
};

class CommitObserverTest : public testing::Test {
 protected:
  void Open() {
    static int count = 0;
    options_.path = absl::StrCat(testing::TempDir(), "/observed", count++);
    options_.observer = &recorder_;
    auto store = RocksDbStore::Open(options_, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  absl::Status Put(const std::string& key) {
    Transaction transaction;
    transaction.Put(key, "1");
    return CommitAndWait(*store_, std::move(transaction));
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Recorder recorder_;
  RocksDbOptions options_;
  std::unique_ptr<RocksDbStore> store_;
};

TEST_F(CommitObserverTest, HearsOfABatchBeforeItIsAnswered) {
  Open();
  EXPECT_TRUE(recorder_.batches.empty());
  ASSERT_TRUE(Put("a").ok());
  EXPECT_EQ(recorder_.batches, std::vector<size_t>{1});
}

TEST_F(CommitObserverTest, HearsHowManyWereCommittedTogether) {
  Open();
  // Holds the thread that writes, so that what follows waits for one batch.
  std::promise<void> held;
  std::promise<void> go_on;
  Transaction first;
  first.Put("first", "1");
  store_->Commit(std::move(first), [&](absl::Status) {
    held.set_value();
    go_on.get_future().wait();
  });
  held.get_future().wait();
  // The last one does not hold: "a" is not absent by then.
  for (const std::string key : {"b", "a", "a"}) {
    Transaction transaction;
    transaction.Expect(key, kAbsent).Put(key, "1");
    store_->Commit(std::move(transaction), [](absl::Status) {});
  }
  go_on.set_value();
  store_.reset();
  EXPECT_EQ(recorder_.batches, (std::vector<size_t>{1, 2}));
}

TEST_F(CommitObserverTest, HearsNothingOfWhatWasNotWritten) {
  LossyDisk disk;
  options_.env = disk.env();
  Open();
  Transaction refused;
  refused.Expect("a", 7).Put("a", "1");
  EXPECT_TRUE(absl::IsAborted(CommitAndWait(*store_, std::move(refused))));
  disk.Stop();
  EXPECT_TRUE(absl::IsUnknown(Put("a")));
  store_.reset();
  EXPECT_TRUE(recorder_.batches.empty());
}

}  // namespace
}  // namespace cofactor::storage
