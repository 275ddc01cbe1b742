#ifndef COFACTOR_STORAGE_SEALING_KEY_RING_H_
#define COFACTOR_STORAGE_SEALING_KEY_RING_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "storage/sealing/xaes_gcm.h"

namespace cofactor::storage {

// The keys that seal a store: one primary that seals, and all that can open.
// Immutable, so thread-safe.
class KeyRing {
 public:
  // text: a cofactor.record.v1.KeyRing in protobuf text format.
  // INVALID_ARGUMENT: it is malformed, has no key or no primary, or an id
  // twice. The message tells nothing of the keys.
  static absl::StatusOr<KeyRing> Parse(absl::string_view text);

  uint32_t primary_key_id() const { return primary_key_id_; }
  const XaesGcm& primary() const { return *keys_.at(primary_key_id_); }

  // The key, or null if the ring has none of this id.
  const XaesGcm* Find(uint32_t key_id) const;

  // In ascending order.
  std::vector<uint32_t> key_ids() const;

  // This ring and a new key, which is the primary. Its id is greater than all
  // in the ring. FAILED_PRECONDITION: there is no greater id.
  absl::StatusOr<KeyRing> WithNewPrimary(Randomness& randomness) const;

  // This ring but for one key. NOT_FOUND: it does not hold the key.
  // FAILED_PRECONDITION: it is the primary.
  absl::StatusOr<KeyRing> Without(uint32_t key_id) const;

  // For Parse, which makes the same ring of it.
  Secret ToText() const;

 private:
  // Shared by the rings that are made from one another.
  using Keys = std::map<uint32_t, std::shared_ptr<const XaesGcm>>;

  KeyRing(uint32_t primary_key_id, Keys keys)
      : primary_key_id_(primary_key_id), keys_(std::move(keys)) {}

  uint32_t primary_key_id_;
  Keys keys_;
};

// A key ring of one new key, as text for Parse.
Secret NewKeyRingText(Randomness& randomness);

// Reads a key ring file.
//   NOT_FOUND            there is no such file.
//   FAILED_PRECONDITION  others than its owner can reach it, it is no key ring,
//                        or it cannot be read; the message says what to do.
absl::StatusOr<KeyRing> ReadKeyRingFile(const std::string& path);

// Writes a new file of mode 0600, whole or not at all, and has it on disk
// before it returns. ALREADY_EXISTS: there is one, which stays. UNAVAILABLE:
// the disk cannot take it.
absl::Status WriteKeyRingFile(const std::string& path, const Secret& text);

// Puts a new content in the place of a key ring file, with mode 0600: whole or
// not at all, and on disk before it returns. A symbolic link stays one.
//   NOT_FOUND    there is no such file.
//   UNAVAILABLE  the disk cannot take it; either content may be there after a
//                crash.
absl::Status ReplaceKeyRingFile(const std::string& path, const Secret& text);

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_SEALING_KEY_RING_H_
