#include "services/engine/policy_engine.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/policies.h"
#include "services/engine/policy_check.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::PolicyRecord;
using ::cofactor::record::v1::PolicyVersionRecord;
using ::cofactor::record::v1::ShadowDifferenceRecord;

absl::Status PolicyChanged(uint32_t version) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "POLICY_CHANGED",
      absl::StrCat("the policy that holds has version ", version,
                   ": read it with GetPolicy, decide anew, and send that "
                   "version as policy.version"));
}

// Keeps a version for ListPolicyVersions.
void AddVersion(Plan& plan, const v1::Policy& policy,
                const std::string& serialized) {
  PolicyVersionRecord version;
  version.set_policy(serialized);
  plan.Write(PolicyVersionKey(policy.account_id(), policy.version()), version);
  if (policy.version() > kMaxPolicyVersions) {
    plan.Delete(PolicyVersionKey(policy.account_id(),
                                 policy.version() - kMaxPolicyVersions));
  }
}

}  // namespace

absl::Status PolicyEngine::GetPolicy(Plan& plan,
                                     const v1::GetPolicyRequest& request,
                                     v1::GetPolicyResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(ReadAccount(plan, request.account_id()).status());
  ASSIGN_OR_RETURN(Policies policies, ReadPolicies(plan, request.account_id()));
  *response.mutable_policy() = std::move(policies.enforced);
  if (policies.shadow.has_value()) {
    *response.mutable_shadow() = *std::move(policies.shadow);
  }
  return absl::OkStatus();
}

absl::Status PolicyEngine::SetPolicy(Plan& plan,
                                     const v1::SetPolicyRequest& request,
                                     v1::SetPolicyResponse& response) const {
  const std::string& account_id = request.account_id();
  RETURN_IF_ERROR(CheckId("account_id", account_id));
  if (!request.has_policy()) return InvalidField("policy", "is required");
  if (!request.policy().account_id().empty() &&
      request.policy().account_id() != account_id) {
    return InvalidField("policy.account_id", "want account_id, or nothing");
  }
  if (request.mode() != v1::POLICY_MODE_UNSPECIFIED &&
      request.mode() != v1::POLICY_MODE_ENFORCED &&
      request.mode() != v1::POLICY_MODE_SHADOW) {
    return InvalidField("mode",
                        "want POLICY_MODE_ENFORCED or POLICY_MODE_SHADOW");
  }
  RETURN_IF_ERROR(CheckPolicy(request.policy(), registry_));
  RETURN_IF_ERROR(ReadAccount(plan, account_id).status());
  ASSIGN_OR_RETURN(auto stored, plan.Read<PolicyRecord>(PolicyKey(account_id)));
  ASSIGN_OR_RETURN(const Policies policies, ReadPolicies(plan, account_id));
  const uint32_t version = policies.enforced.version();
  if (request.policy().version() != version) return PolicyChanged(version);

  v1::Policy policy = request.policy();
  policy.set_account_id(account_id);
  policy.set_client_id(plan.caller().client_id());
  *policy.mutable_create_time() = ToTimestamp(plan.now());
  if (request.mode() == v1::POLICY_MODE_SHADOW) {
    // Its version says what it rests on.
    stored.record.set_shadow(policy.SerializeAsString());
    plan.audit().set_note(
        absl::StrCat("shadow policy, beside version ", version));
  } else {
    policy.set_version(version + 1);
    stored.record.set_policy(policy.SerializeAsString());
    stored.record.clear_shadow();
    AddVersion(plan, policy, stored.record.policy());
    plan.audit().set_note(absl::StrCat("policy version ", policy.version()));
  }
  plan.Write(PolicyKey(account_id), stored.record);
  *response.mutable_policy() = std::move(policy);
  return absl::OkStatus();
}

absl::Status PolicyEngine::ClearShadowPolicy(
    Plan& plan, const v1::ClearShadowPolicyRequest& request,
    v1::ClearShadowPolicyResponse& response) const {
  const std::string& account_id = request.account_id();
  RETURN_IF_ERROR(CheckId("account_id", account_id));
  RETURN_IF_ERROR(ReadAccount(plan, account_id).status());
  ASSIGN_OR_RETURN(auto stored, plan.Read<PolicyRecord>(PolicyKey(account_id)));
  if (stored.record.shadow().empty()) return absl::OkStatus();
  stored.record.clear_shadow();
  plan.Write(PolicyKey(account_id), stored.record);
  return absl::OkStatus();
}

absl::Status PolicyEngine::ListPolicyVersions(
    Plan& plan, const v1::ListPolicyVersionsRequest& request,
    v1::ListPolicyVersionsResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(ReadAccount(plan, request.account_id()).status());
  ASSIGN_OR_RETURN(Page page,
                   ReadPage(plan, PolicyVersionPrefix(request.account_id()),
                            request.page_size(), request.page_token()));
  for (storage::Entry& entry : page.entries) {
    ASSIGN_OR_RETURN(const auto version,
                     Decode<PolicyVersionRecord>(std::move(entry.record)));
    if (!response.add_policies()->ParseFromString(version.record.policy())) {
      return absl::DataLossError("a version of a policy is damaged");
    }
  }
  response.set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

absl::Status PolicyEngine::ListShadowDifferences(
    Plan& plan, const v1::ListShadowDifferencesRequest& request,
    v1::ListShadowDifferencesResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  ASSIGN_OR_RETURN(const auto account, ReadAccount(plan, request.account_id()));
  ASSIGN_OR_RETURN(Page page,
                   ReadPage(plan, ShadowDifferencePrefix(request.account_id()),
                            request.page_size(), request.page_token()));
  const absl::Time created =
      absl::FromUnixMicros(account.record.create_micros());
  for (storage::Entry& entry : page.entries) {
    ASSIGN_OR_RETURN(const auto stored,
                     Decode<ShadowDifferenceRecord>(std::move(entry.record)));
    v1::ShadowDifference difference;
    if (!difference.ParseFromString(stored.record.difference())) {
      return absl::DataLossError("a difference of a shadow policy is damaged");
    }
    // The rest is of an account that had this id before. The newest come first.
    if (ToTime(difference.time()) < created) return absl::OkStatus();
    *response.add_differences() = std::move(difference);
  }
  response.set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

}  // namespace cofactor::services
