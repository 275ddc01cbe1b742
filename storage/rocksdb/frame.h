#ifndef COFACTOR_STORAGE_ROCKSDB_FRAME_H_
#define COFACTOR_STORAGE_ROCKSDB_FRAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/transaction.h"

namespace cofactor::storage {

// How a record lies in RocksDB. Part of the format on disk: do not change it.
//
//   format   1 byte, 1
//   version  8 bytes, big-endian
//   expire   8 bytes, big-endian: microseconds since the Unix epoch, or all
//            ones if the record never expires
//   value    the rest
struct Frame {
  Version version = kAbsent;
  absl::Time expire_time = absl::InfiniteFuture();
  // Points into what was decoded.
  absl::string_view value;
};

std::string EncodeFrame(const Frame& frame);

// DATA_LOSS: these bytes are no record.
absl::StatusOr<Frame> DecodeFrame(absl::string_view bytes);

// A key of the expiry index: expire time, then the record's key. In the order
// of time.
std::string EncodeExpiryKey(absl::Time expire_time, absl::string_view key);

// The first key of the index that is later than the time.
std::string ExpiryKeyAfter(absl::Time time);

struct ExpiryEntry {
  absl::Time expire_time;
  absl::string_view key;
};
absl::StatusOr<ExpiryEntry> DecodeExpiryKey(absl::string_view bytes);

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_ROCKSDB_FRAME_H_
