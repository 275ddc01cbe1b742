#ifndef COFACTOR_FACTORS_STANDARD_FACTORS_H_
#define COFACTOR_FACTORS_STANDARD_FACTORS_H_

#include "absl/status/status.h"
#include "factors/factor_registry.h"
#include "factors/password/password_factor.h"
#include "factors/push/push_factor.h"
#include "factors/sms/sms_factor.h"

namespace cofactor::factors {

// Adds the factors that come with the server: totp, sms, push, recovery_code
// and password.
// INVALID_ARGUMENT: the options are out of range.
absl::Status RegisterStandardFactors(
    FactorRegistry::Builder& builder,
    const sms::SmsOptions& sms_options = sms::SmsOptions(),
    const push::PushOptions& push_options = push::PushOptions(),
    const password::PasswordOptions& password_options =
        password::PasswordOptions());

}  // namespace cofactor::factors

#endif  // COFACTOR_FACTORS_STANDARD_FACTORS_H_
