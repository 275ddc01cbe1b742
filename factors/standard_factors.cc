#include "factors/standard_factors.h"

#include "base/status_macros.h"
#include "factors/recovery_code/recovery_code_factor.h"
#include "factors/totp/totp_factor.h"

namespace cofactor::factors {

absl::Status RegisterStandardFactors(
    FactorRegistry::Builder& builder, const sms::SmsOptions& sms_options,
    const push::PushOptions& push_options,
    const password::PasswordOptions& password_options) {
  RETURN_IF_ERROR(totp::RegisterTotp(builder));
  RETURN_IF_ERROR(sms::RegisterSms(builder, sms_options));
  RETURN_IF_ERROR(push::RegisterPush(builder, push_options));
  RETURN_IF_ERROR(recovery_code::RegisterRecoveryCode(builder));
  RETURN_IF_ERROR(password::RegisterPassword(builder, password_options));
  return absl::OkStatus();
}

}  // namespace cofactor::factors
