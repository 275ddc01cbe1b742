#include "services/engine/binding_guard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/v1/sign_in.pb.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/recovery_records.h"
#include "services/engine/rules.h"
#include "services/engine/sign_in_policy.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::SessionRecord;
using ::cofactor::record::v1::SignInRecord;
using ::cofactor::record::v1::StepRecord;

// Whether the member has a factor that the policy counts, in whatever state but
// pending.
bool HasFactor(const v1::Policy& policy, const MemberRecord& member) {
  return std::any_of(member.enrollments().begin(), member.enrollments().end(),
                     [&policy](const EnrollmentRecord& enrollment) {
                       return enrollment.confirmed() &&
                              IsAllowed(policy, enrollment.factor_type());
                     });
}

// The level that a session of the member has reached of late.
int FreshLevel(const Plan& plan, const v1::Policy& policy,
               const MemberRecord& member, const SessionRecord& session) {
  Steps steps;
  for (const StepRecord& step : session.steps()) {
    const bool is_active =
        std::any_of(member.enrollments().begin(), member.enrollments().end(),
                    [&step](const EnrollmentRecord& enrollment) {
                      return IsActive(enrollment) &&
                             enrollment.enrollment_id() == step.enrollment_id();
                    });
    if (is_active) *steps.Add() = step;
  }
  return ReachedLevel(policy, steps, plan.now() - BindingMaxAge(policy));
}

// The level that a sign-in takes: never less than that of the policy. One whose
// level the policy no longer has takes none.
int WantedBy(const v1::Policy& policy, const SignInRecord& sign_in) {
  const int least = SignInLevel(policy);
  if (sign_in.acr().empty()) return least;
  const int asked = LevelOf(policy, sign_in.acr());
  return asked == kNoLevel ? kNoLevel : std::max(asked, least);
}

absl::Status NeedsLevel(const v1::Policy& policy, int level) {
  return StepUpRequired(AcrOf(policy, level), BindingMaxAge(policy));
}

// What a member binds by a ticket has to be known to nobody else. A password is
// typed by the person; a seed or a hash that comes from elsewhere is not.
absl::Status CheckChoosesNoSecret(const v1::FactorParameters& parameters) {
  constexpr absl::string_view kWhy =
      "must not be set with a ticket: nobody can choose a secret for somebody "
      "else";
  if (!parameters.totp().secret().empty()) {
    return InvalidField("parameters.totp.secret", kWhy);
  }
  if (!parameters.password().imported_hash().empty()) {
    return InvalidField("parameters.password.imported_hash", kWhy);
  }
  // Nobody here knows what it says.
  if (parameters.has_custom()) {
    return InvalidField("parameters.custom", kWhy);
  }
  return absl::OkStatus();
}

// Restores what the audit log tells of, as those who are read to check a proof
// are not those whom the call is about.
class AuditSubject {
 public:
  explicit AuditSubject(Plan& plan) : plan_(plan), kept_(plan.audit()) {}
  AuditSubject(const AuditSubject&) = delete;
  AuditSubject& operator=(const AuditSubject&) = delete;
  ~AuditSubject() { plan_.audit() = std::move(kept_); }

 private:
  Plan& plan_;
  record::v1::AuditRecord kept_;
};

}  // namespace

int BindingGuard::ReachableLevelOf(const v1::Policy& policy,
                                   const MemberRecord& member) const {
  return ReachableLevel(policy, ConfirmedOf(policy, registry_, member));
}

int BindingGuard::DemandedLevel(const v1::Policy& policy,
                                const MemberRecord& member) const {
  const int reachable = ReachableLevelOf(policy, member);
  // With factors that reach no level at all nothing is proven by them: it takes
  // a sign-in that may bind, or a ticket.
  return reachable == kNoLevel ? BindingLevel(policy)
                               : std::min(BindingLevel(policy), reachable);
}

absl::StatusOr<SessionRecord> BindingGuard::SessionOf(
    Plan& plan, absl::string_view account_id, absl::string_view receipt) const {
  const AuditSubject subject(plan);
  return sessions_.OfReceipt(plan, account_id, receipt);
}

absl::StatusOr<BindingGuard::Permit> BindingGuard::CheckBind(
    Plan& plan, const MemberRecord& member,
    const factors::FactorDescriptor& factor,
    const v1::FactorParameters& parameters, const v1::Proof& proof) const {
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, member.account_id()));
  const v1::Policy& policy = policies.enforced;
  if (policies.is_set && !IsAllowed(policy, factor.type_id)) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "FACTOR_NOT_ALLOWED",
                     "the policy of the account does not allow this factor: "
                     "GetPolicy tells which it does");
  }
  const bool demanded = policies.is_set && HasFactor(policy, member);
  Permit permit;
  permit.suffices_alone =
      ReachableLevel(policy, {{"", registry_.Find(factor.type_id)}}) >=
      SignInLevel(policy);
  switch (proof.proof_case()) {
    case v1::Proof::kReceipt: {
      ASSIGN_OR_RETURN(const SessionRecord session,
                       SessionOf(plan, member.account_id(), proof.receipt()));
      if (session.member_id() != member.member_id()) {
        return ProofRefused("the receipt is not one of the member");
      }
      const int wanted = DemandedLevel(policy, member);
      if (demanded && FreshLevel(plan, policy, member, session) < wanted) {
        return NeedsLevel(policy, wanted);
      }
      plan.audit().set_note(absl::StrCat("session ", session.session_id()));
      return permit;
    }
    case v1::Proof::kSignInId:
      RETURN_IF_ERROR(CheckSignIn(plan, policy, demanded, member, factor,
                                  proof.sign_in_id()));
      permit.sign_in_id = proof.sign_in_id();
      plan.audit().set_note(absl::StrCat("sign-in ", permit.sign_in_id));
      return permit;
    case v1::Proof::kEnrollmentTicket: {
      RETURN_IF_ERROR(CheckChoosesNoSecret(parameters));
      ASSIGN_OR_RETURN(const std::string recovery_id,
                       UseTicket(plan, member, proof.enrollment_ticket()));
      permit.recovery = true;
      plan.audit().set_note(absl::StrCat("recovery ", recovery_id));
      return permit;
    }
    case v1::Proof::PROOF_NOT_SET:
      if (demanded) return NeedsLevel(policy, DemandedLevel(policy, member));
      return permit;
  }
  return ProofRefused("the proof is of no known kind");
}

absl::Status BindingGuard::CheckSignIn(Plan& plan, const v1::Policy& policy,
                                       bool demanded,
                                       const MemberRecord& member,
                                       const factors::FactorDescriptor& factor,
                                       absl::string_view sign_in_id) const {
  RETURN_IF_ERROR(CheckId("proof.sign_in_id", sign_in_id));
  ASSIGN_OR_RETURN(const auto stored,
                   plan.Read<SignInRecord>(SignInKey(sign_in_id)));
  const SignInRecord& sign_in = stored.record;
  const bool may_bind =
      stored.exists() && sign_in.account_id() == member.account_id() &&
      sign_in.member_id() == member.member_id() &&
      sign_in.client_id() == plan.caller().client_id() &&
      sign_in.state() == v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED &&
      plan.now() < absl::FromUnixMicros(sign_in.expire_micros()) &&
      IsStillGranted(member, sign_in.member_create_micros(),
                     sign_in.session_generation(), plan.now());
  if (!may_bind) {
    return ProofRefused(
        "the sign-in is not one of this member and client that waits for an "
        "enrollment");
  }
  if (!demanded) return absl::OkStatus();
  // One that is locked, or was confirmed meanwhile, is there to be used.
  if (ReachableLevelOf(policy, member) >= WantedBy(policy, sign_in)) {
    return ProofRefused(
        "the member has the factors that this sign-in takes: go on with them, "
        "or have the member recovered");
  }
  if (factor.single && HasConfirmed(member, factor.type_id)) {
    return ProofRefused(
        "the member has this factor, and a sign-in replaces none: give a "
        "receipt");
  }
  return absl::OkStatus();
}

absl::Status BindingGuard::CheckRemove(Plan& plan, const MemberRecord& member,
                                       const EnrollmentRecord& enrollment,
                                       const v1::Proof& proof) const {
  if (!enrollment.confirmed()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, member.account_id()));
  const v1::Policy& policy = policies.enforced;
  if (proof.proof_case() == v1::Proof::PROOF_NOT_SET) {
    return policies.is_set ? NeedsLevel(policy, DemandedLevel(policy, member))
                           : absl::OkStatus();
  }
  if (!proof.has_receipt()) {
    return ProofRefused(
        "a sign-in or a ticket removes nothing: give a receipt of the member, "
        "or of an owner or admin");
  }
  ASSIGN_OR_RETURN(const SessionRecord session,
                   SessionOf(plan, member.account_id(), proof.receipt()));
  if (session.member_id() == member.member_id()) {
    const int wanted = DemandedLevel(policy, member);
    if (policies.is_set && FreshLevel(plan, policy, member, session) < wanted) {
      return NeedsLevel(policy, wanted);
    }
  } else {
    RETURN_IF_ERROR(
        CheckRecovererSession(plan, policy, session, member.member_id())
            .status());
  }
  plan.audit().set_note(absl::StrCat("session ", session.session_id(), " of ",
                                     session.member_id()));
  return absl::OkStatus();
}

absl::StatusOr<BindingGuard::Recoverer> BindingGuard::CheckRecoverer(
    Plan& plan, absl::string_view account_id, absl::string_view member_id,
    absl::string_view receipt) const {
  ASSIGN_OR_RETURN(const Policies policies, ReadPolicies(plan, account_id));
  if (receipt.empty()) {
    return NeedsLevel(policies.enforced, BindingLevel(policies.enforced));
  }
  ASSIGN_OR_RETURN(const SessionRecord session,
                   SessionOf(plan, account_id, receipt));
  return CheckRecovererSession(plan, policies.enforced, session, member_id);
}

absl::StatusOr<BindingGuard::Recoverer> BindingGuard::CheckRecovererSession(
    Plan& plan, const v1::Policy& policy, const SessionRecord& session,
    absl::string_view member_id) const {
  ASSIGN_OR_RETURN(const auto recoverer,
                   plan.Read<MemberRecord>(
                       MemberKey(session.account_id(), session.member_id())));
  if (!recoverer.exists() || session.member_id() == member_id ||
      !MayRecover(recoverer.record, plan.now())) {
    return MakeError(absl::StatusCode::kPermissionDenied, "NOT_A_RECOVERER",
                     "the receipt is not that of another, active owner or "
                     "admin of the account");
  }
  // Whoever gives others a way in has to be as strong as the account asks for,
  // whatever factors they have.
  const int wanted = BindingLevel(policy);
  if (FreshLevel(plan, policy, recoverer.record, session) < wanted) {
    return NeedsLevel(policy, wanted);
  }
  return Recoverer{recoverer.record.member_id(),
                   recoverer.record.create_micros()};
}

}  // namespace cofactor::services
