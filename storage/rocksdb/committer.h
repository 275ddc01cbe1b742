#ifndef COFACTOR_STORAGE_ROCKSDB_COMMITTER_H_
#define COFACTOR_STORAGE_ROCKSDB_COMMITTER_H_

#include <cstddef>
#include <deque>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "rocksdb/write_batch.h"
#include "storage/commit_observer.h"
#include "storage/log.h"
#include "storage/rocksdb/database.h"
#include "storage/store.h"

namespace cofactor::storage {

// The one thread that writes a database. Thread-safe.
class Committer {
 public:
  // None is owned; all must outlive this. observer: may be null.
  Committer(Database& database, const Clock& clock, size_t max_waiting,
            CommitObserver* observer);

  // Completes what was taken, then ends the thread.
  ~Committer();

  // See Store.
  void Commit(Transaction transaction, Store::CommitDone done);
  // See Store. Not to be called in the answer to a commit.
  absl::StatusOr<size_t> RemoveExpired(size_t max_records);

 private:
  struct Waiting {
    Transaction transaction;
    Store::CommitDone done;
    absl::Status outcome;
  };
  using Versions = std::unordered_map<std::string, Version>;
  using LogHeads = std::map<std::string, LogHead>;
  struct Sweep {
    size_t max_records = 0;
    size_t removed = 0;
    // What of the index was not looked at begins here.
    std::string next;
    std::promise<absl::StatusOr<size_t>> done;
  };

  // What the thread does.
  void Run();
  // Returns false when it is time to stop.
  bool WaitForWork();
  std::deque<Waiting> TakeWaiting();
  void WriteTogether(std::deque<Waiting>& group);
  // The version of what a key holds. overlay: what the batch under way makes of
  // the keys that it writes.
  absl::StatusOr<Version> CurrentVersion(const std::string& key,
                                         const Versions& overlay,
                                         absl::Time now);
  // Tells the observer of a batch that is on disk.
  void Observe(const std::deque<Waiting>& group, absl::Duration sync_time);
  // Remembers the versions of a batch that is on disk.
  void Remember(const std::deque<Waiting>& group, Version version);
  absl::Status CheckConditions(const Transaction& transaction,
                               const Versions& overlay, absl::Time now);
  // Reads the heads of the logs that the transaction appends to, but for those
  // that are among the heads already.
  absl::Status LoadHeads(const Transaction& transaction, LogHeads& heads);
  void Add(const Transaction& transaction, Version version, absl::Time now,
           Versions& overlay, LogHeads& heads, rocksdb::WriteBatch& batch);
  void Put(const Transaction::Write& write, Version version,
           rocksdb::WriteBatch& batch);
  // Goes on by one piece with the sweep that waits longest, so that no
  // transaction waits for a whole one.
  void SweepOn();
  // Returns whether there may be more to remove.
  absl::StatusOr<bool> RemovePiece(Sweep& sweep);
  // Writes and syncs a batch. The only place that does.
  absl::Status Write(rocksdb::WriteBatch& batch);

  Database& database_;
  const Clock& clock_;
  const size_t max_waiting_;
  CommitObserver* const observer_;
  // Versions of keys that were written lately and do not expire, which saves a
  // read for each condition on them. Only the thread writes, so that they are
  // right; only it uses this.
  Versions recent_;
  // Ends of the logs that were appended to, as they are on disk. Only the
  // thread uses this.
  LogHeads log_heads_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  // The first one may be under way.
  std::deque<Sweep> sweeps_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_ROCKSDB_COMMITTER_H_
