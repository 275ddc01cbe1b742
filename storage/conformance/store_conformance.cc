#include "storage/conformance/store_conformance.h"

#include <atomic>
#include <future>
#include <ostream>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cofactor::storage {

absl::Status StoreConformanceTest::Put(const std::string& key,
                                       const std::string& value,
                                       absl::Time expire_time) {
  Transaction transaction;
  transaction.Put(key, value, expire_time);
  return CommitAndWait(*store_, std::move(transaction));
}

absl::Status StoreConformanceTest::Delete(const std::string& key) {
  Transaction transaction;
  transaction.Delete(key);
  return CommitAndWait(*store_, std::move(transaction));
}

absl::Status StoreConformanceTest::PutIf(const std::string& key,
                                         Version version,
                                         const std::string& value) {
  Transaction transaction;
  transaction.Expect(key, version).Put(key, value);
  return CommitAndWait(*store_, std::move(transaction));
}

Record StoreConformanceTest::Get(const std::string& key) {
  const auto record = store_->GetSnapshot()->Get(key);
  EXPECT_TRUE(record.ok()) << record.status();
  return record.value_or(Record());
}

StoreConformanceTest::Keys StoreConformanceTest::KeysOf(
    const absl::StatusOr<std::vector<Entry>>& entries) {
  Keys keys;
  EXPECT_TRUE(entries.ok()) << entries.status();
  if (!entries.ok()) return keys;
  for (const Entry& entry : *entries) keys.push_back(entry.key);
  return keys;
}

size_t StoreConformanceTest::RemoveAllExpired(size_t max_records) {
  size_t removed = 0;
  // A sweep may find nothing but times that no longer count.
  for (int sweep = 0; sweep < 10; ++sweep) {
    const auto now_removed = store_->RemoveExpired(max_records);
    EXPECT_TRUE(now_removed.ok()) << now_removed.status();
    EXPECT_LE(now_removed.value_or(0), max_records);
    removed += now_removed.value_or(0);
  }
  return removed;
}

void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

std::string NameOfStoreKind(const testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}

TEST_P(StoreConformanceTest, FindsNothingUnderAFreshKey) {
  EXPECT_FALSE(Get("a").exists());
  EXPECT_EQ(Get("a").version, kAbsent);
  EXPECT_EQ(KeysOf(store_->GetSnapshot()->Scan("a", "", 10)), Keys{});
}

TEST_P(StoreConformanceTest, ReturnsWhatWasPut) {
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Put("empty", "").ok());
  EXPECT_EQ(Get("a").value, "1");
  EXPECT_TRUE(Get("empty").exists());
  EXPECT_EQ(Get("empty").value, "");
}

TEST_P(StoreConformanceTest, GivesEveryPutAGreaterVersion) {
  ASSERT_TRUE(Put("a", "1").ok());
  const Version first = Get("a").version;
  ASSERT_TRUE(Put("a", "1").ok());
  const Version second = Get("a").version;
  EXPECT_GT(second, first);
  ASSERT_TRUE(Delete("a").ok());
  EXPECT_FALSE(Get("a").exists());
  ASSERT_TRUE(Put("a", "1").ok());
  EXPECT_GT(Get("a").version, second);
}

TEST_P(StoreConformanceTest, CommitsOnlyIfAllConditionsHold) {
  EXPECT_TRUE(PutIf("a", kAbsent, "1").ok());
  EXPECT_TRUE(absl::IsAborted(PutIf("a", kAbsent, "2")));
  const Version version = Get("a").version;
  EXPECT_TRUE(PutIf("a", version, "3").ok());
  EXPECT_TRUE(absl::IsAborted(PutIf("a", version, "4")));
  EXPECT_EQ(Get("a").value, "3");
  EXPECT_TRUE(absl::IsAborted(PutIf("b", version, "5")));

  Transaction transaction;
  transaction.Expect("a", Get("a").version).Expect("b", version);
  transaction.Put("a", "6").Put("b", "6").Delete("c");
  EXPECT_TRUE(absl::IsAborted(CommitAndWait(*store_, std::move(transaction))));
  EXPECT_EQ(Get("a").value, "3");
  EXPECT_FALSE(Get("b").exists());
}

TEST_P(StoreConformanceTest, TakesADeletedKeyForAbsent) {
  ASSERT_TRUE(Put("a", "1").ok());
  const Version version = Get("a").version;
  ASSERT_TRUE(Delete("a").ok());
  ASSERT_TRUE(Delete("never there").ok());
  EXPECT_TRUE(absl::IsAborted(PutIf("a", version, "2")));
  EXPECT_TRUE(PutIf("a", kAbsent, "2").ok());
}

TEST_P(StoreConformanceTest, DoesNothingOfATransactionThatIsAborted) {
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Put("b", "1").ok());
  const Record a = Get("a");
  const Record b = Get("b");
  Transaction transaction;
  transaction.Expect("a", a.version).Expect("c", kAbsent);
  transaction.Expect("b", b.version + 1);
  transaction.Put("a", "2").Delete("b").Put("c", "2", clock_.Now());
  EXPECT_TRUE(absl::IsAborted(CommitAndWait(*store_, std::move(transaction))));
  EXPECT_EQ(Get("a").version, a.version);
  EXPECT_EQ(Get("b").version, b.version);
  EXPECT_FALSE(Get("c").exists());
}

TEST_P(StoreConformanceTest, DoesAllOfATransactionAtOnce) {
  ASSERT_TRUE(Put("b", "1").ok());
  Transaction transaction;
  transaction.Put("a", "2").Delete("b").Put("c", "2");
  ASSERT_TRUE(CommitAndWait(*store_, std::move(transaction)).ok());
  EXPECT_EQ(Get("a").value, "2");
  EXPECT_FALSE(Get("b").exists());
  EXPECT_EQ(Get("c").value, "2");
}

// A condition may stand on a key that is not written, or alone.
TEST_P(StoreConformanceTest, ChecksConditionsWithoutAWrite) {
  ASSERT_TRUE(Put("a", "1").ok());
  Transaction right;
  right.Expect("a", Get("a").version);
  EXPECT_TRUE(CommitAndWait(*store_, std::move(right)).ok());
  Transaction wrong;
  wrong.Expect("a", kAbsent);
  EXPECT_TRUE(absl::IsAborted(CommitAndWait(*store_, std::move(wrong))));
  EXPECT_TRUE(CommitAndWait(*store_, Transaction()).ok());
}

TEST_P(StoreConformanceTest, KeepsWhatHoldsAnyBytes) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  ASSERT_TRUE(Put(all, all).ok());
  EXPECT_EQ(Get(all).value, all);
  EXPECT_EQ(KeysOf(store_->GetSnapshot()->Scan(all, "", 1)), Keys{all});
  const std::string large(1 << 20, 'x');
  ASSERT_TRUE(Put("large", large).ok());
  EXPECT_EQ(Get("large").value, large);
}

TEST_P(StoreConformanceTest, ShowsASnapshotNothingLater) {
  ASSERT_TRUE(Put("p/a", "1").ok());
  ASSERT_TRUE(Put("p/b", "1").ok());
  ASSERT_TRUE(Put("p/e", "1", clock_.Now() + absl::Seconds(1)).ok());
  const auto snapshot = store_->GetSnapshot();
  ASSERT_TRUE(Put("p/a", "2").ok());
  ASSERT_TRUE(Delete("p/b").ok());
  ASSERT_TRUE(Put("p/c", "2").ok());
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(store_->RemoveExpired(10).ok());
  EXPECT_EQ(snapshot->Get("p/a")->value, "1");
  EXPECT_EQ(snapshot->Get("p/b")->value, "1");
  EXPECT_FALSE(snapshot->Get("p/c")->exists());
  EXPECT_TRUE(snapshot->Get("p/e")->exists());
  const auto entries = snapshot->Scan("p/", "", 10);
  EXPECT_EQ(KeysOf(entries), (Keys{"p/a", "p/b", "p/e"}));
  EXPECT_EQ(entries->at(0).record.value, "1");
  EXPECT_EQ(entries->at(0).record.version, snapshot->Get("p/a")->version);
  EXPECT_EQ(KeysOf(snapshot->Scan("p/", "p/a", 1)), Keys{"p/b"});
  EXPECT_EQ(KeysOf(store_->GetSnapshot()->Scan("p/", "", 10)),
            (Keys{"p/a", "p/c"}));
}

TEST_P(StoreConformanceTest, KeepsSnapshotsOfSeveralMomentsApart) {
  std::vector<std::unique_ptr<const Snapshot>> snapshots;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(Put("a", absl::StrCat(i)).ok());
    snapshots.push_back(store_->GetSnapshot());
  }
  snapshots[1].reset();
  ASSERT_TRUE(Delete("a").ok());
  EXPECT_EQ(snapshots[0]->Get("a")->value, "0");
  EXPECT_EQ(snapshots[2]->Get("a")->value, "2");
  EXPECT_EQ(snapshots[3]->Get("a")->value, "3");
}

TEST_P(StoreConformanceTest, ScansAPrefixInTheOrderOfBytes) {
  const std::string zero("p/\0", 3);
  for (const std::string& key :
       {std::string("p/b"), std::string("p/a"), std::string("o"), zero,
        std::string("p/\xFF"), std::string("p0"), std::string("p/")}) {
    ASSERT_TRUE(Put(key, key).ok());
  }
  const auto snapshot = store_->GetSnapshot();
  EXPECT_EQ(KeysOf(snapshot->Scan("p/", "", 10)),
            (Keys{"p/", zero, "p/a", "p/b", "p/\xFF"}));
  EXPECT_EQ(KeysOf(snapshot->Scan("p/", "", 2)), (Keys{"p/", zero}));
  EXPECT_EQ(KeysOf(snapshot->Scan("p/", zero, 2)), (Keys{"p/a", "p/b"}));
  EXPECT_EQ(KeysOf(snapshot->Scan("p/", "p/aa", 1)), Keys{"p/b"});
  EXPECT_EQ(KeysOf(snapshot->Scan("p/", "a", 1)), Keys{"p/"});
  EXPECT_EQ(KeysOf(snapshot->Scan("p/", "q", 1)), Keys{});
  EXPECT_EQ(snapshot->Scan("p/b", "", 1)->at(0).record.value, "p/b");
}

TEST_P(StoreConformanceTest, ScansFromOnePageToTheNext) {
  Keys all;
  for (const char byte : {'\0', '\1', 'a', '\x7F', '\x80', '\xFF'}) {
    all.push_back(std::string("\xFF", 1) + byte);
    ASSERT_TRUE(Put(all.back(), "1").ok());
  }
  ASSERT_TRUE(Put(std::string("\xFE\xFF", 2), "1").ok());
  const auto snapshot = store_->GetSnapshot();
  Keys found;
  std::string last;
  while (true) {
    const Keys page = KeysOf(snapshot->Scan("\xFF", last, 4));
    if (page.empty()) break;
    found.insert(found.end(), page.begin(), page.end());
    last = page.back();
  }
  EXPECT_EQ(found, all);
  EXPECT_EQ(KeysOf(snapshot->Scan("\xFF", "", 0)), Keys{});
  EXPECT_EQ(KeysOf(snapshot->Scan("\xFE", "", 10)), Keys{"\xFE\xFF"});
}

TEST_P(StoreConformanceTest, CountsOnlyWhatItReturnsAgainstTheLimit) {
  const absl::Time soon = clock_.Now() + absl::Seconds(1);
  ASSERT_TRUE(Put("p/a", "1", soon).ok());
  ASSERT_TRUE(Put("p/b", "1").ok());
  ASSERT_TRUE(Put("p/c", "1").ok());
  ASSERT_TRUE(Delete("p/b").ok());
  ASSERT_TRUE(Put("p/d", "1").ok());
  clock_.Set(soon);
  EXPECT_EQ(KeysOf(store_->GetSnapshot()->Scan("p/", "", 2)),
            (Keys{"p/c", "p/d"}));
}

TEST_P(StoreConformanceTest, HidesARecordFromItsExpireTimeOn) {
  ASSERT_TRUE(Put("a", "1", clock_.Now() + absl::Seconds(10)).ok());
  const Version version = Get("a").version;
  clock_.Advance(absl::Seconds(10) - absl::Microseconds(1));
  EXPECT_TRUE(Get("a").exists());
  EXPECT_EQ(KeysOf(store_->GetSnapshot()->Scan("a", "", 10)), Keys{"a"});
  EXPECT_TRUE(absl::IsAborted(PutIf("a", kAbsent, "2")));
  clock_.Advance(absl::Microseconds(1));
  EXPECT_FALSE(Get("a").exists());
  EXPECT_EQ(KeysOf(store_->GetSnapshot()->Scan("a", "", 10)), Keys{});
  EXPECT_TRUE(absl::IsAborted(PutIf("a", version, "2")));
  EXPECT_TRUE(PutIf("a", kAbsent, "2").ok());
  EXPECT_EQ(Get("a").value, "2");
  EXPECT_GT(Get("a").version, version);
  // The sweep finds the time of the first record, and leaves the second.
  EXPECT_EQ(RemoveAllExpired(10), 0u);
  EXPECT_EQ(Get("a").value, "2");
}

TEST_P(StoreConformanceTest, TellsWhenARecordExpires) {
  const absl::Time soon = clock_.Now() + absl::Seconds(10);
  const absl::Time later = soon + absl::Microseconds(1);
  ASSERT_TRUE(Put("p/a", "1", soon).ok());
  ASSERT_TRUE(Put("p/b", "1").ok());
  const auto snapshot = store_->GetSnapshot();
  ASSERT_TRUE(Put("p/a", "2", later).ok());
  ASSERT_TRUE(Put("p/b", "2", soon).ok());
  EXPECT_EQ(snapshot->Get("p/a")->expire_time, soon);
  EXPECT_EQ(snapshot->Get("p/b")->expire_time, absl::InfiniteFuture());
  EXPECT_EQ(Get("p/a").expire_time, later);
  EXPECT_EQ(Get("p/b").expire_time, soon);
  const auto entries = store_->GetSnapshot()->Scan("p/", "", 10);
  ASSERT_EQ(KeysOf(entries), (Keys{"p/a", "p/b"}));
  EXPECT_EQ(entries->at(0).record.expire_time, later);
  EXPECT_EQ(entries->at(1).record.expire_time, soon);
  ASSERT_TRUE(Put("p/a", "3").ok());
  EXPECT_EQ(Get("p/a").expire_time, absl::InfiniteFuture());
  clock_.Set(soon);
  EXPECT_EQ(Get("p/b").expire_time, absl::InfiniteFuture());
}

TEST_P(StoreConformanceTest, RemovesWhatHasExpiredAndNothingElse) {
  const absl::Time soon = clock_.Now() + absl::Seconds(10);
  const absl::Time later = soon + absl::Seconds(1);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Put(absl::StrCat("e", i), "", soon).ok());
  }
  ASSERT_TRUE(Put("later", "1", later).ok());
  ASSERT_TRUE(Put("never", "1").ok());
  // Put again: the first expire time no longer counts.
  ASSERT_TRUE(Put("again", "1", soon).ok());
  ASSERT_TRUE(Put("again", "2", later).ok());
  ASSERT_TRUE(Put("for good", "1", soon).ok());
  ASSERT_TRUE(Put("for good", "2").ok());
  ASSERT_TRUE(Put("earlier", "1", later).ok());
  ASSERT_TRUE(Put("earlier", "2", soon).ok());
  ASSERT_TRUE(Put("deleted", "1", soon).ok());
  ASSERT_TRUE(Delete("deleted").ok());
  EXPECT_EQ(RemoveAllExpired(100), 0u);
  clock_.Set(soon);
  EXPECT_EQ(RemoveAllExpired(100), 6u);
  EXPECT_EQ(Get("later").value, "1");
  EXPECT_EQ(Get("never").value, "1");
  EXPECT_EQ(Get("again").value, "2");
  EXPECT_EQ(Get("for good").value, "2");
  clock_.Set(later);
  EXPECT_EQ(RemoveAllExpired(100), 2u);
  EXPECT_EQ(Get("never").value, "1");
  EXPECT_EQ(Get("for good").value, "2");
}

TEST_P(StoreConformanceTest, CountsARecordOnceThatWasGivenSeveralExpireTimes) {
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(Put("a", "1", clock_.Now() + absl::Seconds(i)).ok());
  }
  ASSERT_TRUE(Put("b", "1", clock_.Now() + absl::Seconds(3)).ok());
  clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(RemoveAllExpired(100), 2u);
}

// Seen by a clock that is set back: only then does what is gone differ from
// what is hidden.
TEST_P(StoreConformanceTest, RemovesNoMoreAtATimeThanItWasAskedTo) {
  const absl::Time start = clock_.Now();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(
        Put(absl::StrCat("p/", i), "", start + absl::Seconds(1 + i)).ok());
  }
  clock_.Set(start + absl::Seconds(4));
  EXPECT_EQ(store_->RemoveExpired(0).value(), 0u);
  EXPECT_EQ(store_->RemoveExpired(3).value(), 3u);
  clock_.Set(start);
  EXPECT_EQ(KeysOf(store_->GetSnapshot()->Scan("p/", "", 10)),
            (Keys{"p/3", "p/4"}));
  clock_.Set(start + absl::Seconds(4));
  EXPECT_EQ(store_->RemoveExpired(3).value(), 1u);
  clock_.Set(start);
  EXPECT_EQ(KeysOf(store_->GetSnapshot()->Scan("p/", "", 10)), Keys{"p/4"});
}

TEST_P(StoreConformanceTest, LetsOneOfSixtyFourCreateAKey) {
  std::atomic<int> created{0};
  std::atomic<int> aborted{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&, i] {
      const absl::Status status = PutIf("a", kAbsent, absl::StrCat(i));
      created += status.ok();
      aborted += absl::IsAborted(status);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(aborted, 63);
}

TEST_P(StoreConformanceTest, LosesNoIncrementOfManyAtOnce) {
  ASSERT_TRUE(Put("n", "0").ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int done = 0; done < 200;) {
        const Record record = Get("n");
        int n = 0;
        ASSERT_TRUE(absl::SimpleAtoi(record.value, &n));
        done += PutIf("n", record.version, absl::StrCat(n + 1)).ok();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Get("n").value, "1600");
}

TEST_P(StoreConformanceTest, AnswersEachCommitOnce) {
  constexpr int kCommits = 500;
  std::vector<std::atomic<int>> answers(2 * kCommits);
  std::atomic<int> aborted{0};
  std::atomic<int> total{0};
  std::promise<void> all_answered;
  std::vector<std::thread> threads;
  for (int worker = 0; worker < 2; ++worker) {
    threads.emplace_back([&, worker] {
      for (int i = 0; i < kCommits; ++i) {
        Transaction transaction;
        transaction.Expect(absl::StrCat(i), kAbsent).Put(absl::StrCat(i), "1");
        std::atomic<int>& count =
            answers[static_cast<size_t>(worker * kCommits + i)];
        store_->Commit(std::move(transaction), [&](absl::Status status) {
          ++count;
          aborted += absl::IsAborted(status);
          if (++total == 2 * kCommits) all_answered.set_value();
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  all_answered.get_future().wait();
  for (const std::atomic<int>& count : answers) EXPECT_EQ(count, 1);
  EXPECT_EQ(aborted, kCommits);
}

TEST_P(StoreConformanceTest, ShowsACommitToEverySnapshotAfterItsAnswer) {
  std::promise<bool> seen;
  Transaction transaction;
  transaction.Put("a", "1");
  store_->Commit(std::move(transaction), [&](absl::Status status) {
    EXPECT_TRUE(status.ok());
    seen.set_value(store_->GetSnapshot()->Get("a")->exists());
  });
  EXPECT_TRUE(seen.get_future().get());
}

TEST_P(StoreConformanceTest, IsHealthy) { EXPECT_TRUE(store_->Health().ok()); }

}  // namespace cofactor::storage
