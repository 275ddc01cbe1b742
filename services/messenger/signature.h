#ifndef COFACTOR_SERVICES_MESSENGER_SIGNATURE_H_
#define COFACTOR_SERVICES_MESSENGER_SIGNATURE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::services {

enum class SignatureHash { kSha1, kSha256 };

// HMAC (RFC 2104) of the text, as raw bytes: 20 or 32. Ends the process if
// OpenSSL cannot compute it. To be compared by ConstantTimeEquals. Thread-safe.
std::string Hmac(SignatureHash hash, const Secret& key, absl::string_view text);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_SIGNATURE_H_
