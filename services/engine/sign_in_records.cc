#include "services/engine/sign_in_records.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "factors/push/signed_bytes.h"
#include "services/engine/challenge_records.h"
#include "services/engine/keys.h"
#include "services/engine/rules.h"
#include "services/engine/sessions.h"

namespace cofactor::services {

using ::cofactor::record::v1::ChallengeRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::SignInRecord;
using ::cofactor::record::v1::StepRecord;

absl::StatusOr<Stored<SignInRecord>> ReadSignIn(Plan& plan,
                                                absl::string_view sign_in_id) {
  ASSIGN_OR_RETURN(auto sign_in,
                   plan.Read<SignInRecord>(SignInKey(sign_in_id)));
  if (!sign_in.exists() ||
      sign_in.record.client_id() != plan.caller().client_id() ||
      !plan.caller().MayTouch(sign_in.record.account_id())) {
    return MakeError(absl::StatusCode::kNotFound, "SIGN_IN_NOT_FOUND",
                     "this client has no such sign-in, or it ended long ago: "
                     "start one with StartSignIn");
  }
  plan.audit().set_account_id(sign_in.record.account_id());
  plan.audit().set_member_id(sign_in.record.member_id());
  return sign_in;
}

void WriteSignIn(Plan& plan, SignInRecord& sign_in) {
  plan.Write(SignInKey(sign_in.sign_in_id()), sign_in,
             absl::FromUnixMicros(sign_in.expire_micros()) + kSignInRetention);
}

v1::SignInState StateOf(const SignInRecord& sign_in, absl::Time now) {
  const auto state = static_cast<v1::SignInState>(sign_in.state());
  const bool waits = state == v1::SIGN_IN_STATE_OPEN ||
                     state == v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED;
  return waits && now >= absl::FromUnixMicros(sign_in.expire_micros())
             ? v1::SIGN_IN_STATE_EXPIRED
             : state;
}

bool IsOpen(const SignInRecord& sign_in, absl::Time now) {
  const v1::SignInState state = StateOf(sign_in, now);
  return state == v1::SIGN_IN_STATE_OPEN ||
         state == v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED;
}

absl::Status SignInOver(v1::SignInState state) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "SIGN_IN_OVER",
      absl::StrCat("the sign-in is over, as ", v1::SignInState_Name(state),
                   ": start a new one with StartSignIn"));
}

absl::Status CheckOpen(const SignInRecord& sign_in, absl::Time now) {
  return IsOpen(sign_in, now) ? absl::OkStatus()
                              : SignInOver(StateOf(sign_in, now));
}

bool IsBegun(const SignInRecord& sign_in) {
  return !sign_in.steps().empty() || !sign_in.session_id().empty();
}

void BindToMember(const MemberRecord& member, SignInRecord& sign_in) {
  if (sign_in.member_create_micros() != 0) return;
  sign_in.set_member_create_micros(member.create_micros());
  sign_in.set_session_generation(member.session_generation());
}

bool IsStillBound(const MemberRecord& member, const SignInRecord& sign_in,
                  absl::Time now) {
  return sign_in.member_create_micros() != 0 &&
         IsStillGranted(member, sign_in.member_create_micros(),
                        sign_in.session_generation(), now);
}

void DropDeadSteps(MemberRecord& member, SignInRecord& sign_in) {
  auto& steps = *sign_in.mutable_steps();
  steps.erase(std::remove_if(steps.begin(), steps.end(),
                             [&member](const StepRecord& step) {
                               if (step.enrollment_id().empty()) return false;
                               const EnrollmentRecord* enrollment =
                                   FindEnrollment(member, step.enrollment_id());
                               return enrollment == nullptr ||
                                      !IsActive(*enrollment);
                             }),
              steps.end());
}

bool HasStepOf(const SignInRecord& sign_in, absl::string_view enrollment_id) {
  return std::any_of(sign_in.steps().begin(), sign_in.steps().end(),
                     [enrollment_id](const StepRecord& step) {
                       return step.enrollment_id() == enrollment_id;
                     });
}

absl::StatusOr<Stored<ChallengeRecord>> ReadChallengeOf(
    Plan& plan, const SignInRecord& sign_in) {
  if (sign_in.challenge_id().empty()) return Stored<ChallengeRecord>();
  return plan.Read<ChallengeRecord>(ChallengeKey(sign_in.challenge_id()));
}

absl::Status LetGoOfChallenge(Plan& plan, SignInRecord& sign_in) {
  ASSIGN_OR_RETURN(auto challenge, ReadChallengeOf(plan, sign_in));
  sign_in.clear_challenge_id();
  if (challenge.exists() && !IsFinal(StateOf(challenge.record, plan.now()))) {
    EndChallenge(challenge.record, v1::CHALLENGE_STATE_CANCELLED, plan.now());
    WriteChallenge(plan, challenge.record);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> DigestOfDetails(const ChallengeRecord& challenge) {
  if (challenge.details().empty()) return std::string();
  ASSIGN_OR_RETURN(const v1::ChallengeDetails details, DetailsOf(challenge));
  return factors::push::DetailsDigest(challenge.purpose(), details);
}

}  // namespace cofactor::services
