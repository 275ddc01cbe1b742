#ifndef COFACTOR_SERVICES_ENGINE_BINDING_GUARD_H_
#define COFACTOR_SERVICES_ENGINE_BINDING_GUARD_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
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
// level, or at the highest level below that all of the member's factors reach
// together; a member without a factor has nothing to prove with, and the
// backend vouches for it.
//
// A factor that is locked or disabled by wrong answers is there all the same:
// it neither opens the door nor lowers the level, as whoever guesses could do
// that to it. A step of a session counts only as long as the enrollment that
// it was made with is active: a stolen phone that was removed proves nothing.
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
    // By the policy of the account an answer of the factor alone signs in.
    bool suffices_alone = false;
  };

  // A proof for a new enrollment of the member. A ticket is used up by it. The
  // audit log tells what the proof was.
  //   FAILED_PRECONDITION, reason STEP_UP_REQUIRED: none was given, or the
  //   receipt's session has less than what it takes; see StepUpRequired.
  //   Reason FACTOR_NOT_ALLOWED: the policy does not have the factor.
  //   PERMISSION_DENIED, reasons PROOF_REFUSED, RECEIPT_REFUSED, SESSION_ENDED.
  //   INVALID_ARGUMENT: with a ticket, parameters that choose a secret.
  absl::StatusOr<Permit> CheckBind(Plan& plan,
                                   const record::v1::MemberRecord& member,
                                   const factors::FactorDescriptor& factor,
                                   const v1::FactorParameters& parameters,
                                   const v1::Proof& proof) const;

  // A proof for the removal of an enrollment of the member: one of the member,
  // or of another owner or admin as CheckRecoverer. A pending one takes none.
  // Errors as CheckBind.
  absl::Status CheckRemove(Plan& plan, const record::v1::MemberRecord& member,
                           const record::v1::EnrollmentRecord& enrollment,
                           const v1::Proof& proof) const;

  // Somebody who may bring others back.
  struct Recoverer {
    std::string member_id;
    int64_t create_micros = 0;
  };

  // A receipt of another, active owner or admin of the account, at the binding
  // level and age.
  //   PERMISSION_DENIED, reasons NOT_A_RECOVERER, RECEIPT_REFUSED,
  //   SESSION_ENDED; FAILED_PRECONDITION, reason STEP_UP_REQUIRED.
  absl::StatusOr<Recoverer> CheckRecoverer(Plan& plan,
                                           absl::string_view account_id,
                                           absl::string_view member_id,
                                           absl::string_view receipt) const;

 private:
  // The session of a receipt; nothing is said of whose it is.
  absl::StatusOr<record::v1::SessionRecord> SessionOf(
      Plan& plan, absl::string_view account_id,
      absl::string_view receipt) const;
  absl::StatusOr<Recoverer> CheckRecovererSession(
      Plan& plan, const v1::Policy& policy,
      const record::v1::SessionRecord& session,
      absl::string_view member_id) const;
  // demanded: a proof is; otherwise a given one is looked at all the same.
  absl::Status CheckSignIn(Plan& plan, const v1::Policy& policy, bool demanded,
                           const record::v1::MemberRecord& member,
                           const factors::FactorDescriptor& factor,
                           absl::string_view sign_in_id) const;
  // The highest level that all factors of the member could reach, were none
  // locked or disabled.
  int ReachableLevelOf(const v1::Policy& policy,
                       const record::v1::MemberRecord& member) const;
  // The level that a proof of the member has to reach.
  int DemandedLevel(const v1::Policy& policy,
                    const record::v1::MemberRecord& member) const;

  const factors::FactorRegistry& registry_;
  const Sessions& sessions_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_BINDING_GUARD_H_
