#ifndef COFACTOR_CLIENTS_DEVICE_VAULT_FORMAT_H_
#define COFACTOR_CLIENTS_DEVICE_VAULT_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"

namespace cofactor::device {

// The bytes of a vault file. They are a format: do not change them.
//
//   16  "cofactor-device1"
//    4  passes of Argon2id, big-endian
//    4  its memory in KiB, big-endian
//   16  its salt
//   24  nonce
//    n  the content, sealed by XChaCha20-Poly1305 with all of the above as
//       associated data, and 16 bytes longer for that
//   32  BLAKE2b-256 of all of the above
//
// The last tells an accident from a wrong passphrase, before the passphrase is
// even needed. It protects from nobody: the seal does.

// What a guess of the passphrase costs.
struct KeyCost {
  // 1 to 10.
  uint32_t passes = 0;
  // 8 to 1,048,576, so that no file makes this process take all memory.
  uint32_t memory_kib = 0;
};

// libsodium's crypto_pwhash_*_MODERATE: 256 MiB, and some 0.7 s.
inline constexpr KeyCost kModerateCost{3, 256 * 1024};

inline constexpr size_t kVaultSaltBytes = 16;

// The key of a passphrase, a cost and a salt. Thread-compatible.
class VaultKey {
 public:
  // For a new file, with a new salt. RESOURCE_EXHAUSTED: there is not so much
  // memory.
  static absl::StatusOr<VaultKey> Make(const Secret& passphrase, KeyCost cost,
                                       Randomness& randomness);

  // For a file that exists; the passphrase may be wrong.
  //   DATA_LOSS           it is damaged, or no vault file.
  //   RESOURCE_EXHAUSTED  there is not so much memory.
  static absl::StatusOr<VaultKey> ForFile(const Secret& passphrase,
                                          absl::string_view file);

  // The content as a file, with a new nonce.
  std::string Seal(absl::string_view content, Randomness& randomness) const;

  // The content of a file.
  //   DATA_LOSS          it is damaged, or no vault file.
  //   PERMISSION_DENIED  it was sealed with another passphrase.
  absl::StatusOr<Secret> Open(absl::string_view file) const;

 private:
  VaultKey(KeyCost cost, std::string salt, Secret key)
      : cost_(cost), salt_(std::move(salt)), key_(std::move(key)) {}

  static absl::StatusOr<VaultKey> Derive(const Secret& passphrase, KeyCost cost,
                                         std::string salt);

  KeyCost cost_;
  std::string salt_;
  Secret key_;
};

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_VAULT_FORMAT_H_
