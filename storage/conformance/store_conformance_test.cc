// What every store has to do. Runs over all of them.

#include <atomic>
#include <functional>
#include <future>
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
#include "storage/sealing/open_sealed_store.h"
#include "storage/store.h"

namespace cofactor::storage {
namespace {

struct Engine {
  std::string name;
  std::function<std::unique_ptr<Store>(const std::string& folder, const Clock&,
                                       Randomness&)>
      make;
};

std::unique_ptr<Store> MakeMemory(const std::string& folder, const Clock& clock,
                                  Randomness& randomness) {
  return std::make_unique<MemoryStore>(clock);
}

std::unique_ptr<Store> MakeRocksDb(const std::string& folder,
                                   const Clock& clock, Randomness& randomness) {
  RocksDbOptions options;
  options.path = folder;
  auto store = RocksDbStore::Open(options, clock);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

std::unique_ptr<Store> Sealed(std::unique_ptr<Store> base,
                              const std::string& folder,
                              Randomness& randomness) {
  auto store =
      OpenSealedStore(std::move(base), folder + ".key_ring", randomness);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

std::vector<Engine> AllEngines() {
  return {{"memory", MakeMemory},
          {"rocksdb", MakeRocksDb},
          {"sealed_memory",
           [](const std::string& folder, const Clock& clock, Randomness& r) {
             return Sealed(MakeMemory(folder, clock, r), folder, r);
           }},
          {"sealed_rocksdb",
           [](const std::string& folder, const Clock& clock, Randomness& r) {
             return Sealed(MakeRocksDb(folder, clock, r), folder, r);
           }}};
}

// A folder that no other test uses.
std::string NewFolder() {
  static std::atomic<int> count{0};
  return absl::StrCat(testing::TempDir(), "/store", count++);
}

class StoreConformanceTest : public testing::TestWithParam<Engine> {
 protected:
  StoreConformanceTest()
      : store_(GetParam().make(NewFolder(), clock_, randomness_)) {}

  absl::Status Put(const std::string& key, const std::string& value,
                   absl::Time expire_time = absl::InfiniteFuture()) {
    Transaction transaction;
    transaction.Put(key, value, expire_time);
    return CommitAndWait(*store_, std::move(transaction));
  }

  absl::Status Delete(const std::string& key) {
    Transaction transaction;
    transaction.Delete(key);
    return CommitAndWait(*store_, std::move(transaction));
  }

  absl::Status PutIf(const std::string& key, Version version,
                     const std::string& value) {
    Transaction transaction;
    transaction.Expect(key, version).Put(key, value);
    return CommitAndWait(*store_, std::move(transaction));
  }

  Record Get(const std::string& key) {
    const auto record = store_->GetSnapshot()->Get(key);
    EXPECT_TRUE(record.ok()) << record.status();
    return record.value_or(Record());
  }

  static std::vector<std::string> KeysOf(
      const absl::StatusOr<std::vector<Entry>>& entries) {
    EXPECT_TRUE(entries.ok()) << entries.status();
    std::vector<std::string> keys;
    for (const Entry& entry : *entries) keys.push_back(entry.key);
    return keys;
  }

  using Keys = std::vector<std::string>;

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SystemRandomness randomness_;
  const std::unique_ptr<Store> store_;
};

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

TEST_P(StoreConformanceTest, ShowsASnapshotNothingLater) {
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Put("b", "1").ok());
  const auto snapshot = store_->GetSnapshot();
  ASSERT_TRUE(Put("a", "2").ok());
  ASSERT_TRUE(Delete("b").ok());
  ASSERT_TRUE(Put("c", "2").ok());
  EXPECT_EQ(snapshot->Get("a")->value, "1");
  EXPECT_EQ(snapshot->Get("b")->value, "1");
  EXPECT_FALSE(snapshot->Get("c")->exists());
  EXPECT_EQ(KeysOf(snapshot->Scan("", "a", 1)), Keys{"b"});
  EXPECT_EQ(Get("a").value, "2");
  EXPECT_FALSE(Get("b").exists());
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

TEST_P(StoreConformanceTest, HidesARecordFromItsExpireTimeOn) {
  ASSERT_TRUE(Put("a", "1", clock_.Now() + absl::Seconds(10)).ok());
  clock_.Advance(absl::Seconds(10) - absl::Microseconds(1));
  EXPECT_TRUE(Get("a").exists());
  EXPECT_TRUE(absl::IsAborted(PutIf("a", kAbsent, "2")));
  clock_.Advance(absl::Microseconds(1));
  EXPECT_FALSE(Get("a").exists());
  EXPECT_EQ(KeysOf(store_->GetSnapshot()->Scan("a", "", 10)), Keys{});
  EXPECT_TRUE(PutIf("a", kAbsent, "2").ok());
  EXPECT_EQ(Get("a").value, "2");
}

TEST_P(StoreConformanceTest, RemovesWhatHasExpiredAndNothingElse) {
  const absl::Time soon = clock_.Now() + absl::Seconds(10);
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(Put(absl::StrCat("e", i), "", soon).ok());
  ASSERT_TRUE(Put("later", "1", soon + absl::Seconds(1)).ok());
  ASSERT_TRUE(Put("never", "1").ok());
  // Put again: the first expire time no longer counts.
  ASSERT_TRUE(Put("again", "1", soon).ok());
  ASSERT_TRUE(Put("again", "2", soon + absl::Seconds(1)).ok());
  ASSERT_TRUE(Put("for good", "1", soon).ok());
  ASSERT_TRUE(Put("for good", "2").ok());
  ASSERT_TRUE(Put("deleted", "1", soon).ok());
  ASSERT_TRUE(Delete("deleted").ok());
  EXPECT_EQ(store_->RemoveExpired(100).value(), 0u);
  clock_.Set(soon);
  EXPECT_LE(store_->RemoveExpired(2).value(), 2u);
  size_t removed = 0;
  for (int i = 0; i < 10; ++i) removed += store_->RemoveExpired(2).value();
  EXPECT_GE(removed, 3u);
  EXPECT_EQ(store_->RemoveExpired(100).value(), 0u);
  EXPECT_EQ(Get("later").value, "1");
  EXPECT_EQ(Get("never").value, "1");
  EXPECT_EQ(Get("again").value, "2");
  EXPECT_EQ(Get("for good").value, "2");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(store_->RemoveExpired(100).value(), 2u);
  EXPECT_EQ(Get("never").value, "1");
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
      for (int done = 0; done < 50;) {
        const Record record = Get("n");
        int n = 0;
        ASSERT_TRUE(absl::SimpleAtoi(record.value, &n));
        done += PutIf("n", record.version, absl::StrCat(n + 1)).ok();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Get("n").value, "400");
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

INSTANTIATE_TEST_SUITE_P(AllEngines, StoreConformanceTest,
                         testing::ValuesIn(AllEngines()),
                         [](const testing::TestParamInfo<Engine>& info) {
                           return info.param.name;
                         });

}  // namespace
}  // namespace cofactor::storage
