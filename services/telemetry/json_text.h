#ifndef COFACTOR_SERVICES_TELEMETRY_JSON_TEXT_H_
#define COFACTOR_SERVICES_TELEMETRY_JSON_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace cofactor::services {

// Appends text, in quotes, as a JSON string of printable ASCII alone, whatever
// the text is: it can end neither the string nor the line, and nothing in it
// moves a terminal's cursor or turns the direction of writing. What is no UTF-8
// becomes U+FFFD, byte by byte. Of the text, at most max_bytes are taken; a
// character that would be cut is left out.
void AppendJsonString(absl::string_view text, size_t max_bytes,
                      std::string& out);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TELEMETRY_JSON_TEXT_H_
