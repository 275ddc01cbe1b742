#ifndef COFACTOR_SERVICES_ENGINE_POLICY_FIXTURE_H_
#define COFACTOR_SERVICES_ENGINE_POLICY_FIXTURE_H_

#include <initializer_list>

#include "absl/strings/string_view.h"
#include "cofactor/v1/policy.pb.h"
#include "factors/factor_registry.h"

namespace cofactor::services {

// One factor of each sort: "password", "totp", "sms", "push", "recovery_code",
// "webauthn" (phishing resistant) and "fingerprint" (inherence). They say what
// they are and do nothing. Or those of these type ids alone.
factors::FactorRegistry MakePolicyRegistry();
factors::FactorRegistry MakePolicyRegistry(
    std::initializer_list<absl::string_view> factor_types);

// Adds a level that nothing reaches so far.
v1::PolicyLevel& AddLevel(v1::Policy& policy, absl::string_view acr);

// Adds a combination of demands: "knows", "has" or "is" for a kind,
// "resistant", or a type id.
void AddCombination(v1::PolicyLevel& level,
                    std::initializer_list<absl::string_view> demands);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_POLICY_FIXTURE_H_
