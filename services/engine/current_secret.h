#ifndef COFACTOR_SERVICES_ENGINE_CURRENT_SECRET_H_
#define COFACTOR_SERVICES_ENGINE_CURRENT_SECRET_H_

#include "absl/status/status.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/factor.pb.h"
#include "factors/factor.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Whether the member may begin a new enrollment of a factor of which there is
// one at a time and which is known, as a password: whoever has one has to know
// it to choose another.
//
// recovery: a recovery ticket stands for it, so nothing is asked for. True only
// if the host has checked and used up such a ticket.
//
// A wrong secret is tried and counted as Verify does, and the plan keeps that
// count although the call is refused; a right one forgets failures as Verify
// does, if the rest of the call succeeds. member: read by this plan. It is
// changed, and written only if the secret is wrong; otherwise the caller writes
// it. Nothing else may be in the plan yet.
//   FAILED_PRECONDITION, reason CURRENT_SECRET_REQUIRED: none was given.
//   FAILED_PRECONDITION, reason CURRENT_SECRET_WRONG: it was counted.
//   FAILED_PRECONDITION, reason CURRENT_SECRET_DISABLED: too many wrong ones
//   came for it to prove anything, so that nobody gets past it by guessing.
//   RESOURCE_EXHAUSTED, INVALID_ARGUMENT: as Verify.
absl::Status CheckCurrentSecret(Plan& plan, const factors::Factor& factor,
                                const v1::FactorParameters& parameters,
                                bool recovery,
                                record::v1::MemberRecord& member);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_CURRENT_SECRET_H_
