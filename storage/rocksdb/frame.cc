#include "storage/rocksdb/frame.h"

#include <cstdint>
#include <limits>

#include "absl/status/status.h"

namespace cofactor::storage {
namespace {

constexpr char kFormat = 1;
constexpr size_t kHeaderBytes = 17;
constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

void AppendBigEndian(uint64_t number, std::string& bytes) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(number >> shift));
  }
}

uint64_t ReadBigEndian(absl::string_view bytes) {
  uint64_t number = 0;
  for (int i = 0; i < 8; ++i) {
    number = number << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return number;
}

// Times before the epoch have long expired: 0 says the same.
uint64_t ToMicros(absl::Time time) {
  if (time == absl::InfiniteFuture()) return kNever;
  const int64_t micros = absl::ToUnixMicros(time);
  return micros < 0 ? 0 : static_cast<uint64_t>(micros);
}

absl::Time FromMicros(uint64_t micros) {
  if (micros == kNever) return absl::InfiniteFuture();
  return absl::FromUnixMicros(static_cast<int64_t>(micros));
}

}  // namespace

std::string EncodeFrame(const Frame& frame) {
  std::string bytes;
  bytes.reserve(kHeaderBytes + frame.value.size());
  bytes.push_back(kFormat);
  AppendBigEndian(frame.version, bytes);
  AppendBigEndian(ToMicros(frame.expire_time), bytes);
  bytes.append(frame.value.data(), frame.value.size());
  return bytes;
}

absl::StatusOr<Frame> DecodeFrame(absl::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes[0] != kFormat) {
    return absl::DataLossError("a record in the store is damaged");
  }
  return Frame{ReadBigEndian(bytes.substr(1)),
               FromMicros(ReadBigEndian(bytes.substr(9))),
               bytes.substr(kHeaderBytes)};
}

std::string EncodeExpiryKey(absl::Time expire_time, absl::string_view key) {
  std::string bytes;
  bytes.reserve(8 + key.size());
  AppendBigEndian(ToMicros(expire_time), bytes);
  bytes.append(key.data(), key.size());
  return bytes;
}

std::string ExpiryKeyAfter(absl::Time time) {
  std::string bytes;
  AppendBigEndian(ToMicros(time) + 1, bytes);
  return bytes;
}

absl::StatusOr<ExpiryEntry> DecodeExpiryKey(absl::string_view bytes) {
  if (bytes.size() < 8) {
    return absl::DataLossError("the expiry index of the store is damaged");
  }
  return ExpiryEntry{FromMicros(ReadBigEndian(bytes)), bytes.substr(8)};
}

}  // namespace cofactor::storage
