#ifndef COFACTOR_FACTORS_RECOVERY_CODE_RECOVERY_CODE_FACTOR_H_
#define COFACTOR_FACTORS_RECOVERY_CODE_RECOVERY_CODE_FACTOR_H_

#include "absl/status/status.h"
#include "factors/factor_registry.h"

namespace cofactor::factors::recovery_code {

// Adds "recovery_code": a set of 10 codes on paper for who has lost the device,
// each good once (look-up secrets, NIST SP 800-63B-4, section 3.1.2).
//
// The codes are shown once and kept as salted password hashes alone. Typing any
// of them confirms that the person has them, and leaves all 10 unused: whoever
// looks on then has seen the whole set. From then on the hash of a code that
// was accepted is taken out of the state, which is what keeps it from being
// accepted again.
//
// A set is something that one has: the kind is possession. RFC 8176 knows no
// name for it; the receipt says "otp", as each code is a password for one time.
absl::Status RegisterRecoveryCode(FactorRegistry::Builder& builder);

}  // namespace cofactor::factors::recovery_code

#endif  // COFACTOR_FACTORS_RECOVERY_CODE_RECOVERY_CODE_FACTOR_H_
