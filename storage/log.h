#ifndef COFACTOR_STORAGE_LOG_H_
#define COFACTOR_STORAGE_LOG_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/transaction.h"

namespace cofactor::storage {

// Logs: records that a transaction appends (Transaction::Append), in one order,
// each linked to the one before it, so that a record which was removed or
// changed shows. Part of the format on disk: do not change it.
//
//   "~LOG"          the head: where the log ends
//   "~LOG/" + n     the n-th record, n in 8 bytes, big-endian, from 1 on; its
//                   value is a link of kLogLinkBytes, then what was appended
//
// A link is SHA-256 over the number, the link and the expire time of the record
// before, and the digest that was appended. Whoever appends draws the digest
// over what is to be provable; it is not stored, so that nobody who cannot open
// the record can compute a link anew. What else a link covers is stored beside
// it, so that it can be checked where the record before has expired.

inline constexpr size_t kChainBytes = 32;
// Length of what stands before an appended value.
inline constexpr size_t kLogLinkBytes = 1 + 2 * kChainBytes + 8;

// Where a log ends, or stood before a record.
struct LogHead {
  // Number of the last record; 0 if there was never one.
  uint64_t sequence = 0;
  // Link of the last record; zeros if there was never one.
  std::string link = std::string(kChainBytes, '\0');
  // Expire time of the last record.
  absl::Time expire_time = absl::InfinitePast();
};

// A record of a log, as it is read.
struct LogRecord {
  std::string link;
  // Where the log ended before this record. Until its expire time the record
  // before this one has to be there. Nobody vouches for it before the link was
  // checked.
  LogHead previous;
  // Points into what was decoded.
  absl::string_view value;
};

std::string LogHeadKey(absl::string_view log);
// Prefix of the keys of all records of a log, and the key of one.
std::string LogPrefix(absl::string_view log);
std::string LogKey(absl::string_view log, uint64_t sequence);
// REQUIRES: key is one of LogKey.
uint64_t SequenceOf(absl::string_view key);

// The prefix of the log that this is a record of; empty if it is none.
absl::string_view LogPrefixOf(absl::string_view key);
// Whether this is the key of a head, which stands in the store unsealed.
bool IsLogHeadKey(absl::string_view key);

// DATA_LOSS: these bytes are no head, or no record of a log.
std::string EncodeLogHead(const LogHead& head);
absl::StatusOr<LogHead> DecodeLogHead(absl::string_view bytes);
absl::StatusOr<LogRecord> DecodeLogRecord(uint64_t sequence,
                                          absl::string_view bytes);

// The link of the record that comes behind a head.
std::string NextLink(const LogHead& head, absl::string_view digest);

// Gives an append its place behind the head, which moves on: what a store has
// to write for it.
Transaction::Write Place(Transaction::Append append, LogHead& head);

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_LOG_H_
