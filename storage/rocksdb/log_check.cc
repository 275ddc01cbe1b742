#include "storage/rocksdb/log_check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cofactor::storage {
namespace {

// The format of RocksDB's logs. A log is blocks of 32 KiB, the last one
// shorter. A record lies in one block: masked CRC-32C of all after it (4
// bytes), length of the payload (2), type (1), payload. Numbers are
// little-endian. Less than a header at the end of a block is unused.
constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;
constexpr uint8_t kZero = 0;
constexpr uint8_t kFull = 1;
constexpr uint8_t kFirst = 2;
// Greater ones are those of recycled and compressed logs, which we never write.
constexpr uint8_t kLast = 4;

uint8_t ByteAt(absl::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

size_t LengthOf(absl::string_view record) {
  return ByteAt(record, 4) | size_t{ByteAt(record, 5)} << 8;
}

std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
    }
    table[i] = crc;
  }
  return table;
}

uint32_t MaskedCrc(absl::string_view bytes) {
  static const std::array<uint32_t, 256> table = MakeCrcTable();
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc = crc >> 8 ^ table[(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  }
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

// record: from its header on, at least as long as header and payload.
bool HasRightCrc(absl::string_view record, size_t length) {
  uint32_t expected = 0;
  for (size_t i = 4; i > 0; --i)
    expected = expected << 8 | ByteAt(record, i - 1);
  return MaskedCrc(record.substr(6, 1 + length)) == expected;
}

absl::string_view RestOfBlock(absl::string_view log, size_t at) {
  return log.substr(at, kBlockBytes - at % kBlockBytes);
}

// Whether a whole write begins there or later. One write is synced before the
// next begins, so that what comes before it was acknowledged.
bool WriteBegins(absl::string_view log, size_t at) {
  for (; at < log.size(); ++at) {
    const absl::string_view rest = RestOfBlock(log, at);
    if (rest.size() < kHeaderBytes) continue;
    const uint8_t type = ByteAt(rest, 6);
    if (type != kFull && type != kFirst) continue;
    const size_t length = LengthOf(rest);
    if (kHeaderBytes + length <= rest.size() && HasRightCrc(rest, length)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool HidesRecords(absl::string_view log) {
  size_t at = 0;
  while (at < log.size()) {
    const absl::string_view rest = RestOfBlock(log, at);
    if (rest.size() < kHeaderBytes) {
      at += rest.size();
      continue;
    }
    const uint8_t type = ByteAt(rest, 6);
    const size_t length = LengthOf(rest);
    if (type > kLast) return true;
    if (type == kZero && length == 0) return WriteBegins(log, at + 1);
    if (kHeaderBytes + length > rest.size()) {
      // No record leaves its block: only that of the last one may be cut off.
      const bool is_last_block =
          at + rest.size() == log.size() && log.size() % kBlockBytes != 0;
      return !is_last_block || HasRightCrc(rest, rest.size() - kHeaderBytes) ||
             WriteBegins(log, at + 1);
    }
    at += kHeaderBytes + length;
  }
  return false;
}

absl::Status CheckLogs(rocksdb::Env& env, const std::string& folder) {
  std::vector<std::string> names;
  // A missing folder is made later, and one that cannot be read is told of
  // then.
  if (!env.GetChildren(folder, &names).ok()) return absl::OkStatus();
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".log") && !absl::StartsWith(name, "MANIFEST-")) {
      continue;
    }
    std::string log;
    const std::string path = absl::StrCat(folder, "/", name);
    const rocksdb::Status status = rocksdb::ReadFileToString(&env, path, &log);
    // Another server may be at work here; the lock will tell.
    if (status.IsNotFound() || status.IsPathNotFound()) continue;
    if (!status.ok()) {
      return absl::UnavailableError(absl::StrCat(
          "the store in ", folder, " cannot be used: ", status.ToString()));
    }
    if (HidesRecords(log)) {
      return absl::DataLossError(
          absl::StrCat("the store in ", folder, " is damaged (in ", name,
                       "); nothing was changed: restore it from a backup"));
    }
  }
  return absl::OkStatus();
}

}  // namespace cofactor::storage
