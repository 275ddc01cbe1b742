#ifndef COFACTOR_BASE_PERCENT_ENCODING_H_
#define COFACTOR_BASE_PERCENT_ENCODING_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace cofactor {

// Writes a text so that it can stand anywhere in a URI: all but the unreserved
// characters (RFC 3986, section 2.3) as % and two capital digits.
std::string PercentEncode(absl::string_view text);

// The reverse. Nothing if the text holds anything but unreserved characters and
// % with two digits in hexadecimal. A plus is no space here.
std::optional<std::string> PercentDecode(absl::string_view encoded);

}  // namespace cofactor

#endif  // COFACTOR_BASE_PERCENT_ENCODING_H_
