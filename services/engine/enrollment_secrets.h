#ifndef COFACTOR_SERVICES_ENGINE_ENROLLMENT_SECRETS_H_
#define COFACTOR_SERVICES_ENGINE_ENROLLMENT_SECRETS_H_

#include "absl/status/status.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/factor.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// The private state of an enrollment, as its factor takes it.
factors::FactorState FactorStateOf(
    const record::v1::EnrollmentRecord& enrollment);

// Replaces it, and overwrites the old one.
void SetFactorState(const factors::FactorState& state,
                    record::v1::EnrollmentRecord& enrollment);

// Takes the activation, which holds the seed, out of the result that is kept
// for a retry of BeginEnrollment: from then on nothing can return it. Does
// nothing if no result is kept.
absl::Status ForgetActivation(Plan& plan,
                              const record::v1::EnrollmentRecord& enrollment);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_ENROLLMENT_SECRETS_H_
