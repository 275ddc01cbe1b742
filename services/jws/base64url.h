#ifndef COFACTOR_SERVICES_JWS_BASE64URL_H_
#define COFACTOR_SERVICES_JWS_BASE64URL_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace cofactor::services {

// The base64url encoding of RFC 7515, section 2: of RFC 4648, section 5,
// without
// "=" at the end.
std::string Base64Url(absl::string_view bytes);

// What Base64Url makes this text of. Nothing if it makes it of no bytes: there
// is "=", a space or another character in it, or a bit too many at its end.
std::optional<std::string> FromBase64Url(absl::string_view text);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_JWS_BASE64URL_H_
