#include "services/engine/shadow_policy.h"

#include <algorithm>
#include <string>

#include "cofactor/v1/policy_service.pb.h"
#include "services/engine/keys.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

// Whether the steps are enough for the acr that was asked for.
bool IsComplete(const v1::Policy& policy, const Steps& steps, int reached,
                absl::string_view wanted_acr) {
  int wanted = SignInLevel(policy);
  if (!wanted_acr.empty()) {
    const int level = LevelOf(policy, wanted_acr);
    // An acr that the policy does not name is never reached.
    if (level == kNoLevel) return false;
    wanted = std::max(wanted, level);
  }
  return reached >= wanted || IsRememberedEnough(policy, steps, wanted);
}

}  // namespace

void NoteShadowDifference(Plan& plan, const Policies& policies,
                          const Steps& steps, const SignInDecision& decision) {
  if (!policies.shadow.has_value()) return;
  const v1::Policy& shadow = *policies.shadow;
  const int shadow_level = ReachedLevel(shadow, steps, decision.not_before);
  const bool shadow_complete =
      IsComplete(shadow, steps, shadow_level, decision.wanted_acr);
  const std::string enforced_acr =
      AcrOf(policies.enforced,
            ReachedLevel(policies.enforced, steps, decision.not_before));
  const std::string shadow_acr = AcrOf(shadow, shadow_level);
  // As long as neither lets the member in, the acr is nobody's business.
  if (shadow_complete == decision.complete &&
      (!shadow_complete || shadow_acr == enforced_acr)) {
    return;
  }

  v1::ShadowDifference difference;
  *difference.mutable_time() = ToTimestamp(plan.now());
  difference.set_sign_in_id(std::string(decision.sign_in_id));
  difference.set_member_id(std::string(decision.member_id));
  difference.set_policy_version(shadow.version());
  for (const record::v1::StepRecord& step : steps) {
    if (!step.factor_type().empty()) {
      difference.add_factor_types(step.factor_type());
    }
  }
  difference.set_enforced_complete(decision.complete);
  difference.set_shadow_complete(shadow_complete);
  difference.set_enforced_acr(enforced_acr);
  difference.set_shadow_acr(shadow_acr);
  record::v1::ShadowDifferenceRecord record;
  record.set_difference(difference.SerializeAsString());
  plan.Write(ShadowDifferenceKey(policies.enforced.account_id(), plan.now(),
                                 decision.sign_in_id),
             record, plan.now() + kShadowDifferenceLifetime);
}

}  // namespace cofactor::services
