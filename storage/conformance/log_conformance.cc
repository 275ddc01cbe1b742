// What every store does with the logs of storage/log.h.

#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/conformance/store_conformance.h"
#include "storage/log.h"

namespace cofactor::storage {
namespace {

constexpr absl::string_view kLog = "events";

absl::Status Append(Store& store, const std::string& value,
                    absl::Time expire_time = absl::InfiniteFuture()) {
  Transaction transaction;
  transaction.AppendTo({std::string(kLog), value,
                        absl::StrCat("digest of ", value), expire_time});
  return CommitAndWait(store, std::move(transaction));
}

// Checks the links of all records between two heads, and returns the values.
std::vector<std::string> ReadChain(Store& store, LogHead head) {
  std::vector<std::string> values;
  const auto snapshot = store.GetSnapshot();
  const auto entries = snapshot->Scan(LogPrefix(kLog), "", 10'000);
  EXPECT_TRUE(entries.ok()) << entries.status();
  for (const Entry& entry : entries.value_or(std::vector<Entry>())) {
    EXPECT_EQ(SequenceOf(entry.key), head.sequence + 1);
    const auto record =
        DecodeLogRecord(SequenceOf(entry.key), entry.record.value);
    if (!record.ok()) {
      ADD_FAILURE() << record.status();
      return values;
    }
    values.emplace_back(record->value);
    EXPECT_EQ(record->previous.link, head.link);
    EXPECT_EQ(record->previous.expire_time, head.expire_time);
    EXPECT_EQ(record->link,
              NextLink(head, absl::StrCat("digest of ", values.back())));
    head = {head.sequence + 1, record->link, absl::InfiniteFuture()};
  }
  const auto stored = snapshot->Get(LogHeadKey(kLog));
  EXPECT_TRUE(stored.ok()) << stored.status();
  const auto stored_head = DecodeLogHead(stored->value);
  EXPECT_TRUE(stored_head.ok()) << stored_head.status();
  EXPECT_EQ(stored_head->sequence, head.sequence);
  EXPECT_EQ(stored_head->link, head.link);
  return values;
}

TEST_P(StoreConformanceTest, LinksWhatIsAppended) {
  for (const char* value : {"a", "b", "c"}) {
    ASSERT_TRUE(Append(*store_, value).ok());
  }
  EXPECT_EQ(ReadChain(*store_, {}), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_P(StoreConformanceTest, AppendsNothingIfAConditionDoesNotHold) {
  ASSERT_TRUE(Append(*store_, "a").ok());
  Transaction transaction;
  transaction.Expect("missing", 7)
      .AppendTo({std::string(kLog), "b", "digest of b"});
  EXPECT_TRUE(absl::IsAborted(CommitAndWait(*store_, std::move(transaction))));
  ASSERT_TRUE(Append(*store_, "c").ok());
  EXPECT_EQ(ReadChain(*store_, {}), (std::vector<std::string>{"a", "c"}));
}

TEST_P(StoreConformanceTest, AppendsOfManyAtOnceDoNotConflict) {
  std::vector<std::thread> threads;
  for (int worker = 0; worker < 8; ++worker) {
    threads.emplace_back([this, worker] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(Append(*store_, absl::StrCat(worker, ".", i)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<std::string> values = ReadChain(*store_, {});
  EXPECT_EQ(std::set<std::string>(values.begin(), values.end()).size(), 400u);
}

TEST_P(StoreConformanceTest, AppendsSeveralRecordsInOneTransaction) {
  Transaction transaction;
  transaction.AppendTo({std::string(kLog), "a", "digest of a"})
      .AppendTo({std::string(kLog), "b", "digest of b"});
  ASSERT_TRUE(CommitAndWait(*store_, std::move(transaction)).ok());
  EXPECT_EQ(ReadChain(*store_, {}), (std::vector<std::string>{"a", "b"}));
}

TEST_P(StoreConformanceTest, ALogGoesOnWhereItsRecordsHaveExpired) {
  const absl::Time first_end = clock_.Now() + absl::Hours(1);
  ASSERT_TRUE(Append(*store_, "a", first_end).ok());
  const auto head = DecodeLogHead(Get(LogHeadKey(kLog)).value);
  ASSERT_TRUE(head.ok());
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(RemoveAllExpired(100), 1u);
  ASSERT_TRUE(Append(*store_, "b").ok());
  EXPECT_EQ(ReadChain(*store_, *head), std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace cofactor::storage
