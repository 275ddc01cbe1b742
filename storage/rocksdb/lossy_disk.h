#ifndef COFACTOR_STORAGE_ROCKSDB_LOSSY_DISK_H_
#define COFACTOR_STORAGE_ROCKSDB_LOSSY_DISK_H_

#include <memory>

#include "rocksdb/env.h"

namespace cofactor::storage {

// A disk that loses power: from Stop on every write fails, and LoseUnsynced
// cuts each file to what was synced of it. For tests. Thread-safe.
class LossyDisk {
 public:
  LossyDisk();
  ~LossyDisk();

  // For RocksDbOptions. Owned by this.
  rocksdb::Env* env() { return env_.get(); }

  void Stop();

  // Power is back. No file may be open.
  void LoseUnsynced();

 private:
  class FileSystem;

  const std::shared_ptr<FileSystem> file_system_;
  const std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_ROCKSDB_LOSSY_DISK_H_
