#include "storage/memory/memory_store.h"

#include <utility>

#include "absl/strings/match.h"
#include "storage/log.h"

namespace cofactor::storage {

class MemoryStore::MemorySnapshot final : public Snapshot {
 public:
  // moment: already among the store's snapshots.
  MemorySnapshot(MemoryStore& store, Version moment, absl::Time now)
      : store_(store), moment_(moment), now_(now) {}

  ~MemorySnapshot() override { store_.Release(moment_); }

  absl::StatusOr<Record> Get(absl::string_view key) const override {
    MutexLock lock(store_.mutex_);
    const auto entry = store_.records_.find(std::string(key));
    if (entry == store_.records_.end()) return Record();
    return ToRecord(At(entry->second, moment_, now_));
  }

  absl::StatusOr<std::vector<Entry>> Scan(absl::string_view prefix,
                                          absl::string_view start_after,
                                          size_t limit) const override {
    MutexLock lock(store_.mutex_);
    std::vector<Entry> found;
    auto entry = start_after < prefix
                     ? store_.records_.lower_bound(std::string(prefix))
                     : store_.records_.upper_bound(std::string(start_after));
    for (; entry != store_.records_.end() && found.size() < limit &&
           absl::StartsWith(entry->first, prefix);
         ++entry) {
      Record record = ToRecord(At(entry->second, moment_, now_));
      if (record.exists()) found.push_back({entry->first, std::move(record)});
    }
    return found;
  }

 private:
  static Record ToRecord(const Revision* revision) {
    if (revision == nullptr) return Record();
    return {revision->value, revision->version, revision->expire_time};
  }

  MemoryStore& store_;
  const Version moment_;
  const absl::Time now_;
};

const MemoryStore::Revision* MemoryStore::At(const Revisions& revisions,
                                             Version moment, absl::Time now) {
  for (auto revision = revisions.rbegin(); revision != revisions.rend();
       ++revision) {
    if (revision->version > moment) continue;
    const bool absent = revision->deleted || now >= revision->expire_time;
    return absent ? nullptr : &*revision;
  }
  return nullptr;
}

std::unique_ptr<const Snapshot> MemoryStore::GetSnapshot() {
  MutexLock lock(mutex_);
  snapshots_.insert(last_version_);
  return std::make_unique<MemorySnapshot>(*this, last_version_, clock_.Now());
}

void MemoryStore::Commit(Transaction transaction, CommitDone done) {
  absl::Status status;
  {
    MutexLock lock(mutex_);
    status = Apply(transaction);
  }
  std::move(done)(std::move(status));
}

absl::Status MemoryStore::Apply(Transaction& transaction) {
  const absl::Time now = clock_.Now();
  for (const Transaction::Condition& condition : transaction.conditions()) {
    const auto entry = records_.find(condition.key);
    const Revision* revision = entry == records_.end()
                                   ? nullptr
                                   : At(entry->second, last_version_, now);
    if ((revision == nullptr ? kAbsent : revision->version) !=
        condition.version) {
      return absl::AbortedError("a record has changed");
    }
  }
  ++last_version_;
  for (Transaction::Write& write : transaction.mutable_writes()) {
    Append(write.key, {last_version_, std::move(write.value), write.expire_time,
                       write.is_delete});
  }
  for (Transaction::Append& append : transaction.mutable_appends()) {
    LogHead& head = log_heads_[append.log];
    const std::string head_key = LogHeadKey(append.log);
    Transaction::Write write = Place(std::move(append), head);
    Append(write.key,
           {last_version_, std::move(write.value), write.expire_time, false});
    Append(head_key,
           {last_version_, EncodeLogHead(head), absl::InfiniteFuture(), false});
  }
  return absl::OkStatus();
}

void MemoryStore::Append(const std::string& key, Revision revision) {
  const auto entry = records_.try_emplace(key).first;
  if (!entry->second.empty()) {
    expiries_.erase({entry->second.back().expire_time, key});
  }
  if (!revision.deleted && revision.expire_time != absl::InfiniteFuture()) {
    expiries_.emplace(revision.expire_time, key);
  }
  const Version version = revision.version;
  entry->second.push_back(std::move(revision));
  if (Trim(entry)) superseded_.push_back({version, key});
}

bool MemoryStore::Trim(std::map<std::string, Revisions>::iterator entry) {
  Revisions& revisions = entry->second;
  Revisions kept;
  for (size_t i = 0; i < revisions.size(); ++i) {
    const bool is_last = i + 1 == revisions.size();
    const auto viewer = snapshots_.lower_bound(revisions[i].version);
    const bool is_seen = !is_last && viewer != snapshots_.end() &&
                         *viewer < revisions[i + 1].version;
    if (is_last || is_seen) kept.push_back(std::move(revisions[i]));
  }
  revisions = std::move(kept);
  if (revisions.size() > 1) return true;
  if (revisions.front().deleted) records_.erase(entry);
  return false;
}

void MemoryStore::Release(Version moment) {
  MutexLock lock(mutex_);
  snapshots_.erase(snapshots_.find(moment));
  const Version oldest =
      snapshots_.empty() ? last_version_ : *snapshots_.begin();
  while (!superseded_.empty() && superseded_.front().since <= oldest) {
    const auto entry = records_.find(superseded_.front().key);
    if (entry != records_.end()) Trim(entry);
    superseded_.pop_front();
  }
}

size_t MemoryStore::revision_count() const {
  MutexLock lock(mutex_);
  size_t count = 0;
  for (const auto& [key, revisions] : records_) count += revisions.size();
  return count;
}

absl::StatusOr<size_t> MemoryStore::RemoveExpired(size_t max_records) {
  const absl::Time now = clock_.Now();
  MutexLock lock(mutex_);
  size_t removed = 0;
  while (removed < max_records && !expiries_.empty() &&
         expiries_.begin()->first <= now) {
    const std::string key = expiries_.begin()->second;
    ++last_version_;
    Append(key, {last_version_, "", absl::InfiniteFuture(), true});
    ++removed;
  }
  return removed;
}

}  // namespace cofactor::storage
