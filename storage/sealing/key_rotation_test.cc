#include "storage/sealing/key_rotation.h"

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "storage/sealing/interrupted_store.h"
#include "storage/sealing/open_sealed_store.h"
#include "storage/sealing/sealed_value.h"

namespace cofactor::storage {
namespace {

using KeyIds = std::vector<uint32_t>;

// Can catch the one who draws next.
class HeldRandomness final : public Randomness {
 public:
  void Fill(absl::Span<uint8_t> out) override {
    {
      MutexLock lock(mutex_);
      if (std::exchange(hold_next_, false)) {
        held_ = true;
        changed_.NotifyAll();
        while (held_) changed_.Wait(mutex_);
      }
    }
    base_.Fill(out);
  }

  void HoldNext() {
    MutexLock lock(mutex_);
    hold_next_ = true;
  }
  void WaitUntilHeld() {
    MutexLock lock(mutex_);
    while (!held_) changed_.Wait(mutex_);
  }
  void Release() {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.NotifyAll();
  }

 private:
  SystemRandomness base_;
  Mutex mutex_;
  CondVar changed_;
  bool hold_next_ ABSL_GUARDED_BY(mutex_) = false;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
};

// A store that outlasts the one who opened it, as a folder does.
class BorrowedStore final : public Store {
 public:
  explicit BorrowedStore(Store& base) : base_(base) {}

  std::unique_ptr<const Snapshot> GetSnapshot() override {
    return base_.GetSnapshot();
  }
  void Commit(Transaction transaction, CommitDone done) override {
    base_.Commit(std::move(transaction), std::move(done));
  }
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override {
    return base_.RemoveExpired(max_records);
  }
  absl::Status Health() const override { return base_.Health(); }

 private:
  Store& base_;
};

absl::Status Put(Store& store, const std::string& key, const std::string& value,
                 absl::Time expire_time = absl::InfiniteFuture()) {
  Transaction transaction;
  transaction.Put(key, value, expire_time);
  return CommitAndWait(store, std::move(transaction));
}

class KeyRotationTest : public testing::Test {
 protected:
  KeyRotationTest() {
    static int count = 0;
    path_ = absl::StrCat(testing::TempDir(), "/rotated_key_ring", count++);
    Restart();
  }

  void Restart() {
    rotation_.reset();
    store_.reset();
    auto store = OpenSealedStore(std::make_unique<BorrowedStore>(base_), path_,
                                 randomness_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    rotation_ = std::make_unique<KeyRotation>(*store_, path_, randomness_);
  }

  // The key that sealed what lies in the base.
  uint32_t KeyOf(const std::string& key) {
    const Record record = *base_.GetSnapshot()->Get(key);
    return SealingKeyOf(record.value).value_or(0);
  }

  // The keys that sealed all that lies in the base.
  KeyIds KeysInUse() {
    KeyIds key_ids;
    const auto entries = base_.GetSnapshot()->Scan("", "", 100'000);
    for (const Entry& entry : *entries) {
      const uint32_t key_id = SealingKeyOf(entry.record.value).value_or(0);
      if (key_ids.empty() || key_ids.back() != key_id) {
        key_ids.push_back(key_id);
      }
    }
    return key_ids;
  }

  KeyIds KeysOfFile() { return ReadKeyRingFile(path_)->key_ids(); }

  void StepToTheEnd(size_t max_records = 7) {
    while (true) {
      const auto more = rotation_->Step(max_records);
      ASSERT_TRUE(more.ok()) << more.status();
      if (!*more) return;
    }
  }

  void PutMany(int records) {
    for (int i = 0; i < records; ++i) {
      ASSERT_TRUE(
          Put(*store_, absl::StrCat("m/", i), absl::StrCat("seed ", i)).ok());
    }
  }

  void ExpectMany(int records) {
    for (int i = 0; i < records; ++i) {
      const auto record = store_->GetSnapshot()->Get(absl::StrCat("m/", i));
      ASSERT_TRUE(record.ok()) << record.status();
      EXPECT_EQ(record->value, absl::StrCat("seed ", i));
    }
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  HeldRandomness randomness_;
  InterruptedStore base_{clock_};
  std::string path_;
  std::unique_ptr<SealingStore> store_;
  std::unique_ptr<KeyRotation> rotation_;
};

TEST_F(KeyRotationTest, SealsEveryRecordAnewAndLetsTheOldKeyGo) {
  PutMany(20);
  EXPECT_EQ(KeysInUse(), KeyIds{1});
  ASSERT_TRUE(rotation_->Start().ok());
  EXPECT_EQ(KeysOfFile(), (KeyIds{1, 2}));
  EXPECT_EQ(KeysInUse(), KeyIds{1});
  ExpectMany(20);
  StepToTheEnd();
  EXPECT_EQ(KeysInUse(), KeyIds{2});
  ExpectMany(20);
  EXPECT_EQ(KeysOfFile(), (KeyIds{1, 2}));
  ASSERT_TRUE(rotation_->DropOldKeys().ok());
  EXPECT_EQ(KeysOfFile(), KeyIds{2});
  ExpectMany(20);
  Restart();
  ExpectMany(20);
  EXPECT_FALSE(rotation_->Resume());
}

TEST_F(KeyRotationTest, TellsHowFarItIs) {
  PutMany(20);
  KeyRotation::Progress progress = rotation_->progress();
  EXPECT_FALSE(progress.running);
  EXPECT_FALSE(progress.finished);
  EXPECT_EQ(progress.primary_key_id, 1u);
  EXPECT_EQ(progress.old_key_ids, KeyIds{});
  ASSERT_TRUE(rotation_->Start().ok());
  EXPECT_TRUE(rotation_->Step(8).value());
  progress = rotation_->progress();
  EXPECT_TRUE(progress.running);
  EXPECT_EQ(progress.passes, 1u);
  EXPECT_EQ(progress.records_seen, 8u);
  EXPECT_EQ(progress.records_resealed, 8u);
  EXPECT_EQ(progress.primary_key_id, 2u);
  EXPECT_EQ(progress.old_key_ids, KeyIds{1});
  StepToTheEnd();
  progress = rotation_->progress();
  EXPECT_FALSE(progress.running);
  EXPECT_TRUE(progress.finished);
  EXPECT_EQ(progress.passes, 2u);
  // With the record that tells the key ring.
  EXPECT_EQ(progress.records_seen, 42u);
  EXPECT_EQ(progress.records_resealed, 21u);
  EXPECT_FALSE(rotation_->Step(8).value());
  ASSERT_TRUE(rotation_->DropOldKeys().ok());
  EXPECT_EQ(rotation_->progress().old_key_ids, KeyIds{});
  EXPECT_TRUE(rotation_->progress().finished);
}

TEST_F(KeyRotationTest, RunsOnceAtATime) {
  ASSERT_TRUE(rotation_->Start().ok());
  EXPECT_EQ(rotation_->Start().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(KeysOfFile(), (KeyIds{1, 2}));
}

TEST_F(KeyRotationTest, RotatesAgainAndAgain) {
  PutMany(5);
  for (uint32_t round = 0; round < 3; ++round) {
    ASSERT_TRUE(rotation_->Start().ok());
    StepToTheEnd();
    EXPECT_EQ(KeysInUse(), KeyIds{round + 2});
    ASSERT_TRUE(rotation_->DropOldKeys().ok());
    EXPECT_EQ(KeysOfFile(), KeyIds{round + 2});
  }
  // Also without dropping in between.
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(rotation_->Start().ok());
    StepToTheEnd();
  }
  EXPECT_EQ(KeysOfFile(), (KeyIds{4, 5, 6}));
  ASSERT_TRUE(rotation_->DropOldKeys().ok());
  EXPECT_EQ(KeysOfFile(), KeyIds{6});
  ExpectMany(5);
}

TEST_F(KeyRotationTest, DropsNoKeyBeforeTheRotationIsFinished) {
  PutMany(20);
  ASSERT_TRUE(rotation_->Start().ok());
  EXPECT_EQ(rotation_->DropOldKeys().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(rotation_->Step(8).ok());
  EXPECT_EQ(rotation_->DropOldKeys().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(KeysOfFile(), (KeyIds{1, 2}));
  // Nor after a restart, before it has looked.
  Restart();
  EXPECT_EQ(rotation_->DropOldKeys().code(),
            absl::StatusCode::kFailedPrecondition);
  ExpectMany(20);
}

TEST_F(KeyRotationTest, LooksForItselfBeforeItDropsAKey) {
  PutMany(1);
  const Record old_record = *base_.GetSnapshot()->Get("m/0");
  ASSERT_TRUE(rotation_->Start().ok());
  StepToTheEnd();
  // As nothing should ever come to be.
  ASSERT_TRUE(Put(base_, "m/0", old_record.value).ok());
  EXPECT_EQ(rotation_->DropOldKeys().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(KeysOfFile(), (KeyIds{1, 2}));
  EXPECT_FALSE(rotation_->progress().finished);
  EXPECT_TRUE(rotation_->Resume());
  StepToTheEnd();
  EXPECT_TRUE(rotation_->DropOldKeys().ok());
  ExpectMany(1);
}

TEST_F(KeyRotationTest, GoesOnAfterACrashAnywhere) {
  PutMany(30);
  ASSERT_TRUE(rotation_->Start().ok());
  for (int steps = 0; steps < 12; ++steps) {
    Restart();
    ExpectMany(30);
    // A step further each time.
    ASSERT_TRUE(rotation_->Resume());
    for (int step = 0; step < steps; ++step) {
      ASSERT_TRUE(rotation_->Step(5).ok());
    }
  }
  StepToTheEnd();
  EXPECT_EQ(KeysInUse(), KeyIds{2});
  ASSERT_TRUE(rotation_->DropOldKeys().ok());
  EXPECT_EQ(KeysOfFile(), KeyIds{2});
  ExpectMany(30);
}

// The file was replaced, and nothing more.
TEST_F(KeyRotationTest, GoesOnAfterACrashBeforeTheFirstStep) {
  PutMany(3);
  const KeyRing ring = *store_->key_ring()->WithNewPrimary(randomness_);
  ASSERT_TRUE(ReplaceKeyRingFile(path_, ring.ToText()).ok());
  Restart();
  ExpectMany(3);
  ASSERT_TRUE(rotation_->Resume());
  StepToTheEnd();
  ASSERT_TRUE(rotation_->DropOldKeys().ok());
  Restart();
  ExpectMany(3);
}

TEST_F(KeyRotationTest, UsesNoKeyThatIsNotInTheFile) {
  std::filesystem::create_directories(absl::StrCat(path_, ".new/x"));
  EXPECT_TRUE(absl::IsUnavailable(rotation_->Start()));
  EXPECT_FALSE(rotation_->progress().running);
  ASSERT_TRUE(Put(*store_, "a", "1").ok());
  EXPECT_EQ(KeyOf("a"), 1u);
  std::filesystem::remove_all(absl::StrCat(path_, ".new"));
  ASSERT_TRUE(rotation_->Start().ok());
  StepToTheEnd();
  // And opens with a key until the file is without it.
  std::filesystem::create_directories(absl::StrCat(path_, ".new/x"));
  EXPECT_TRUE(absl::IsUnavailable(rotation_->DropOldKeys()));
  EXPECT_EQ(rotation_->progress().old_key_ids, KeyIds{1});
  EXPECT_EQ(KeysOfFile(), (KeyIds{1, 2}));
  std::filesystem::remove_all(absl::StrCat(path_, ".new"));
  EXPECT_TRUE(rotation_->DropOldKeys().ok());
}

TEST_F(KeyRotationTest, KeepsExpireTimes) {
  const absl::Time soon = clock_.Now() + absl::Seconds(10);
  ASSERT_TRUE(Put(*store_, "a", "1", soon).ok());
  ASSERT_TRUE(Put(*store_, "b", "1").ok());
  ASSERT_TRUE(rotation_->Start().ok());
  StepToTheEnd();
  EXPECT_EQ(KeyOf("a"), 2u);
  EXPECT_EQ(store_->GetSnapshot()->Get("a")->expire_time, soon);
  EXPECT_EQ(store_->GetSnapshot()->Get("b")->expire_time,
            absl::InfiniteFuture());
  clock_.Set(soon);
  EXPECT_FALSE(store_->GetSnapshot()->Get("a")->exists());
  EXPECT_TRUE(store_->GetSnapshot()->Get("b")->exists());
  EXPECT_EQ(store_->RemoveExpired(10).value(), 1u);
}

// A rotation does not see them, and a clock that is set back would.
TEST_F(KeyRotationTest, LeavesNoExpiredRecordWithoutItsKey) {
  const absl::Time soon = clock_.Now() + absl::Seconds(10);
  ASSERT_TRUE(Put(*store_, "a", "1", soon).ok());
  clock_.Set(soon);
  ASSERT_TRUE(rotation_->Start().ok());
  StepToTheEnd();
  ASSERT_TRUE(rotation_->DropOldKeys().ok());
  clock_.Set(soon - absl::Seconds(1));
  const auto record = store_->GetSnapshot()->Get("a");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_FALSE(record->exists());
}

TEST_F(KeyRotationTest, LeavesWhatChangedBetweenItsReadAndItsWrite) {
  PutMany(3);
  ASSERT_TRUE(rotation_->Start().ok());
  base_.AfterNextSnapshot([this] {
    EXPECT_TRUE(Put(*store_, "m/1", "changed").ok());
    Transaction transaction;
    transaction.Delete("m/2");
    EXPECT_TRUE(CommitAndWait(*store_, std::move(transaction)).ok());
  });
  StepToTheEnd();
  EXPECT_EQ(store_->GetSnapshot()->Get("m/0")->value, "seed 0");
  EXPECT_EQ(store_->GetSnapshot()->Get("m/1")->value, "changed");
  EXPECT_FALSE(store_->GetSnapshot()->Get("m/2")->exists());
  EXPECT_EQ(rotation_->progress().records_resealed, 2u);
  EXPECT_TRUE(rotation_->DropOldKeys().ok());
}

// A commit is caught on its way to the base while the rotation goes over all
// that is there, and arrives last.
TEST_F(KeyRotationTest, IsNotFinishedWhileACommitByAnOldKeyIsUnderWay) {
  PutMany(3);
  randomness_.HoldNext();
  std::thread committer(
      [this] { EXPECT_TRUE(Put(*store_, "late", "1").ok()); });
  randomness_.WaitUntilHeld();
  ASSERT_TRUE(rotation_->Start().ok());
  EXPECT_TRUE(store_->HasCommitsOfEarlierRings());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(rotation_->Step(100).value());
  EXPECT_EQ(KeysInUse(), KeyIds{2});
  EXPECT_GT(rotation_->progress().passes, 9u);
  EXPECT_FALSE(rotation_->progress().finished);
  EXPECT_EQ(rotation_->DropOldKeys().code(),
            absl::StatusCode::kFailedPrecondition);
  randomness_.Release();
  committer.join();
  EXPECT_FALSE(store_->HasCommitsOfEarlierRings());
  EXPECT_EQ(KeyOf("late"), 1u);
  StepToTheEnd();
  EXPECT_EQ(KeyOf("late"), 2u);
  ASSERT_TRUE(rotation_->DropOldKeys().ok());
  EXPECT_EQ(store_->GetSnapshot()->Get("late")->value, "1");
}

TEST_F(KeyRotationTest, LeavesADamagedRecordAndItsKey) {
  PutMany(10);
  std::string damaged = base_.GetSnapshot()->Get("m/3")->value;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  ASSERT_TRUE(Put(base_, "m/3", damaged).ok());
  ASSERT_TRUE(Put(base_, "m/4", "not sealed").ok());
  ASSERT_TRUE(rotation_->Start().ok());
  absl::StatusOr<bool> more = true;
  while (more.ok() && *more) more = rotation_->Step(4);
  EXPECT_EQ(more.status().code(), absl::StatusCode::kDataLoss);
  const KeyRotation::Progress progress = rotation_->progress();
  EXPECT_FALSE(progress.running);
  EXPECT_FALSE(progress.finished);
  EXPECT_EQ(progress.records_damaged, 2u);
  EXPECT_EQ(progress.records_resealed, 9u);
  EXPECT_EQ(base_.GetSnapshot()->Get("m/3")->value, damaged);
  EXPECT_EQ(rotation_->DropOldKeys().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(KeysOfFile(), (KeyIds{1, 2}));
}

// A snapshot from before goes on to open what it shows, and one that is taken
// at the moment of a swap has the keys for what it shows.
TEST_F(KeyRotationTest, LeavesSnapshotsReadable) {
  PutMany(5);
  const auto before = store_->GetSnapshot();
  ASSERT_TRUE(rotation_->Start().ok());
  StepToTheEnd();
  ASSERT_TRUE(rotation_->DropOldKeys().ok());
  EXPECT_EQ(before->Scan("m/", "", 10)->size(), 5u);
  EXPECT_EQ(before->Get("m/0")->value, "seed 0");
}

}  // namespace
}  // namespace cofactor::storage
