#ifndef COFACTOR_FACTORS_SMS_SMS_CODE_H_
#define COFACTOR_FACTORS_SMS_SMS_CODE_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"

namespace cofactor::factors::sms {

// How long a code is good for: NIST SP 800-63B-4, section 3.1.3.2, wants it
// completed within 10 minutes.
inline constexpr absl::Duration kCodeLifetime = absl::Seconds(600);

// What is kept of a code that was sent now, under a salt that is drawn.
record::v1::SmsCodeRecord KeepCode(const Secret& code, absl::Time now,
                                   Randomness& randomness);

// As KeepCode in work and shape, but no code fits, not even this one.
record::v1::SmsCodeRecord KeepDeadCode(const Secret& code, absl::Time now,
                                       Randomness& randomness);

// Whether the record is one that KeepCode makes, and not damaged.
bool IsWhole(const record::v1::SmsCodeRecord& kept);

// Whether the code is the kept one and not too old. Takes the same time if it
// is not.
bool Fits(const record::v1::SmsCodeRecord& kept, absl::string_view code,
          absl::Time now);

// Overwrites what tells the code.
void Wipe(record::v1::SmsCodeRecord& kept);

}  // namespace cofactor::factors::sms

#endif  // COFACTOR_FACTORS_SMS_SMS_CODE_H_
