#ifndef COFACTOR_SERVICES_ENGINE_POLICIES_H_
#define COFACTOR_SERVICES_ENGINE_POLICIES_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/v1/policy.pb.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// The policies of an account at the time of a plan.
struct Policies {
  // The one that holds: the default if there is no other.
  v1::Policy enforced;
  // Whether the account was given one.
  bool is_set = false;
  // The one that is tried.
  std::optional<v1::Policy> shadow;
};

// Reads them. They are a condition of the plan.
absl::StatusOr<Policies> ReadPolicies(Plan& plan, absl::string_view account_id);

// Versions of an account's policy that are kept: the last ones.
inline constexpr uint32_t kMaxPolicyVersions = 1000;

// Deletes the policies of an account that goes, and their history: a new
// account of the same id has the default. What their shadows would have done
// ends by itself.
absl::Status DeletePolicies(Plan& plan, absl::string_view account_id);

// Values of a policy with their defaults.
absl::Duration ReceiptLifetime(const v1::Policy& policy);
absl::Duration IdleTimeout(const v1::Policy& policy);
absl::Duration SessionLifetime(const v1::Policy& policy);
// How long ago the newest proof of a session at a level may be;
// InfiniteDuration if the policy does not say, or the level is none.
absl::Duration LevelMaxAge(const v1::Policy& policy, int level);
absl::Duration BindingMaxAge(const v1::Policy& policy);
absl::Duration TicketLifetime(const v1::Policy& policy);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_POLICIES_H_
