#include "storage/sealing/sealing_store.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/log.h"
#include "storage/sealing/sealed_value.h"

namespace cofactor::storage {
namespace {

absl::StatusOr<Record> OpenRecord(const KeyRing& key_ring,
                                  absl::string_view key, Record record) {
  if (!record.exists()) return record;
  const absl::string_view stored = record.value;
  const std::optional<SealedPart> part = FindSealedPart(key, stored);
  if (!part.has_value()) return record;
  ASSIGN_OR_RETURN(
      const Secret opened,
      OpenValue(key_ring, part->place, stored.substr(part->clear_bytes)));
  return Record{
      absl::StrCat(stored.substr(0, part->clear_bytes), opened.ExposeSecret()),
      record.version, record.expire_time};
}

class OpeningSnapshot final : public Snapshot {
 public:
  OpeningSnapshot(std::unique_ptr<const Snapshot> base,
                  std::shared_ptr<const KeyRing> key_ring)
      : base_(std::move(base)), key_ring_(std::move(key_ring)) {}

  absl::StatusOr<Record> Get(absl::string_view key) const override {
    ASSIGN_OR_RETURN(Record record, base_->Get(key));
    return OpenRecord(*key_ring_, key, std::move(record));
  }

  absl::StatusOr<std::vector<Entry>> Scan(absl::string_view prefix,
                                          absl::string_view start_after,
                                          size_t limit) const override {
    ASSIGN_OR_RETURN(std::vector<Entry> entries,
                     base_->Scan(prefix, start_after, limit));
    for (Entry& entry : entries) {
      ASSIGN_OR_RETURN(entry.record, OpenRecord(*key_ring_, entry.key,
                                                std::move(entry.record)));
    }
    return entries;
  }

 private:
  const std::unique_ptr<const Snapshot> base_;
  const std::shared_ptr<const KeyRing> key_ring_;
};

}  // namespace

SealingStore::SealingStore(std::unique_ptr<Store> base, KeyRing key_ring,
                           Randomness& randomness)
    : randomness_(randomness), base_(std::move(base)) {
  UseKeyRing(std::move(key_ring));
}

std::unique_ptr<const Snapshot> SealingStore::GetSnapshot() {
  SealedSnapshot sealed = GetSealedSnapshot();
  return std::make_unique<OpeningSnapshot>(std::move(sealed.base),
                                           std::move(sealed.key_ring));
}

SealingStore::SealedSnapshot SealingStore::GetSealedSnapshot() const {
  std::shared_ptr<const KeyRing> ring = key_ring();
  while (true) {
    std::unique_ptr<const Snapshot> snapshot = base_->GetSnapshot();
    // The ring from before the snapshot holds the keys that are dropped
    // meanwhile. One that was added meanwhile may have sealed what the snapshot
    // shows: then look again.
    std::shared_ptr<const KeyRing> ring_after = key_ring();
    if (ring_after == ring) return {std::move(snapshot), std::move(ring)};
    ring = std::move(ring_after);
  }
}

void SealingStore::Seal(const KeyRing& key_ring, absl::string_view place,
                        std::string& value) {
  std::string sealed = SealValue(key_ring, place, value, randomness_);
  Wipe(value);
  value = std::move(sealed);
}

void SealingStore::Commit(Transaction transaction, CommitDone done) {
  std::shared_ptr<const Era> era = this->era();
  for (Transaction::Write& write : transaction.mutable_writes()) {
    if (!write.is_delete) Seal(*era->key_ring, write.key, write.value);
  }
  for (Transaction::Append& append : transaction.mutable_appends()) {
    Seal(*era->key_ring, LogPrefix(append.log), append.value);
  }
  base_->Commit(
      std::move(transaction),
      [era = std::move(era), done = std::move(done)](absl::Status s) mutable {
        era.reset();
        std::move(done)(std::move(s));
      });
}

absl::StatusOr<size_t> SealingStore::RemoveExpired(size_t max_records) {
  return base_->RemoveExpired(max_records);
}

absl::Status SealingStore::Health() const { return base_->Health(); }

std::shared_ptr<const SealingStore::Era> SealingStore::era() const {
  MutexLock lock(mutex_);
  return era_;
}

std::shared_ptr<const KeyRing> SealingStore::key_ring() const {
  MutexLock lock(mutex_);
  return era_->key_ring;
}

void SealingStore::UseKeyRing(KeyRing key_ring) {
  auto era = std::make_shared<const Era>(
      Era{std::make_shared<const KeyRing>(std::move(key_ring))});
  MutexLock lock(mutex_);
  if (era_ != nullptr) earlier_eras_.push_back(era_);
  era_ = std::move(era);
}

bool SealingStore::HasCommitsOfEarlierRings() {
  MutexLock lock(mutex_);
  earlier_eras_.erase(
      std::remove_if(earlier_eras_.begin(), earlier_eras_.end(),
                     [](const auto& era) { return era.expired(); }),
      earlier_eras_.end());
  return !earlier_eras_.empty();
}

}  // namespace cofactor::storage
