#ifndef COFACTOR_STORAGE_ROCKSDB_ROCKSDB_STORE_H_
#define COFACTOR_STORAGE_ROCKSDB_ROCKSDB_STORE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "storage/commit_observer.h"
#include "storage/store.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace cofactor::storage {

struct RocksDbOptions {
  // Folder of the data; made if it is missing, but not its parents.
  std::string path;
  // Transactions that may wait; more are refused with UNAVAILABLE.
  size_t max_waiting = 16384;
  // Where files are; null: the machine's disk. Not owned; must outlive the
  // store. For tests that lose a disk.
  rocksdb::Env* env = nullptr;
  // Hears of every batch; may be null. Not owned; must outlive the store.
  CommitObserver* observer = nullptr;
};

// A store in a folder of this machine.
//
// One thread owns all writes: it takes every transaction that waits, checks
// their conditions in turn, writes those that hold as one batch, syncs once and
// answers them all. The first write that fails ends the store's work for good;
// what was answered OK is there after a restart. docs/storage.md describes the
// files.
//
// Thread-safe. Snapshots must end before the store. One process per folder.
class RocksDbStore final : public Store {
 public:
  // clock: not owned; must outlive the store.
  //   FAILED_PRECONDITION  another process uses the folder.
  //   DATA_LOSS            the data is damaged; nothing was changed.
  //   UNAVAILABLE          the disk is full, read-only or cannot be reached.
  static absl::StatusOr<std::unique_ptr<RocksDbStore>> Open(
      const RocksDbOptions& options, const Clock& clock);

  ~RocksDbStore() override;

  std::unique_ptr<const Snapshot> GetSnapshot() override;
  void Commit(Transaction transaction, CommitDone done) override;
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override;
  absl::Status Health() const override;

  // Copies the store to a new folder while it serves: a state that it had
  // between the call and its return, with all that was acknowledged before.
  // The folder comes to be whole or not at all, with no file shared, and is on
  // disk before this returns. RestoreBackup takes it; it can also be opened as
  // it is. The values in it stay sealed: whoever seals them needs the key ring
  // of that time. Waits for the disk, and for other backups of this store.
  //   ALREADY_EXISTS  there is something at folder, which stays.
  //   DATA_LOSS       the store is damaged.
  //   UNAVAILABLE     the disk cannot take it, or the store has failed.
  absl::Status Backup(const std::string& folder);

 private:
  class Impl;

  explicit RocksDbStore(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_ROCKSDB_ROCKSDB_STORE_H_
