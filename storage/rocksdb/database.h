#ifndef COFACTOR_STORAGE_ROCKSDB_DATABASE_H_
#define COFACTOR_STORAGE_ROCKSDB_DATABASE_H_

#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "rocksdb/db.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace cofactor::storage {

// What a status of RocksDB means to a caller of a store.
absl::Status ToAbslStatus(const rocksdb::Status& status,
                          const std::string& path);

// An open RocksDB with its column families, and whether it still works.
// Thread-safe.
class Database {
 public:
  // Errors: as RocksDbStore::Open.
  static absl::StatusOr<std::unique_ptr<Database>> Open(
      const RocksDbOptions& options);

  ~Database();

  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* records() { return records_; }
  // Keys as EncodeExpiryKey, values empty.
  rocksdb::ColumnFamilyHandle* expiries() { return expiries_; }
  const std::string& path() const { return path_; }

  // The latest snapshot that was published. Shared by all who read at the same
  // time, as RocksDB takes a lock over the whole database to make one. Must end
  // before the database.
  std::shared_ptr<const rocksdb::Snapshot> LatestSnapshot() const;
  // Publishes the present state. To be called after each write, before it is
  // told to anybody.
  void PublishSnapshot();

  // OK, or the first failure, for good.
  absl::Status Health() const;
  // OK, or UNAVAILABLE and why. Cheap enough for every read.
  absl::Status CheckUsable() const {
    if (!failed_.load(std::memory_order_acquire)) return absl::OkStatus();
    return absl::UnavailableError(Health().message());
  }
  void Fail(absl::Status status);

 private:
  class FailureListener;

  explicit Database(std::string path) : path_(std::move(path)) {}

  const std::string path_;
  mutable Mutex mutex_;
  // Whether health_ is not OK.
  std::atomic<bool> failed_ = false;
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<rocksdb::DB> db_;
  mutable Mutex snapshot_mutex_;
  std::shared_ptr<const rocksdb::Snapshot> snapshot_
      ABSL_GUARDED_BY(snapshot_mutex_);
  rocksdb::ColumnFamilyHandle* records_ = nullptr;
  rocksdb::ColumnFamilyHandle* expiries_ = nullptr;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_ROCKSDB_DATABASE_H_
