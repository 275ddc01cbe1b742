#ifndef COFACTOR_FACTORS_PASSWORD_PASSWORD_STRENGTH_H_
#define COFACTOR_FACTORS_PASSWORD_PASSWORD_STRENGTH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::factors::password {

// Passwords that an operator lets nobody choose. Keeps eight bytes of a hash of
// each, so that millions of them fit. Thread-safe.
class Blocklist {
 public:
  // Nothing is on it.
  Blocklist() = default;

  // Reads a file, one password per line, in UTF-8. Empty lines do not count; a
  // carriage return at the end of a line is no part of it.
  //
  // FAILED_PRECONDITION, with the path: it cannot be read, or a line is not
  // valid UTF-8.
  static absl::StatusOr<Blocklist> Read(const std::string& path);

  // In whatever case, and however its accents are written.
  bool Contains(absl::string_view password) const;

 private:
  // Sorted.
  std::vector<uint64_t> hashes_;
};

// Whether a new password is hard to guess: it is not on the list, and takes at
// least 10^8 guesses by zxcvbn, which goes through common passwords, names,
// words, dates, repetitions and rows of keys first. Then even who has the hash
// needs weeks of a processor core. It knows English best, and takes what is not
// ASCII for harder than it is.
//
// password: of NormalizePassword. context: ids, which whoever guesses tries
// first.
//
// INVALID_ARGUMENT, by InvalidField, says what makes it easy, and holds nothing
// of the password.
absl::Status CheckStrength(const Secret& password, const Blocklist& blocklist,
                           const std::vector<absl::string_view>& context,
                           absl::string_view field);

}  // namespace cofactor::factors::password

#endif  // COFACTOR_FACTORS_PASSWORD_PASSWORD_STRENGTH_H_
