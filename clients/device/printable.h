#ifndef COFACTOR_CLIENTS_DEVICE_PRINTABLE_H_
#define COFACTOR_CLIENTS_DEVICE_PRINTABLE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace cofactor::device {

// Text of somebody else, fit for a line of a terminal: nothing in it moves the
// cursor, ends the line, hides what was written, or turns the direction of
// writing, so that what a person reads is what they sign.
//
// Control characters, and those that format or cannot be seen, become
// \u{HEXADECIMAL}; bytes that are no UTF-8 become \x and two digits; a
// backslash is doubled, so that no text can look like another one that was
// escaped.
std::string Printable(absl::string_view text);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_PRINTABLE_H_
