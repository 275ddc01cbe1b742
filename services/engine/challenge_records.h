#ifndef COFACTOR_SERVICES_ENGINE_CHALLENGE_RECORDS_H_
#define COFACTOR_SERVICES_ENGINE_CHALLENGE_RECORDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/challenge.pb.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// What is done to challenges by more than one call.

// What a challenge is said to be for, and what it is to show. INVALID_ARGUMENT
// naming the field.
absl::Status CheckPurpose(absl::string_view purpose);
absl::Status CheckDetails(const v1::ChallengeDetails& details);

// Until when the record of a challenge is kept.
absl::Time RetainedUntil(const record::v1::ChallengeRecord& challenge);

// FAILED_PRECONDITION, reason CHALLENGE_FINAL, if the challenge has ended.
absl::Status CheckOpen(const record::v1::ChallengeRecord& challenge,
                       absl::Time now);

// Brings a challenge to a final state. To be written.
void EndChallenge(record::v1::ChallengeRecord& challenge,
                  v1::ChallengeState state, absl::Time now);

// Adds a changed challenge to a plan, and tells who watches it.
void WriteChallenge(Plan& plan, record::v1::ChallengeRecord& challenge);

// What the caller of a plan may see of a challenge: one who may not know
// members does not learn that somebody was reached.
v1::Challenge VisibleView(const Plan& plan,
                          const record::v1::ChallengeRecord& challenge);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_CHALLENGE_RECORDS_H_
