#ifndef COFACTOR_SERVICES_ENGINE_SHADOW_POLICY_H_
#define COFACTOR_SERVICES_ENGINE_SHADOW_POLICY_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/engine/plan.h"
#include "services/engine/policies.h"
#include "services/engine/sign_in_policy.h"

namespace cofactor::services {

// How long it is kept what a shadow policy would have done.
inline constexpr absl::Duration kShadowDifferenceLifetime =
    absl::Hours(24 * 30);

// What the enforced policy made of a step of a sign-in.
struct SignInDecision {
  absl::string_view sign_in_id;
  absl::string_view member_id;
  // acr that the client asked for; empty, or a lower one than that of the
  // policy: that of the policy.
  absl::string_view wanted_acr;
  // Steps of before then did not count.
  absl::Time not_before = absl::InfinitePast();
  // It let the member in.
  bool complete = false;
};

// Judges the steps by the shadow policy too, if there is one, and has a
// ShadowDifferenceRecord written if it decides otherwise: it would have let the
// member in, or would not have, or with another acr. To be called once for each
// step that was proven. Changes nothing else, and never fails.
void NoteShadowDifference(Plan& plan, const Policies& policies,
                          const Steps& steps, const SignInDecision& decision);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SHADOW_POLICY_H_
