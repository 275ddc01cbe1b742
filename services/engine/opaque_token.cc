#include "services/engine/opaque_token.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace cofactor::services {
namespace {

constexpr size_t kIdDigits = 32;
constexpr size_t kSecretBytes = 32;
constexpr size_t kSecretDigits = 2 * kSecretBytes;

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

}  // namespace

Secret DrawTokenSecret(Randomness& randomness) {
  return Secret(absl::BytesToHexString(
      randomness.DrawSecret(kSecretBytes).ExposeSecret()));
}

std::string HashOfTokenSecret(const Secret& secret) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(secret.ExposeSecret().data()),
         secret.size(), reinterpret_cast<uint8_t*>(hash.data()));
  return hash;
}

Secret MakeToken(absl::string_view prefix, absl::string_view id,
                 std::initializer_list<const Secret*> secrets) {
  std::string token;
  // At once, so that no shorter copy is left behind.
  token.reserve(prefix.size() + id.size() +
                secrets.size() * (1 + kSecretDigits));
  absl::StrAppend(&token, prefix, id);
  for (const Secret* secret : secrets) {
    absl::StrAppend(&token, "_", secret->ExposeSecret());
  }
  return Secret(std::move(token));
}

std::optional<PresentedToken> ParseToken(absl::string_view prefix,
                                         size_t secrets,
                                         absl::string_view token) {
  if (!absl::ConsumePrefix(&token, prefix) ||
      token.size() != kIdDigits + secrets * (1 + kSecretDigits)) {
    return std::nullopt;
  }
  PresentedToken presented;
  presented.id = std::string(token.substr(0, kIdDigits));
  if (!IsHex(presented.id)) return std::nullopt;
  token.remove_prefix(kIdDigits);
  while (!token.empty()) {
    const absl::string_view digits = token.substr(1, kSecretDigits);
    if (token.front() != '_' || !IsHex(digits)) return std::nullopt;
    presented.secrets.emplace_back(digits);
    token.remove_prefix(1 + kSecretDigits);
  }
  return presented;
}

}  // namespace cofactor::services
