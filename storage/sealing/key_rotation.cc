#include "storage/sealing/key_rotation.h"

#include <algorithm>
#include <future>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/sealing/sealed_value.h"
#include "storage/transaction.h"

namespace cofactor::storage {
namespace {

// As many transactions wait at a time, among those of the callers.
constexpr size_t kMaxPiece = 1024;
constexpr size_t kMaxSweep = 10'000;

// The key that has to be in the ring for an entry to be read; the primary, if
// none has to. DATA_LOSS: it has lost its seal.
absl::StatusOr<uint32_t> KeyOf(const Entry& entry, const KeyRing& key_ring) {
  const absl::string_view stored = entry.record.value;
  const std::optional<SealedPart> part = FindSealedPart(entry.key, stored);
  if (!part.has_value()) return key_ring.primary_key_id();
  return SealingKeyOf(stored.substr(part->clear_bytes));
}

// The stored value of an entry with its sealed part sealed anew.
// REQUIRES: it has one. DATA_LOSS: it does not open.
absl::StatusOr<std::string> SealAnew(const Entry& entry,
                                     const KeyRing& key_ring,
                                     Randomness& randomness) {
  const absl::string_view stored = entry.record.value;
  const SealedPart part = *FindSealedPart(entry.key, stored);
  ASSIGN_OR_RETURN(
      const Secret opened,
      OpenValue(key_ring, part.place, stored.substr(part.clear_bytes)));
  return absl::StrCat(
      stored.substr(0, part.clear_bytes),
      SealValue(key_ring, part.place, opened.ExposeSecret(), randomness));
}

std::future<absl::Status> CommitLater(Store& store, Transaction transaction) {
  std::promise<absl::Status> promise;
  std::future<absl::Status> committed = promise.get_future();
  store.Commit(std::move(transaction),
               [promise = std::move(promise)](absl::Status status) mutable {
                 promise.set_value(std::move(status));
               });
  return committed;
}

}  // namespace

KeyRotation::KeyRotation(SealingStore& store, std::string key_ring_path,
                         Randomness& randomness)
    : store_(store),
      key_ring_path_(std::move(key_ring_path)),
      randomness_(randomness) {}

absl::Status KeyRotation::Start() {
  MutexLock lock(work_mutex_);
  if (pass_.has_value()) {
    return absl::FailedPreconditionError("a key rotation is running");
  }
  ASSIGN_OR_RETURN(KeyRing key_ring,
                   store_.key_ring()->WithNewPrimary(randomness_));
  // The file first: a value whose key is only in memory would be lost with a
  // crash.
  RETURN_IF_ERROR(ReplaceKeyRingFile(key_ring_path_, key_ring.ToText()));
  store_.UseKeyRing(std::move(key_ring));
  Begin();
  return absl::OkStatus();
}

bool KeyRotation::Resume() {
  MutexLock lock(work_mutex_);
  if (pass_.has_value()) return true;
  if (store_.key_ring()->key_ids().size() == 1) return false;
  Begin();
  return true;
}

void KeyRotation::Begin() {
  {
    MutexLock lock(progress_mutex_);
    progress_ = Progress();
    progress_.running = true;
  }
  BeginPass();
}

void KeyRotation::BeginPass() {
  pass_ = Pass();
  pass_->began_too_early = store_.HasCommitsOfEarlierRings();
  MutexLock lock(progress_mutex_);
  ++progress_.passes;
  progress_.records_damaged = 0;
}

absl::StatusOr<bool> KeyRotation::Step(size_t max_records) {
  MutexLock lock(work_mutex_);
  if (!pass_.has_value()) return false;
  const size_t limit = std::clamp<size_t>(max_records, 1, kMaxPiece);
  ASSIGN_OR_RETURN(
      const std::vector<Entry> entries,
      store_.base().GetSnapshot()->Scan("", pass_->seen_to, limit));
  RETURN_IF_ERROR(Reseal(entries));
  if (entries.size() < limit) return EndPass();
  pass_->seen_to = entries.back().key;
  return true;
}

absl::Status KeyRotation::Reseal(const std::vector<Entry>& entries) {
  const std::shared_ptr<const KeyRing> key_ring = store_.key_ring();
  uint64_t damaged = 0;
  std::vector<std::future<absl::Status>> commits;
  for (const Entry& entry : entries) {
    const absl::StatusOr<uint32_t> key_id = KeyOf(entry, *key_ring);
    if (key_id.ok() && *key_id == key_ring->primary_key_id()) continue;
    absl::StatusOr<std::string> sealed =
        SealAnew(entry, *key_ring, randomness_);
    if (!sealed.ok()) {
      ++damaged;
      continue;
    }
    Transaction transaction;
    transaction.Expect(entry.key, entry.record.version);
    transaction.Put(entry.key, *std::move(sealed), entry.record.expire_time);
    commits.push_back(CommitLater(store_.base(), std::move(transaction)));
  }
  pass_->found_work |= !commits.empty();
  absl::Status failure;
  uint64_t resealed = 0;
  for (std::future<absl::Status>& commit : commits) {
    const absl::Status status = commit.get();
    if (status.ok()) ++resealed;
    // An aborted one has changed meanwhile: the next pass looks at it again.
    if (!status.ok() && !absl::IsAborted(status)) failure = status;
  }
  MutexLock lock(progress_mutex_);
  progress_.records_resealed += resealed;
  RETURN_IF_ERROR(failure);
  pass_->damaged += damaged;
  progress_.records_damaged = pass_->damaged;
  progress_.records_seen += entries.size();
  return absl::OkStatus();
}

absl::StatusOr<bool> KeyRotation::EndPass() {
  if (pass_->found_work || pass_->began_too_early) {
    BeginPass();
    return true;
  }
  const uint64_t damaged = pass_->damaged;
  pass_.reset();
  {
    MutexLock lock(progress_mutex_);
    progress_.running = false;
    progress_.finished = damaged == 0;
  }
  if (damaged == 0) return false;
  return absl::DataLossError(
      absl::StrCat(damaged,
                   " records in the store are damaged and could not "
                   "be sealed anew: check the store"));
}

absl::Status KeyRotation::DropOldKeys() {
  MutexLock lock(work_mutex_);
  const std::shared_ptr<const KeyRing> key_ring = store_.key_ring();
  if (key_ring->key_ids().size() == 1) return absl::OkStatus();
  // Together they say that no commit by an old key is under way.
  if (!progress().finished || store_.HasCommitsOfEarlierRings()) {
    return absl::FailedPreconditionError(
        "old keys can be dropped after a finished key rotation alone");
  }
  RETURN_IF_ERROR(RemoveAllExpired());
  RETURN_IF_ERROR(CheckNothingNeedsOldKeys(*key_ring));
  KeyRing left = *key_ring;
  for (const uint32_t key_id : key_ring->key_ids()) {
    if (key_id == left.primary_key_id()) continue;
    ASSIGN_OR_RETURN(left, left.Without(key_id));
  }
  RETURN_IF_ERROR(ReplaceKeyRingFile(key_ring_path_, left.ToText()));
  store_.UseKeyRing(std::move(left));
  return absl::OkStatus();
}

absl::Status KeyRotation::RemoveAllExpired() {
  while (true) {
    ASSIGN_OR_RETURN(const size_t removed, store_.RemoveExpired(kMaxSweep));
    if (removed == 0) return absl::OkStatus();
  }
}

absl::Status KeyRotation::CheckNothingNeedsOldKeys(const KeyRing& key_ring) {
  std::string seen_to;
  while (true) {
    // A snapshot for each piece: a long one would keep old values alive.
    ASSIGN_OR_RETURN(const std::vector<Entry> entries,
                     store_.base().GetSnapshot()->Scan("", seen_to, kMaxPiece));
    for (const Entry& entry : entries) {
      const absl::StatusOr<uint32_t> key_id = KeyOf(entry, key_ring);
      if (key_id.ok() && *key_id == key_ring.primary_key_id()) continue;
      MutexLock lock(progress_mutex_);
      progress_.finished = false;
      return absl::FailedPreconditionError(
          "a record in the store still needs an old key: resume the rotation");
    }
    if (entries.size() < kMaxPiece) return absl::OkStatus();
    seen_to = entries.back().key;
  }
}

KeyRotation::Progress KeyRotation::progress() const {
  const std::shared_ptr<const KeyRing> key_ring = store_.key_ring();
  Progress progress;
  {
    MutexLock lock(progress_mutex_);
    progress = progress_;
  }
  progress.primary_key_id = key_ring->primary_key_id();
  for (const uint32_t key_id : key_ring->key_ids()) {
    if (key_id != progress.primary_key_id) {
      progress.old_key_ids.push_back(key_id);
    }
  }
  return progress;
}

}  // namespace cofactor::storage
