#ifndef COFACTOR_STORAGE_ROCKSDB_LOG_CHECK_H_
#define COFACTOR_STORAGE_ROCKSDB_LOG_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"

namespace cofactor::storage {

// Whether RocksDB would take a damage in this log for its end, and so drop
// acknowledged records without a word: it does so if the length or the type of
// a record is damaged. False for a last record that was cut off by a crash. A
// damage that RocksDB reports itself may give either.
bool HidesRecords(absl::string_view log);

// Looks through the logs and manifests of a folder that may be missing; changes
// nothing. DATA_LOSS: one of them hides records. UNAVAILABLE: one cannot be
// read.
absl::Status CheckLogs(rocksdb::Env& env, const std::string& folder);

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_ROCKSDB_LOG_CHECK_H_
