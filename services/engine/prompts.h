#ifndef COFACTOR_SERVICES_ENGINE_PROMPTS_H_
#define COFACTOR_SERVICES_ENGINE_PROMPTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/lock_rule.h"

namespace cofactor::services {

// Challenges that appear on a person's devices by themselves. Whoever knows a
// password could make them appear until the person gives in, so a member has
// one at a time, and few of them without a success.

// Every so many since the last success bring a cool-down.
inline constexpr LockRule kPromptRule{5, absl::Minutes(10), absl::Hours(6)};

// Whether the person reported a prompt that was none of theirs: no more are
// made until somebody lets them go on.
bool PromptsStopped(const record::v1::MemberRecord& member,
                    absl::string_view factor_type);

// Counts a new prompt and makes it the one of the member. Returns the id of the
// one before, which may be over; empty if there is none.
//   RESOURCE_EXHAUSTED, reason TOO_MANY_PROMPTS, with RetryInfo: a cool-down
//   holds; nothing was changed.
absl::StatusOr<std::string> TakePrompt(record::v1::MemberRecord& member,
                                       absl::string_view factor_type,
                                       absl::string_view challenge_id,
                                       absl::Time now);

// A prompt was approved: all that is left over is forgotten, but not a stop.
void PromptApproved(record::v1::MemberRecord& member,
                    absl::string_view factor_type);

// A prompt was reported.
void StopPrompts(record::v1::MemberRecord& member,
                 absl::string_view factor_type);

// Lets prompts go on: ends the stop and the cool-down.
void ResumePrompts(record::v1::MemberRecord& member,
                   absl::string_view factor_type);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_PROMPTS_H_
