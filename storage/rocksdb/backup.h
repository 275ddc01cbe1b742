#ifndef COFACTOR_STORAGE_ROCKSDB_BACKUP_H_
#define COFACTOR_STORAGE_ROCKSDB_BACKUP_H_

#include <string>

#include "absl/status/status.h"

namespace cofactor::storage {

class Database;

// Copies an open database to a new folder: the state at a moment between the
// call and its return, with all that was acknowledged before the call. Waits
// for the disk. Errors: as RocksDbStore::Backup. One at a time for a folder.
absl::Status BackUpDatabase(Database& database, const std::string& folder);

// Copies a folder that RocksDbStore::Backup made to where a store shall be,
// which RocksDbStore::Open opens then. Whole or not at all, and on disk before
// it returns. No server may use either. The backup stays as it is. Waits for
// the disk.
//   ALREADY_EXISTS  there is something at store_path, which stays.
//   NOT_FOUND       there is no backup.
//   DATA_LOSS       the backup is damaged.
//   UNAVAILABLE     the backup cannot be read, or the disk cannot take a copy.
absl::Status RestoreBackup(const std::string& backup,
                           const std::string& store_path);

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_ROCKSDB_BACKUP_H_
