#ifndef COFACTOR_STORAGE_ROCKSDB_COMMITTER_H_
#define COFACTOR_STORAGE_ROCKSDB_COMMITTER_H_

#include <deque>
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
#include "storage/rocksdb/database.h"
#include "storage/store.h"

namespace cofactor::storage {

// The one thread that writes a database. Thread-safe.
class Committer {
 public:
  // Neither is owned; both must outlive this.
  Committer(Database& database, const Clock& clock, size_t max_waiting);

  // Completes what was taken, then ends the thread.
  ~Committer();

  // See Store.
  void Commit(Transaction transaction, Store::CommitDone done);
  absl::StatusOr<size_t> RemoveExpired(size_t max_records);

 private:
  struct Waiting {
    Transaction transaction;
    Store::CommitDone done;
    absl::Status outcome;
  };
  using Versions = std::unordered_map<std::string, Version>;

  void Run();
  // Waits for transactions; empty when it is time to stop.
  std::deque<Waiting> TakeWaiting();
  void WriteTogether(std::deque<Waiting>& group);
  // The version of what a key holds. overlay: what the batch under way makes of
  // the keys that it writes.
  absl::StatusOr<Version> CurrentVersion(const std::string& key,
                                         const Versions& overlay,
                                         absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  // Remembers the versions of a batch that is on disk.
  void Remember(const std::deque<Waiting>& group, Version version)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status CheckConditions(const Transaction& transaction,
                               const Versions& overlay, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  void Add(const Transaction& transaction, Version version, absl::Time now,
           Versions& overlay, rocksdb::WriteBatch& batch);
  // Writes and syncs a batch. The only place that does.
  absl::Status Write(rocksdb::WriteBatch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);

  Database& database_;
  const Clock& clock_;
  const size_t max_waiting_;
  // Held while a batch is made and written.
  Mutex write_mutex_;
  // Versions of keys that were written lately and do not expire, which saves a
  // read for each condition on them. Only we write, so that they are right.
  Versions recent_ ABSL_GUARDED_BY(write_mutex_);
  Mutex mutex_;
  CondVar wake_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_ROCKSDB_COMMITTER_H_
