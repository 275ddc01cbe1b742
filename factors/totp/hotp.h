#ifndef COFACTOR_FACTORS_TOTP_HOTP_H_
#define COFACTOR_FACTORS_TOTP_HOTP_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::factors::totp {

enum class HashAlgorithm { kSha1, kSha256, kSha512 };

// The HOTP value of a counter (RFC 4226, section 5.3) with the hash of RFC
// 6238, section 1.2, as a decimal number of so many digits with leading zeros.
//
// digits: 6 to 8. secret: any length. Thread-safe.
Secret HotpCode(HashAlgorithm algorithm, absl::string_view secret,
                uint64_t counter, int digits);

}  // namespace cofactor::factors::totp

#endif  // COFACTOR_FACTORS_TOTP_HOTP_H_
