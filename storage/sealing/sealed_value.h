#ifndef COFACTOR_STORAGE_SEALING_SEALED_VALUE_H_
#define COFACTOR_STORAGE_SEALING_SEALED_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "storage/sealing/key_ring.h"

namespace cofactor::storage {

// Where the sealed part of a stored value is.
struct SealedPart {
  // What lies in front of it, readable.
  size_t clear_bytes = 0;
  // What the value is bound to: it opens under no other place.
  absl::string_view place;
};

// Says of a key and what the base store holds under it which part is sealed,
// and for which place; nullopt if nothing is. The one function that knows. The
// place points into key.
std::optional<SealedPart> FindSealedPart(absl::string_view key,
                                         absl::string_view stored);

// Seals with the primary key, under a fresh nonce.
std::string SealValue(const KeyRing& key_ring, absl::string_view place,
                      absl::string_view plaintext, Randomness& randomness);

// The key that sealed a value. Nobody vouches for it before the value was
// opened. DATA_LOSS: the value is not sealed.
absl::StatusOr<uint32_t> SealingKeyOf(absl::string_view sealed);

// DATA_LOSS: the value is not sealed, was changed or moved, or its key is not
// in the ring.
absl::StatusOr<Secret> OpenValue(const KeyRing& key_ring,
                                 absl::string_view place,
                                 absl::string_view sealed);

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_SEALING_SEALED_VALUE_H_
