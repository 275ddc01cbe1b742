#ifndef COFACTOR_SERVICES_ENGINE_POLICY_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_POLICY_ENGINE_H_

#include "absl/status/status.h"
#include "cofactor/v1/policy_service.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Decides the calls of PolicyService. See the proto for what they mean, and
// MutationRunner for how a plan is committed. Thread-safe.
class PolicyEngine {
 public:
  // registry: borrowed; must outlive this.
  explicit PolicyEngine(const factors::FactorRegistry& registry)
      : registry_(registry) {}

  absl::Status GetPolicy(Plan& plan, const v1::GetPolicyRequest& request,
                         v1::GetPolicyResponse& response) const;
  // Ends the trial of a shadow policy if the enforced one changes, on which it
  // rested.
  absl::Status SetPolicy(Plan& plan, const v1::SetPolicyRequest& request,
                         v1::SetPolicyResponse& response) const;
  absl::Status ClearShadowPolicy(Plan& plan,
                                 const v1::ClearShadowPolicyRequest& request,
                                 v1::ClearShadowPolicyResponse& response) const;
  absl::Status ListPolicyVersions(
      Plan& plan, const v1::ListPolicyVersionsRequest& request,
      v1::ListPolicyVersionsResponse& response) const;
  absl::Status ListShadowDifferences(
      Plan& plan, const v1::ListShadowDifferencesRequest& request,
      v1::ListShadowDifferencesResponse& response) const;

 private:
  const factors::FactorRegistry& registry_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_POLICY_ENGINE_H_
