#ifndef COFACTOR_BASE_SEALED_BOX_H_
#define COFACTOR_BASE_SEALED_BOX_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor {

// Sealed boxes of libsodium and NaCl (X25519, XSalsa20-Poly1305): anybody can
// seal to a public key, and only the private key opens. They hide what is
// inside and show if it was changed, and say nothing of who sealed it.
//
// Each box has a key pair of its own, which libsodium draws from the kernel:
// two boxes of the same bytes differ. Thread-safe.

// Of a public or private key.
inline constexpr size_t kBoxKeyBytes = 32;
// What a box is longer than its content.
inline constexpr size_t kSealOverheadBytes = 48;

// The public key of a private key, which is any kBoxKeyBytes random bytes.
// REQUIRES: it is so long.
std::string BoxPublicKey(const Secret& private_key);

// INVALID_ARGUMENT: it is no public key that only one private key opens.
absl::StatusOr<std::string> SealToKey(absl::string_view public_key,
                                      absl::string_view content);

// INVALID_ARGUMENT: it was sealed to another key, or changed since.
// REQUIRES: private_key is kBoxKeyBytes long.
absl::StatusOr<Secret> OpenSealed(const Secret& private_key,
                                  absl::string_view sealed);

}  // namespace cofactor

#endif  // COFACTOR_BASE_SEALED_BOX_H_
