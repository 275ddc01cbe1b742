#include "storage/log.h"

#include <openssl/sha.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace cofactor::storage {
namespace {

constexpr char kMark = '~';
constexpr char kFormat = 1;
constexpr size_t kNumberBytes = 8;
constexpr absl::string_view kDomain = "cofactor log 1";

std::string EncodeNumber(uint64_t number) {
  std::string bytes(kNumberBytes, '\0');
  for (size_t i = kNumberBytes; i-- > 0; number >>= 8) {
    bytes[i] = static_cast<char>(number & 0xff);
  }
  return bytes;
}

uint64_t DecodeNumber(absl::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes.substr(0, kNumberBytes)) {
    number = number << 8 | static_cast<uint8_t>(byte);
  }
  return number;
}

// Microseconds; infinite times survive as the ends of the range.
std::string EncodeTime(absl::Time time) {
  return EncodeNumber(static_cast<uint64_t>(absl::ToUnixMicros(time)));
}

absl::Time DecodeTime(absl::string_view bytes) {
  const auto micros = static_cast<int64_t>(DecodeNumber(bytes));
  if (micros == absl::ToUnixMicros(absl::InfiniteFuture())) {
    return absl::InfiniteFuture();
  }
  if (micros == absl::ToUnixMicros(absl::InfinitePast())) {
    return absl::InfinitePast();
  }
  return absl::FromUnixMicros(micros);
}

}  // namespace

std::string LogHeadKey(absl::string_view log) {
  return absl::StrCat(std::string(1, kMark), log);
}

std::string LogPrefix(absl::string_view log) {
  return absl::StrCat(LogHeadKey(log), "/");
}

std::string LogKey(absl::string_view log, uint64_t sequence) {
  return absl::StrCat(LogPrefix(log), EncodeNumber(sequence));
}

uint64_t SequenceOf(absl::string_view key) {
  return DecodeNumber(key.substr(key.size() - kNumberBytes));
}

absl::string_view LogPrefixOf(absl::string_view key) {
  const size_t slash = key.find('/');
  if (key.empty() || key[0] != kMark || slash == absl::string_view::npos ||
      key.size() != slash + 1 + kNumberBytes) {
    return {};
  }
  return key.substr(0, slash + 1);
}

bool IsLogHeadKey(absl::string_view key) {
  return !key.empty() && key[0] == kMark &&
         key.find('/') == absl::string_view::npos;
}

std::string EncodeLogHead(const LogHead& head) {
  return absl::StrCat(std::string(1, kFormat), EncodeNumber(head.sequence),
                      EncodeTime(head.expire_time), head.link);
}

absl::StatusOr<LogHead> DecodeLogHead(absl::string_view bytes) {
  if (bytes.size() != 1 + 2 * kNumberBytes + kChainBytes ||
      !absl::ConsumePrefix(&bytes, absl::string_view(&kFormat, 1))) {
    return absl::DataLossError("the head of a log in the store is damaged");
  }
  return LogHead{DecodeNumber(bytes),
                 std::string(bytes.substr(2 * kNumberBytes)),
                 DecodeTime(bytes.substr(kNumberBytes))};
}

absl::StatusOr<LogRecord> DecodeLogRecord(uint64_t sequence,
                                          absl::string_view bytes) {
  if (bytes.size() < kLogLinkBytes ||
      !absl::ConsumePrefix(&bytes, absl::string_view(&kFormat, 1))) {
    return absl::DataLossError("a record of a log in the store is damaged");
  }
  return LogRecord{
      std::string(bytes.substr(0, kChainBytes)),
      {sequence - 1, std::string(bytes.substr(kChainBytes, kChainBytes)),
       DecodeTime(bytes.substr(2 * kChainBytes))},
      bytes.substr(2 * kChainBytes + kNumberBytes)};
}

std::string NextLink(const LogHead& head, absl::string_view digest) {
  // All parts but the last are of fixed length.
  const std::string bytes =
      absl::StrCat(kDomain, EncodeNumber(head.sequence + 1),
                   EncodeTime(head.expire_time), head.link, digest);
  std::string link(kChainBytes, '\0');
  static_assert(kChainBytes == SHA256_DIGEST_LENGTH);
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         reinterpret_cast<uint8_t*>(link.data()));
  return link;
}

Transaction::Write Place(Transaction::Append append, LogHead& head) {
  std::string link = NextLink(head, append.digest);
  Transaction::Write write;
  write.key = LogKey(append.log, head.sequence + 1);
  write.value = absl::StrCat(std::string(1, kFormat), link, head.link,
                             EncodeTime(head.expire_time), append.value);
  write.expire_time = append.expire_time;
  head = {head.sequence + 1, std::move(link), append.expire_time};
  return write;
}

}  // namespace cofactor::storage
