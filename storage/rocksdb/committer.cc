#include "storage/rocksdb/committer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "storage/rocksdb/frame.h"

namespace cofactor::storage {
namespace {

// Some 8 MB of keys and versions.
constexpr size_t kMaxRecent = 65'536;

// Some milliseconds, for which transactions wait.
constexpr size_t kMaxPiece = 512;

absl::string_view View(const rocksdb::Slice& slice) {
  return absl::string_view(slice.data(), slice.size());
}

rocksdb::Slice ToSlice(absl::string_view text) {
  return rocksdb::Slice(text.data(), text.size());
}

absl::Status NothingDone(const absl::Status& why) {
  return absl::UnavailableError(why.message());
}

}  // namespace

Committer::Committer(Database& database, const Clock& clock, size_t max_waiting,
                     CommitObserver* observer)
    : database_(database),
      clock_(clock),
      max_waiting_(max_waiting),
      observer_(observer),
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

bool Committer::WaitForWork() {
  MutexLock lock(mutex_);
  while (!stopping_ && waiting_.empty() && sweeps_.empty()) wake_.Wait(mutex_);
  return !waiting_.empty() || !sweeps_.empty();
}

std::deque<Committer::Waiting> Committer::TakeWaiting() {
  MutexLock lock(mutex_);
  return std::exchange(waiting_, {});
}

void Committer::Run() {
  while (WaitForWork()) {
    std::deque<Waiting> group = TakeWaiting();
    if (!group.empty()) WriteTogether(group);
    for (Waiting& one : group) {
      std::move(one.done)(std::move(one.outcome));
      one.done = nullptr;
    }
    SweepOn();
  }
}

void Committer::WriteTogether(std::deque<Waiting>& group) {
  if (const absl::Status usable = database_.CheckUsable(); !usable.ok()) {
    for (Waiting& one : group) one.outcome = usable;
    return;
  }
  const absl::Time now = clock_.Now();
  // Every batch moves the sequence on, and only we write.
  const Version version = database_.db().GetLatestSequenceNumber() + 1;
  Versions overlay;
  LogHeads heads = log_heads_;
  rocksdb::WriteBatch batch;
  for (Waiting& one : group) {
    one.outcome = CheckConditions(one.transaction, overlay, now);
    if (one.outcome.ok()) one.outcome = LoadHeads(one.transaction, heads);
    if (one.outcome.ok()) {
      Add(one.transaction, version, now, overlay, heads, batch);
    }
  }
  if (batch.Count() == 0) return;
  // Once for all that the batch appends.
  for (const auto& [log, head] : heads) {
    Put({LogHeadKey(log), EncodeLogHead(head)}, version, batch);
  }
  const Stopwatch stopwatch;
  const absl::Status written = Write(batch);
  if (written.ok()) {
    Observe(group, stopwatch.Elapsed());
    log_heads_ = std::move(heads);
    return Remember(group, version);
  }
  // Also those that were aborted: they may have seen what was not written.
  for (Waiting& one : group) one.outcome = written;
}

void Committer::Observe(const std::deque<Waiting>& group,
                        absl::Duration sync_time) {
  if (observer_ == nullptr) return;
  const auto written =
      std::count_if(group.begin(), group.end(),
                    [](const Waiting& one) { return one.outcome.ok(); });
  observer_->BatchCommitted(static_cast<size_t>(written), sync_time);
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

absl::Status Committer::LoadHeads(const Transaction& transaction,
                                  LogHeads& heads) {
  for (const Transaction::Append& append : transaction.appends()) {
    if (heads.find(append.log) != heads.end()) continue;
    rocksdb::PinnableSlice bytes;
    const rocksdb::Status status =
        database_.db().Get(rocksdb::ReadOptions(), database_.records(),
                           LogHeadKey(append.log), &bytes);
    LogHead head;
    if (status.ok()) {
      const absl::StatusOr<Frame> frame = DecodeFrame(View(bytes));
      if (!frame.ok()) return NothingDone(frame.status());
      const absl::StatusOr<LogHead> stored = DecodeLogHead(frame->value);
      if (!stored.ok()) return NothingDone(stored.status());
      head = *stored;
    } else if (!status.IsNotFound()) {
      return NothingDone(ToAbslStatus(status, database_.path()));
    }
    heads.emplace(append.log, std::move(head));
  }
  return absl::OkStatus();
}

void Committer::Add(const Transaction& transaction, Version version,
                    absl::Time now, Versions& overlay, LogHeads& heads,
                    rocksdb::WriteBatch& batch) {
  for (const Transaction::Write& write : transaction.writes()) {
    if (write.is_delete) {
      batch.Delete(database_.records(), write.key);
      overlay[write.key] = kAbsent;
      continue;
    }
    Put(write, version, batch);
    overlay[write.key] = now >= write.expire_time ? kAbsent : version;
  }
  for (const Transaction::Append& append : transaction.appends()) {
    Put(Place(append, heads[append.log]), version, batch);
  }
}

void Committer::Put(const Transaction::Write& write, Version version,
                    rocksdb::WriteBatch& batch) {
  batch.Put(database_.records(), write.key,
            EncodeFrame({version, write.expire_time, write.value}));
  // The entry of an older record under this key stays, and says nothing: a
  // sweep looks at the record itself.
  if (write.expire_time != absl::InfiniteFuture()) {
    batch.Put(database_.expiries(),
              EncodeExpiryKey(write.expire_time, write.key), "");
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
  RETURN_IF_ERROR(database_.CheckUsable());
  if (max_records == 0) return size_t{0};
  std::future<absl::StatusOr<size_t>> removed;
  {
    MutexLock lock(mutex_);
    Sweep& sweep = sweeps_.emplace_back();
    sweep.max_records = max_records;
    removed = sweep.done.get_future();
  }
  wake_.NotifyOne();
  return removed.get();
}

void Committer::SweepOn() {
  Sweep* sweep = nullptr;
  {
    MutexLock lock(mutex_);
    if (sweeps_.empty()) return;
    // Others are added behind it, which does not move it.
    sweep = &sweeps_.front();
  }
  const absl::StatusOr<bool> goes_on = RemovePiece(*sweep);
  if (goes_on.ok() && *goes_on) return;
  absl::StatusOr<size_t> removed = sweep->removed;
  if (!goes_on.ok()) removed = goes_on.status();
  std::promise<absl::StatusOr<size_t>> done = std::move(sweep->done);
  {
    MutexLock lock(mutex_);
    sweeps_.pop_front();
  }
  done.set_value(std::move(removed));
}

absl::StatusOr<bool> Committer::RemovePiece(Sweep& sweep) {
  RETURN_IF_ERROR(database_.CheckUsable());
  const std::string end = ExpiryKeyAfter(clock_.Now());
  const rocksdb::Slice upper_bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> entry(
      database_.db().NewIterator(options, database_.expiries()));
  const size_t limit = std::min(kMaxPiece, sweep.max_records - sweep.removed);
  rocksdb::WriteBatch batch;
  size_t removed = 0;
  size_t seen = 0;
  std::string next;
  for (entry->Seek(sweep.next); entry->Valid() && seen < limit;
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
      // A record that was put again under this key has an entry of its own, or
      // lives on.
      if (frame.expire_time == expiry.expire_time) {
        batch.Delete(database_.records(), ToSlice(expiry.key));
        ++removed;
      }
    }
    next = entry->key().ToString();
  }
  if (!entry->status().ok()) {
    return ToAbslStatus(entry->status(), database_.path());
  }
  if (seen == 0) return false;
  // One mark instead of one per entry, so that the next sweep does not have to
  // step over them. It begins where this piece did: entries before that may
  // have been added since, and are for the next sweep. The end is exclusive.
  next.push_back('\0');
  batch.DeleteRange(database_.expiries(), sweep.next, next);
  RETURN_IF_ERROR(Write(batch));
  sweep.next = std::move(next);
  sweep.removed += removed;
  return seen == limit && sweep.removed < sweep.max_records;
}

}  // namespace cofactor::storage
