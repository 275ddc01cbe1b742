#ifndef COFACTOR_FACTORS_TOTP_BASE32_H_
#define COFACTOR_FACTORS_TOTP_BASE32_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::factors::totp {

// Base32 (RFC 4648, section 6) without padding, as authenticator apps want it.
Secret EncodeBase32(absl::string_view bytes);

// Reads Base32 as people and other services write it: in either case, with or
// without padding, with spaces and hyphens between groups. Bits at the end that
// fill no byte are dropped, as authenticator apps do. INVALID_ARGUMENT: another
// character, or no whole byte. The error does not quote the text.
absl::StatusOr<Secret> DecodeBase32(absl::string_view text);

}  // namespace cofactor::factors::totp

#endif  // COFACTOR_FACTORS_TOTP_BASE32_H_
