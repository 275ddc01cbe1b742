#ifndef COFACTOR_SERVICES_ENGINE_BINDING_GUARD_H_
#define COFACTOR_SERVICES_ENGINE_BINDING_GUARD_H_

#include "absl/status/statusor.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/factor.pb.h"
#include "cofactor/v1/proof.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/plan.h"
#include "services/engine/policies.h"
#include "services/engine/sessions.h"

namespace cofactor::services {

// Decides who may change somebody's factors: the proof that BeginEnrollment and
// DeleteEnrollment bring, against the policy of the account. Thread-safe.
//
// An account without a policy of its own leaves it to the backend, which has
// the scope for it. One with a policy demands a fresh proof at its binding
// level, or at the highest level below that the member's factors can still
// reach; a member without an active enrollment has nothing to prove with, and
// the backend vouches for it.
class BindingGuard {
 public:
  // All are borrowed; they must outlive this.
  BindingGuard(const factors::FactorRegistry& registry,
               const Sessions& sessions)
      : registry_(registry), sessions_(sessions) {}

  // What a proof for a new enrollment allows.
  struct Permit {
    // The sign-in that it is begun for; empty: none.
    std::string sign_in_id;
    // A ticket brought it: the person does not know the old password, and
    // nobody may choose a secret.
    bool recovery = false;
  };

  // A proof for a new enrollment of the member. A ticket is used up by it.
  //   FAILED_PRECONDITION, reason STEP_UP_REQUIRED: none was given, or the
  //   receipt's session has less than what it takes; see StepUpRequired.
  //   PERMISSION_DENIED, reasons PROOF_REFUSED, RECEIPT_REFUSED, SESSION_ENDED.
  //   INVALID_ARGUMENT: with a ticket, parameters that choose a secret.
  absl::StatusOr<Permit> CheckBind(Plan& plan, record::v1::MemberRecord& member,
                                   absl::string_view factor_type,
                                   const v1::FactorParameters& parameters,
                                   const v1::Proof& proof) const;

  // A proof for the removal of an active enrollment of the member. Errors as
  // CheckBind.
  absl::Status CheckRemove(Plan& plan, record::v1::MemberRecord& member,
                           const record::v1::EnrollmentRecord& enrollment,
                           const v1::Proof& proof) const;

  // A receipt of another, active owner or admin of the account, at the binding
  // level and age: the member id of that person.
  //   PERMISSION_DENIED, reason NOT_A_RECOVERER; FAILED_PRECONDITION, reason
  //   STEP_UP_REQUIRED.
  absl::StatusOr<std::string> CheckRecoverer(Plan& plan,
                                             absl::string_view account_id,
                                             absl::string_view member_id,
                                             absl::string_view receipt) const;

 private:
  const factors::FactorRegistry& registry_;
  const Sessions& sessions_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_BINDING_GUARD_H_
