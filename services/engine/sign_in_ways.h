#ifndef COFACTOR_SERVICES_ENGINE_SIGN_IN_WAYS_H_
#define COFACTOR_SERVICES_ENGINE_SIGN_IN_WAYS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/policy.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/sign_in_policy.h"

namespace cofactor::services {

// How a sign-in can go on: pure functions.

struct Ways {
  // Enrollments that bring it nearer to its level, the preferred one first.
  std::vector<Candidate> enrollments;
  // Type ids of the factors that the member may bind now. Empty if there are
  // enrollments.
  std::vector<std::string> enrollable_factor_types;

  bool none() const {
    return enrollments.empty() && enrollable_factor_types.empty();
  }
};

// What a sign-in with these steps is judged by.
struct SignInScene {
  const v1::Policy& policy;
  const factors::FactorRegistry& registry;
  const record::v1::MemberRecord& member;
  const Steps& steps;
  // The level that it has to reach.
  int level;
  absl::Time now;
};

// Whether the steps are enough. Those of a step-up have to be so without a
// remembered device.
bool IsReached(const SignInScene& scene, bool is_step_up);

// What is offered: enrollments that can answer now. If there are none, those
// that a lock holds for a while.
//
// A new factor may be bound only while the policy's grace lasts, and only if
// all that the member ever confirmed, locked and disabled ones as well, cannot
// reach the level and has been proven as far as it goes: whoever knows the
// password alone must not get past the other factors by locking them, nor by
// asking for a level that they do not reach. Codes that are used up, as
// recovery codes, are for the day that all else is lost, and no way to begin.
Ways FindWays(const SignInScene& scene);

// What may answer: as what FindWays offers, with the enrollments that a lock
// holds, so that their lock is told and not hidden.
std::vector<Candidate> FindAnswerable(const SignInScene& scene);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SIGN_IN_WAYS_H_
