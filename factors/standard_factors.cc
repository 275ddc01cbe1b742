#include "factors/standard_factors.h"

#include "base/status_macros.h"
#include "factors/totp/totp_factor.h"

namespace cofactor::factors {

absl::Status RegisterStandardFactors(FactorRegistry::Builder& builder) {
  RETURN_IF_ERROR(totp::RegisterTotp(builder));
  return absl::OkStatus();
}

}  // namespace cofactor::factors
