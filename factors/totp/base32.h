#ifndef COFACTOR_FACTORS_TOTP_BASE32_H_
#define COFACTOR_FACTORS_TOTP_BASE32_H_

#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::factors::totp {

// Base32 (RFC 4648, section 6) without padding, as authenticator apps want it.
Secret EncodeBase32(absl::string_view bytes);

}  // namespace cofactor::factors::totp

#endif  // COFACTOR_FACTORS_TOTP_BASE32_H_
