#include "services/engine/policies.h"

#include <string>
#include <vector>

#include "base/status_macros.h"
#include "services/engine/keys.h"
#include "services/engine/sign_in_policy.h"
#include "storage/store.h"

namespace cofactor::services {
namespace {

absl::StatusOr<v1::Policy> Parse(const std::string& serialized) {
  v1::Policy policy;
  if (!policy.ParseFromString(serialized)) {
    return absl::DataLossError("the policy of an account is damaged");
  }
  return policy;
}

// Stored policies were checked, so that what is set is valid.
absl::Duration ValueOr(bool is_set, const google::protobuf::Duration& value,
                       absl::Duration default_value) {
  return is_set
             ? absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos())
             : default_value;
}

}  // namespace

absl::StatusOr<Policies> ReadPolicies(Plan& plan,
                                      absl::string_view account_id) {
  ASSIGN_OR_RETURN(const auto stored,
                   plan.Read<record::v1::PolicyRecord>(PolicyKey(account_id)));
  Policies policies;
  if (stored.record.policy().empty()) {
    policies.enforced = DefaultPolicy();
    policies.enforced.set_account_id(std::string(account_id));
  } else {
    ASSIGN_OR_RETURN(policies.enforced, Parse(stored.record.policy()));
    policies.is_set = true;
  }
  if (!stored.record.shadow().empty()) {
    ASSIGN_OR_RETURN(policies.shadow, Parse(stored.record.shadow()));
  }
  return policies;
}

absl::Status DeletePolicies(Plan& plan, absl::string_view account_id) {
  // Read, so that no version comes between this scan and the commit.
  ASSIGN_OR_RETURN(const auto stored,
                   plan.Read<record::v1::PolicyRecord>(PolicyKey(account_id)));
  if (!stored.exists()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<storage::Entry> versions,
                   plan.snapshot().Scan(PolicyVersionPrefix(account_id), "",
                                        kMaxPolicyVersions));
  for (const storage::Entry& version : versions) plan.Delete(version.key);
  plan.Delete(PolicyKey(account_id));
  return absl::OkStatus();
}

absl::Duration ReceiptLifetime(const v1::Policy& policy) {
  return ValueOr(policy.sessions().has_receipt_lifetime(),
                 policy.sessions().receipt_lifetime(), absl::Minutes(5));
}

absl::Duration IdleTimeout(const v1::Policy& policy) {
  return ValueOr(policy.sessions().has_idle_timeout(),
                 policy.sessions().idle_timeout(), absl::Hours(12));
}

absl::Duration SessionLifetime(const v1::Policy& policy) {
  return ValueOr(policy.sessions().has_lifetime(), policy.sessions().lifetime(),
                 absl::Hours(24 * 7));
}

absl::Duration LevelMaxAge(const v1::Policy& policy, int level) {
  if (level == kNoLevel) return absl::InfiniteDuration();
  return ValueOr(policy.levels(level).has_max_age(),
                 policy.levels(level).max_age(), absl::InfiniteDuration());
}

absl::Duration BindingMaxAge(const v1::Policy& policy) {
  return ValueOr(policy.has_binding_max_age(), policy.binding_max_age(),
                 absl::Minutes(5));
}

absl::Duration TicketLifetime(const v1::Policy& policy) {
  return ValueOr(policy.recovery().has_ticket_lifetime(),
                 policy.recovery().ticket_lifetime(), absl::Minutes(15));
}

}  // namespace cofactor::services
