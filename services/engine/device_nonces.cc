#include "services/engine/device_nonces.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace cofactor::services {
namespace {

// A nonce is random bytes, when it was made in microseconds since the Unix
// epoch, big-endian, and a tag over both. It is stored nowhere, so that its
// form may change with any version.
constexpr size_t kRandomBytes = 16;
constexpr size_t kTimeBytes = 8;
constexpr size_t kTagBytes = 16;
constexpr size_t kNonceBytes = kRandomBytes + kTimeBytes + kTagBytes;

// Keeps the key of nonces from being that of anything else which follows from
// the secret of the store.
constexpr absl::string_view kKeyUse = "cofactor/device-nonce/v1";

// HMAC-SHA-256 (RFC 2104).
std::string Mac(const Secret& key, absl::string_view text) {
  std::string mac(SHA256_DIGEST_LENGTH, '\0');
  const absl::string_view key_bytes = key.ExposeSecret();
  // OpenSSL without HMAC is no OpenSSL: nothing safe can be done then.
  if (HMAC(EVP_sha256(), key_bytes.data(), static_cast<int>(key_bytes.size()),
           reinterpret_cast<const uint8_t*>(text.data()), text.size(),
           reinterpret_cast<uint8_t*>(mac.data()), nullptr) == nullptr) {
    std::abort();
  }
  return mac;
}

std::string TagOf(const Secret& key, absl::string_view content) {
  return Mac(key, content).substr(0, kTagBytes);
}

absl::Time MakeTimeOf(absl::string_view nonce) {
  uint64_t micros = 0;
  for (const char byte : nonce.substr(kRandomBytes, kTimeBytes)) {
    micros = micros << 8 | static_cast<uint8_t>(byte);
  }
  return absl::FromUnixMicros(static_cast<int64_t>(micros));
}

}  // namespace

Secret DeviceNonces::KeyFrom(const Secret& store_secret) {
  return Secret(Mac(store_secret, kKeyUse));
}

std::string DeviceNonces::Make(absl::Time now) const {
  std::string nonce(kRandomBytes, '\0');
  randomness_.Fill({reinterpret_cast<uint8_t*>(nonce.data()), nonce.size()});
  const auto micros = static_cast<uint64_t>(absl::ToUnixMicros(now));
  for (int shift = 56; shift >= 0; shift -= 8) {
    nonce.push_back(static_cast<char>(micros >> shift & 0xff));
  }
  return absl::StrCat(nonce, TagOf(key_, nonce));
}

bool DeviceNonces::IsFresh(absl::string_view nonce, absl::Time now) const {
  if (nonce.size() != kNonceBytes) return false;
  const absl::string_view content = nonce.substr(0, kRandomBytes + kTimeBytes);
  if (!ConstantTimeEquals(nonce.substr(content.size()), TagOf(key_, content))) {
    return false;
  }
  const absl::Duration age = now - MakeTimeOf(nonce);
  return age < kDeviceNonceLifetime && age >= -kDeviceNonceLifetime;
}

}  // namespace cofactor::services
