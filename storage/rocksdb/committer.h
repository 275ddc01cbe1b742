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
  // What the batch under way makes of the keys that it writes.
  using Overlay = std::unordered_map<std::string, Version>;

  void Run();
  // Waits for transactions; empty when it is time to stop.
  std::deque<Waiting> TakeWaiting();
  void WriteTogether(std::deque<Waiting>& group);
  // The version of what a key holds, seen through the overlay.
  absl::StatusOr<Version> CurrentVersion(const std::string& key,
                                         const Overlay& overlay,
                                         absl::Time now);
  absl::Status CheckConditions(const Transaction& transaction,
                               const Overlay& overlay, absl::Time now);
  void Add(const Transaction& transaction, Version version, absl::Time now,
           Overlay& overlay, rocksdb::WriteBatch& batch);
  // Writes and syncs a batch. The only place that does.
  absl::Status Write(rocksdb::WriteBatch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);

  Database& database_;
  const Clock& clock_;
  const size_t max_waiting_;
  // Held while a batch is made and written.
  Mutex write_mutex_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_ROCKSDB_COMMITTER_H_
