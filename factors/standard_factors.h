#ifndef COFACTOR_FACTORS_STANDARD_FACTORS_H_
#define COFACTOR_FACTORS_STANDARD_FACTORS_H_

#include "absl/status/status.h"
#include "factors/factor_registry.h"

namespace cofactor::factors {

// Adds the factors that come with the server: totp and sms.
absl::Status RegisterStandardFactors(FactorRegistry::Builder& builder);

}  // namespace cofactor::factors

#endif  // COFACTOR_FACTORS_STANDARD_FACTORS_H_
