#ifndef COFACTOR_STORAGE_SEALING_XAES_GCM_H_
#define COFACTOR_STORAGE_SEALING_XAES_GCM_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::storage {

// XAES-256-GCM (C2SP, XAES-256-GCM specification): AES-256-GCM under a key that
// is derived from the first half of a 24-byte nonce. Nonces may be drawn at
// random without counting: 2^80 messages under one key are safe.
//
// Immutable, so thread-safe.
class XaesGcm {
 public:
  static constexpr size_t kKeyBytes = 32;
  static constexpr size_t kNonceBytes = 24;
  static constexpr size_t kTagBytes = 16;

  // INVALID_ARGUMENT: the key is not of kKeyBytes.
  static absl::StatusOr<XaesGcm> Create(Secret key);

  // For the key ring file alone.
  const Secret& key() const { return key_; }

  // Returns ciphertext and tag. nonce: kNonceBytes, never used before with this
  // key.
  std::string Seal(absl::string_view nonce, absl::string_view plaintext,
                   absl::string_view associated_data) const;

  // DATA_LOSS: sealed under another key, nonce or associated data, or changed
  // since.
  absl::StatusOr<Secret> Open(absl::string_view nonce, absl::string_view sealed,
                              absl::string_view associated_data) const;

 private:
  XaesGcm(Secret key, std::array<uint8_t, 16> subkey)
      : key_(std::move(key)), subkey_(subkey) {}

  Secret DeriveKey(absl::string_view nonce) const;

  Secret key_;
  // K1 of CMAC (NIST SP 800-38B, section 6.1).
  std::array<uint8_t, 16> subkey_;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_SEALING_XAES_GCM_H_
