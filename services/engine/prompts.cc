#include "services/engine/prompts.h"

#include "base/errors.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::PromptsRecord;

PromptsRecord& PromptsOf(MemberRecord& member, absl::string_view factor_type) {
  for (PromptsRecord& prompts : *member.mutable_prompts()) {
    if (prompts.factor_type() == factor_type) return prompts;
  }
  PromptsRecord& prompts = *member.add_prompts();
  prompts.set_factor_type(std::string(factor_type));
  return prompts;
}

}  // namespace

bool PromptsStopped(const MemberRecord& member, absl::string_view factor_type) {
  for (const PromptsRecord& prompts : member.prompts()) {
    if (prompts.factor_type() == factor_type) return prompts.stopped();
  }
  return false;
}

absl::StatusOr<std::string> TakePrompt(MemberRecord& member,
                                       absl::string_view factor_type,
                                       absl::string_view challenge_id,
                                       absl::Time now) {
  PromptsRecord& prompts = PromptsOf(member, factor_type);
  const absl::Duration cooldown = RemainingLock(prompts, now);
  if (cooldown > absl::ZeroDuration()) {
    return RetryLater("TOO_MANY_PROMPTS",
                      "too many challenges in a row were not approved: use "
                      "another factor, or wait until the retry delay is over",
                      cooldown);
  }
  CountFailure(kPromptRule, prompts, now);
  std::string before = prompts.challenge_id();
  prompts.set_challenge_id(std::string(challenge_id));
  return before;
}

void PromptApproved(MemberRecord& member, absl::string_view factor_type) {
  ForgetFailures(PromptsOf(member, factor_type));
}

void StopPrompts(MemberRecord& member, absl::string_view factor_type) {
  PromptsOf(member, factor_type).set_stopped(true);
}

void ResumePrompts(MemberRecord& member, absl::string_view factor_type) {
  for (PromptsRecord& prompts : *member.mutable_prompts()) {
    if (prompts.factor_type() != factor_type) continue;
    prompts.set_stopped(false);
    ForgetFailures(prompts);
  }
}

}  // namespace cofactor::services
