#include "services/engine/api_key.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace cofactor::services {
namespace {

constexpr absl::string_view kPrefix = "cf_";
constexpr size_t kKeyIdBytes = 8;
constexpr size_t kSecretBytes = 32;

std::string HashOf(absl::string_view secret_hex) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(secret_hex.data()), secret_hex.size(),
         reinterpret_cast<uint8_t*>(hash.data()));
  return hash;
}

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

}  // namespace

NewApiKey MakeApiKey(absl::Time now, Randomness& randomness) {
  uint8_t key_id[kKeyIdBytes];
  randomness.Fill(absl::MakeSpan(key_id));
  std::string secret_hex = absl::BytesToHexString(
      randomness.DrawSecret(kSecretBytes).ExposeSecret());
  NewApiKey made;
  made.record.set_key_id(absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(key_id), sizeof(key_id))));
  made.record.set_secret_hash(HashOf(secret_hex));
  made.record.set_create_micros(absl::ToUnixMicros(now));
  std::string key =
      absl::StrCat(kPrefix, made.record.key_id(), "_", secret_hex);
  made.key = Secret(absl::string_view(key));
  Wipe(key);
  Wipe(secret_hex);
  return made;
}

std::optional<PresentedApiKey> ParseApiKey(absl::string_view key) {
  if (!absl::ConsumePrefix(&key, kPrefix) ||
      key.size() != 2 * kKeyIdBytes + 1 + 2 * kSecretBytes ||
      key[2 * kKeyIdBytes] != '_') {
    return std::nullopt;
  }
  const absl::string_view key_id = key.substr(0, 2 * kKeyIdBytes);
  const absl::string_view secret_hex = key.substr(2 * kKeyIdBytes + 1);
  if (!IsHex(key_id) || !IsHex(secret_hex)) return std::nullopt;
  return PresentedApiKey{std::string(key_id), HashOf(secret_hex)};
}

}  // namespace cofactor::services
