#ifndef COFACTOR_FACTORS_PASSWORD_PASSWORD_TEXT_H_
#define COFACTOR_FACTORS_PASSWORD_PASSWORD_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::factors::password {

// The longest password, in code points after NFC. Nothing is ever cut off.
inline constexpr size_t kMaxCodePoints = 256;

// Brings a password into the form in which it is compared, NFC (Unicode
// Standard Annex 15), so that it is the same whether a keyboard sends "é" or
// "e" with an accent behind it. Upper and lower case, spaces and everything
// else stay as they are.
//
// INVALID_ARGUMENT, by InvalidField: it is empty, not valid UTF-8, has a NUL,
// or more than kMaxCodePoints. field: its path in the request. The text holds
// nothing of the password.
absl::StatusOr<Secret> NormalizePassword(absl::string_view typed,
                                         absl::string_view field);

// How many code points a text has that NormalizePassword returned.
size_t CodePoints(const Secret& normalized);

// NFC and, over that, case folding: two texts that a person would call the same
// give the same. Empty if it is not valid UTF-8.
Secret FoldCase(absl::string_view text);

}  // namespace cofactor::factors::password

#endif  // COFACTOR_FACTORS_PASSWORD_PASSWORD_TEXT_H_
