#include "factors/standard_factors.h"

#include "base/status_macros.h"
#include "factors/sms/sms_factor.h"
#include "factors/totp/totp_factor.h"

namespace cofactor::factors {

absl::Status RegisterStandardFactors(FactorRegistry::Builder& builder) {
  RETURN_IF_ERROR(totp::RegisterTotp(builder));
  RETURN_IF_ERROR(sms::RegisterSms(builder, sms::SmsOptions()));
  return absl::OkStatus();
}

}  // namespace cofactor::factors
