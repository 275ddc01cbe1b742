#ifndef COFACTOR_SERVICES_ENGINE_POLICY_CHECK_H_
#define COFACTOR_SERVICES_ENGINE_POLICY_CHECK_H_

#include "absl/status/status.h"
#include "cofactor/v1/policy.pb.h"
#include "factors/factor_registry.h"

namespace cofactor::services {

// Whether a policy means something and can be met: INVALID_ARGUMENT naming the
// field, as "policy.levels[1].acr". registry: the factors that there are. What
// the server sets itself is not looked at.
//
// A combination that the allowed factors cannot meet is a mistake. A kind that
// no factor of the server has is none, so that a policy can be written for
// servers with different factors; but each level has a combination that these
// can meet.
absl::Status CheckPolicy(const v1::Policy& policy,
                         const factors::FactorRegistry& registry);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_POLICY_CHECK_H_
