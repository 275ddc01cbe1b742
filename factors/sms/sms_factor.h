#ifndef COFACTOR_FACTORS_SMS_SMS_FACTOR_H_
#define COFACTOR_FACTORS_SMS_SMS_FACTOR_H_

#include "absl/status/status.h"
#include "factors/factor_registry.h"

namespace cofactor::factors::sms {

struct SmsOptions {
  // Digits of a code, 4 to 10. Under 6 is less than NIST SP 800-63B-4 wants. A
  // change makes the codes that are on their way unanswerable.
  int code_digits = 6;
};

// Adds "sms": a code that is sent to a phone number as a text message.
//
// A code is good for 10 minutes, for the enrollment or the challenge that it
// was drawn for alone, and dead once another is drawn for it. What is stored is
// a salted hash. It is no protection against whoever reads the messages or
// takes over the number.
//
// INVALID_ARGUMENT: the options are out of range.
absl::Status RegisterSms(FactorRegistry::Builder& builder,
                         const SmsOptions& options);

}  // namespace cofactor::factors::sms

#endif  // COFACTOR_FACTORS_SMS_SMS_FACTOR_H_
