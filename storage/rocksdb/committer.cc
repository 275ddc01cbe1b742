#include "storage/rocksdb/committer.h"

#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "storage/rocksdb/frame.h"

namespace cofactor::storage {
namespace {

// Some 8 MB of keys and versions.
constexpr size_t kMaxRecent = 65'536;

absl::string_view View(const rocksdb::Slice& slice) {
  return absl::string_view(slice.data(), slice.size());
}

rocksdb::Slice ToSlice(absl::string_view text) {
  return rocksdb::Slice(text.data(), text.size());
}

absl::Status NothingDone(const absl::Status& health) {
  return absl::UnavailableError(health.message());
}

}  // namespace

Committer::Committer(Database& database, const Clock& clock, size_t max_waiting)
    : database_(database),
      clock_(clock),
      max_waiting_(max_waiting),
      thread_([this] { Run(); }) {}

Committer::~Committer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void Committer::Commit(Transaction transaction, Store::CommitDone done) {
  {
    MutexLock lock(mutex_);
    if (waiting_.size() < max_waiting_) {
      waiting_.push_back({std::move(transaction), std::move(done), {}});
      if (waiting_.size() == 1) wake_.NotifyOne();
      return;
    }
  }
  std::move(done)(absl::UnavailableError("too many transactions wait"));
}

std::deque<Committer::Waiting> Committer::TakeWaiting() {
  MutexLock lock(mutex_);
  while (!stopping_ && waiting_.empty()) wake_.Wait(mutex_);
  return std::exchange(waiting_, {});
}

void Committer::Run() {
  while (true) {
    std::deque<Waiting> group = TakeWaiting();
    if (group.empty()) return;
    WriteTogether(group);
    for (Waiting& one : group) {
      std::move(one.done)(std::move(one.outcome));
      one.done = nullptr;
    }
  }
}

void Committer::WriteTogether(std::deque<Waiting>& group) {
  MutexLock lock(write_mutex_);
  if (const absl::Status health = database_.Health(); !health.ok()) {
    for (Waiting& one : group) one.outcome = NothingDone(health);
    return;
  }
  const absl::Time now = clock_.Now();
  // Every batch moves the sequence on, and only we write.
  const Version version = database_.db().GetLatestSequenceNumber() + 1;
  Versions overlay;
  rocksdb::WriteBatch batch;
  for (Waiting& one : group) {
    one.outcome = CheckConditions(one.transaction, overlay, now);
    if (one.outcome.ok()) {
      Add(one.transaction, version, now, overlay, batch);
    }
  }
  if (batch.Count() == 0) return;
  const absl::Status written = Write(batch);
  if (written.ok()) return Remember(group, version);
  // Also those that were aborted: they may have seen what was not written.
  for (Waiting& one : group) one.outcome = written;
}

void Committer::Remember(const std::deque<Waiting>& group, Version version) {
  if (recent_.size() > kMaxRecent) recent_.clear();
  for (const Waiting& one : group) {
    if (!one.outcome.ok()) continue;
    for (const Transaction::Write& write : one.transaction.writes()) {
      if (write.is_delete || write.expire_time != absl::InfiniteFuture()) {
        recent_.erase(write.key);
      } else {
        recent_[write.key] = version;
      }
    }
  }
}

absl::StatusOr<Version> Committer::CurrentVersion(const std::string& key,
                                                  const Versions& overlay,
                                                  absl::Time now) {
  if (const auto written = overlay.find(key); written != overlay.end()) {
    return written->second;
  }
  if (const auto recent = recent_.find(key); recent != recent_.end()) {
    return recent->second;
  }
  rocksdb::PinnableSlice bytes;
  const rocksdb::Status status = database_.db().Get(
      rocksdb::ReadOptions(), database_.records(), key, &bytes);
  if (status.IsNotFound()) return kAbsent;
  if (!status.ok()) return ToAbslStatus(status, database_.path());
  ASSIGN_OR_RETURN(const Frame frame, DecodeFrame(View(bytes)));
  return now >= frame.expire_time ? kAbsent : frame.version;
}

absl::Status Committer::CheckConditions(const Transaction& transaction,
                                        const Versions& overlay,
                                        absl::Time now) {
  for (const Transaction::Condition& condition : transaction.conditions()) {
    const absl::StatusOr<Version> current =
        CurrentVersion(condition.key, overlay, now);
    // What cannot be read cannot be relied on; nothing was done.
    if (!current.ok()) return NothingDone(current.status());
    if (*current != condition.version) {
      return absl::AbortedError("a record has changed");
    }
  }
  return absl::OkStatus();
}

void Committer::Add(const Transaction& transaction, Version version,
                    absl::Time now, Versions& overlay,
                    rocksdb::WriteBatch& batch) {
  for (const Transaction::Write& write : transaction.writes()) {
    if (write.is_delete) {
      batch.Delete(database_.records(), write.key);
      overlay[write.key] = kAbsent;
      continue;
    }
    batch.Put(database_.records(), write.key,
              EncodeFrame({version, write.expire_time, write.value}));
    // The entry of an older record under this key stays, and says nothing: a
    // sweep looks at the record itself.
    if (write.expire_time != absl::InfiniteFuture()) {
      batch.Put(database_.expiries(),
                EncodeExpiryKey(write.expire_time, write.key), "");
    }
    overlay[write.key] = now >= write.expire_time ? kAbsent : version;
  }
}

absl::Status Committer::Write(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = database_.db().Write(options, &batch);
  if (status.ok()) {
    database_.PublishSnapshot();
    return absl::OkStatus();
  }
  const absl::Status failure = ToAbslStatus(status, database_.path());
  database_.Fail(failure);
  // Part of it may be in the log, and be read back by the next start.
  return absl::UnknownError(failure.message());
}

absl::StatusOr<size_t> Committer::RemoveExpired(size_t max_records) {
  MutexLock lock(write_mutex_);
  RETURN_IF_ERROR(database_.Health());
  const absl::Time now = clock_.Now();
  const std::string end = ExpiryKeyAfter(now);
  const rocksdb::Slice upper_bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> entry(
      database_.db().NewIterator(options, database_.expiries()));
  rocksdb::WriteBatch batch;
  size_t removed = 0;
  size_t seen = 0;
  std::string last;
  for (entry->SeekToFirst(); entry->Valid() && seen < max_records;
       entry->Next(), ++seen) {
    ASSIGN_OR_RETURN(const ExpiryEntry expiry,
                     DecodeExpiryKey(View(entry->key())));
    rocksdb::PinnableSlice bytes;
    const rocksdb::Status got =
        database_.db().Get(rocksdb::ReadOptions(), database_.records(),
                           ToSlice(expiry.key), &bytes);
    if (!got.ok() && !got.IsNotFound()) {
      return ToAbslStatus(got, database_.path());
    }
    if (got.ok()) {
      ASSIGN_OR_RETURN(const Frame frame, DecodeFrame(View(bytes)));
      // A record that was put again under this key may live on.
      if (now >= frame.expire_time) {
        batch.Delete(database_.records(), ToSlice(expiry.key));
        ++removed;
      }
    }
    last = entry->key().ToString();
  }
  if (!entry->status().ok()) {
    return ToAbslStatus(entry->status(), database_.path());
  }
  if (seen == 0) return size_t{0};
  // One mark instead of one per entry, so that the next sweep does not have to
  // step over them. The end is exclusive.
  last.push_back('\0');
  batch.DeleteRange(database_.expiries(), rocksdb::Slice("", 0), last);
  const absl::Status written = Write(batch);
  if (!written.ok()) return written;
  return removed;
}

}  // namespace cofactor::storage
