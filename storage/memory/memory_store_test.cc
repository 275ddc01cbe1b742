#include "storage/memory/memory_store.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "gtest/gtest.h"

namespace cofactor::storage {
namespace {

class MemoryStoreTest : public testing::Test {
 protected:
  void Put(const std::string& key, const std::string& value) {
    Transaction transaction;
    transaction.Put(key, value);
    EXPECT_TRUE(CommitAndWait(store_, std::move(transaction)).ok());
  }

  void Delete(const std::string& key) {
    Transaction transaction;
    transaction.Delete(key);
    EXPECT_TRUE(CommitAndWait(store_, std::move(transaction)).ok());
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  MemoryStore store_{clock_};
};

TEST_F(MemoryStoreTest, KeepsOneContentOfAKeyThatNoSnapshotLooksAt) {
  for (int i = 0; i < 10; ++i) Put("a", absl::StrCat(i));
  EXPECT_EQ(store_.revision_count(), 1u);
  Delete("a");
  Delete("never there");
  EXPECT_EQ(store_.revision_count(), 0u);
}

TEST_F(MemoryStoreTest, KeepsAnOldContentAsLongAsASnapshotSeesIt) {
  Put("a", "0");
  Put("b", "0");
  auto first = store_.GetSnapshot();
  auto same = store_.GetSnapshot();
  for (int i = 1; i < 10; ++i) Put("a", absl::StrCat(i));
  // Those in between were seen by nobody.
  EXPECT_EQ(store_.revision_count(), 3u);
  auto second = store_.GetSnapshot();
  Delete("a");
  EXPECT_EQ(store_.revision_count(), 4u);
  first.reset();
  EXPECT_EQ(same->Get("a")->value, "0");
  EXPECT_EQ(second->Get("a")->value, "9");
  same.reset();
  EXPECT_EQ(second->Get("a")->value, "9");
  EXPECT_EQ(store_.revision_count(), 3u);
  second.reset();
  EXPECT_EQ(store_.revision_count(), 1u);
}

TEST_F(MemoryStoreTest, KeepsWhatAnOlderSnapshotSeesWhenAYoungerOneEnds) {
  Put("a", "0");
  const auto older = store_.GetSnapshot();
  Put("a", "1");
  auto younger = store_.GetSnapshot();
  Put("a", "2");
  younger.reset();
  EXPECT_EQ(older->Get("a")->value, "0");
  EXPECT_EQ(store_.GetSnapshot()->Get("a")->value, "2");
}

TEST_F(MemoryStoreTest, KeepsNothingOfWhatExpiredOnceTheLastSnapshotEnds) {
  Transaction transaction;
  transaction.Put("a", "1", clock_.Now() + absl::Seconds(1));
  ASSERT_TRUE(CommitAndWait(store_, std::move(transaction)).ok());
  auto snapshot = store_.GetSnapshot();
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(store_.RemoveExpired(10).value(), 1u);
  EXPECT_TRUE(snapshot->Get("a")->exists());
  snapshot.reset();
  EXPECT_EQ(store_.revision_count(), 0u);
}

}  // namespace
}  // namespace cofactor::storage
