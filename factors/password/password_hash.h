#ifndef COFACTOR_FACTORS_PASSWORD_PASSWORD_HASH_H_
#define COFACTOR_FACTORS_PASSWORD_PASSWORD_HASH_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::factors::password {

// What a hash of our own costs: Argon2id (RFC 9106) with one lane.
struct Argon2Parameters {
  // KiB of memory.
  uint32_t memory_kib = 19'456;
  // Passes over it.
  uint32_t iterations = 2;
};

// A salted, slow hash of a password. Thread-safe. A thread that hashes keeps
// the memory of its last Argon2id hash, overwritten, for the next one.
//
// There are four kinds. Of each, what it costs to check is bounded as it is
// read, so that a hash from elsewhere eats neither memory nor time without end:
//   $argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH
//       up to 262,144 KiB, 10 passes and 16 lanes; Base64 without padding.
//   $2b$COST$..., also $2a$ and $2y$
//       bcrypt, cost 4 to 14. It knows 72 bytes alone: a longer password does
//       not fit, rather than count by its beginning.
//   pbkdf2-sha256$ITERATIONS$SALT$HASH and pbkdf2-sha512$...
//       1,000 to 2,000,000 iterations; Base64, padded or not.
class PasswordHash {
 public:
  static constexpr size_t kSaltBytes = 16;

  // INVALID_ARGUMENT: it is none of these kinds, or out of bounds. The text
  // says why, and holds nothing of the hash.
  static absl::StatusOr<PasswordHash> Parse(absl::string_view text);

  // Hashes a password with Argon2id. salt: kSaltBytes, never used before.
  // UNAVAILABLE: there is no memory for it.
  static absl::StatusOr<PasswordHash> Make(const Secret& password,
                                           const Argon2Parameters& parameters,
                                           absl::string_view salt);

  // Whether it is the hash of this password. Takes the same time if it is not.
  // UNAVAILABLE: there is no memory to tell.
  absl::StatusOr<bool> Fits(const Secret& password) const;

  // Whether one of our own with these parameters is better: it is of another
  // kind, or has less memory or fewer passes.
  bool IsWeakerThan(const Argon2Parameters& parameters) const;

  // "argon2id", "bcrypt", "pbkdf2-sha256" or "pbkdf2-sha512".
  absl::string_view kind() const;

  // As Parse takes it. As secret as a password that is easy to guess.
  const std::string& text() const { return text_; }

 private:
  enum class Kind { kArgon2id, kBcrypt, kPbkdf2Sha256, kPbkdf2Sha512 };

  PasswordHash() = default;

  static absl::StatusOr<PasswordHash> ParseArgon2id(absl::string_view text);
  static absl::StatusOr<PasswordHash> ParseBcrypt(absl::string_view text);
  static absl::StatusOr<PasswordHash> ParsePbkdf2(absl::string_view text);

  absl::StatusOr<bool> FitsArgon2id(const Secret& password) const;
  absl::StatusOr<bool> FitsBcrypt(const Secret& password) const;
  absl::StatusOr<bool> FitsPbkdf2(const Secret& password) const;

  Kind kind_ = Kind::kArgon2id;
  std::string text_;
  // Argon2id alone.
  uint32_t memory_kib_ = 0;
  uint32_t lanes_ = 0;
  // Argon2id and PBKDF2.
  uint32_t iterations_ = 0;
  std::string salt_;
  std::string hash_;
};

}  // namespace cofactor::factors::password

#endif  // COFACTOR_FACTORS_PASSWORD_PASSWORD_HASH_H_
