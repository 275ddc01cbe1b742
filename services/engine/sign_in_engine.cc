#include "services/engine/sign_in_engine.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/challenge_records.h"
#include "services/engine/input.h"
#include "services/engine/lookup.h"
#include "services/engine/policies.h"
#include "services/engine/remembered_devices.h"
#include "services/engine/rules.h"
#include "services/engine/shadow_policy.h"
#include "services/engine/sign_in_records.h"
#include "services/engine/sign_in_ways.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::SessionRecord;
using ::cofactor::record::v1::SignInRecord;
using ::cofactor::record::v1::StepRecord;

using Kind = SignInAnswer::Kind;

constexpr size_t kMaxAcrBytes = 64;

absl::Status CheckFields(const factors::FactorRegistry& registry,
                         const v1::StartSignInRequest& request) {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  if (request.receipt().empty()) {
    RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  } else {
    RETURN_IF_ERROR(CheckOptionalId("member_id", request.member_id()));
    if (!request.password().empty()) {
      return InvalidField("password", "has no place beside a receipt");
    }
  }
  RETURN_IF_ERROR(CheckText("acr", request.acr(), kMaxAcrBytes));
  RETURN_IF_ERROR(CheckText("remember_device_name",
                            request.remember_device_name(), kMaxNameBytes));
  RETURN_IF_ERROR(CheckDetails(request.details()));
  if (!request.factor_type().empty()) {
    RETURN_IF_ERROR(FindFactor(registry, request.factor_type()).status());
  }
  if (request.has_max_age()) {
    ASSIGN_OR_RETURN(const absl::Duration max_age,
                     ToDuration("max_age", request.max_age()));
    if (max_age < absl::ZeroDuration()) {
      return InvalidField("max_age", "must not be negative");
    }
  }
  return absl::OkStatus();
}

// How old what a session has proven may be.
absl::StatusOr<absl::Duration> MaxAge(const v1::StartSignInRequest& request) {
  if (!request.has_max_age()) return absl::InfiniteDuration();
  return ToDuration("max_age", request.max_age());
}

// An enrollment that was begun for the sign-in and answers for the first time;
// empty: none.
std::string BegunFor(const SignInWork& work,
                     const v1::ContinueSignInRequest& request) {
  for (const EnrollmentRecord& enrollment : work.member.record.enrollments()) {
    const bool is_named =
        (request.enrollment_id().empty() ||
         request.enrollment_id() == enrollment.enrollment_id()) &&
        (request.factor_type().empty() ||
         request.factor_type() == enrollment.factor_type());
    if (is_named && !enrollment.confirmed() &&
        enrollment.sign_in_id() == work.record.sign_in_id()) {
      return enrollment.enrollment_id();
    }
  }
  return "";
}

bool HasResponse(const v1::ContinueSignInRequest& request) {
  return request.response().response_case() !=
         v1::FactorResponse::RESPONSE_NOT_SET;
}

bool IsNamed(const std::vector<std::string>& types, absl::string_view type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace

absl::StatusOr<SignInWork> SignInEngine::NewWork(
    Plan& plan, const v1::StartSignInRequest& request) const {
  SignInWork work;
  ASSIGN_OR_RETURN(work.policies, ReadPolicies(plan, request.account_id()));
  work.level = LevelOfSignIn(work.policies.enforced, request.acr());
  if (work.level == kNoLevel) {
    return InvalidField("acr",
                        "is no level of the account's policy: GetPolicy tells "
                        "which there are");
  }
  SignInRecord& record = work.record;
  record.set_sign_in_id(randomness_.DrawId());
  record.set_account_id(request.account_id());
  record.set_member_id(request.member_id());
  record.set_client_id(plan.caller().client_id());
  record.set_state(v1::SIGN_IN_STATE_OPEN);
  record.set_acr(request.acr());
  request.details().SerializeToString(record.mutable_details());
  record.set_remember_device_name(request.remember_device_name());
  record.set_create_micros(absl::ToUnixMicros(plan.now()));
  record.set_expire_micros(absl::ToUnixMicros(plan.now() + kSignInLifetime));
  return work;
}

absl::Status SignInEngine::StartSignIn(
    Plan& plan, const v1::StartSignInRequest& request,
    v1::StartSignInResponse& response) const {
  RETURN_IF_ERROR(CheckFields(registry_, request));
  plan.audit().set_account_id(request.account_id());
  plan.audit().set_member_id(request.member_id());
  ASSIGN_OR_RETURN(SignInWork work, NewWork(plan, request));
  record::v1::AuditRecord told = plan.audit();
  if (!request.receipt().empty()) {
    RETURN_IF_ERROR(TakeSession(plan, request, work));
    told.set_member_id(work.record.member_id());
    response.set_verified(true);
    RETURN_IF_ERROR(progress_.Advance(plan, request.factor_type(), work));
  } else if (!request.password().empty()) {
    ASSIGN_OR_RETURN(const SignInAnswer answer,
                     answers_.TakePassword(
                         plan, work.policies.enforced, request.account_id(),
                         request.member_id(), request.password()));
    response.set_verified(answer.kind == Kind::kRight);
    response.set_reason(answer.reason);
    // Nothing of the member is told, and there is nothing to go on with.
    if (!response.verified()) return absl::OkStatus();
    RETURN_IF_ERROR(AddStep(plan, answer.step, work));
    RETURN_IF_ERROR(TakeDevice(plan, request.remembered_device_token(), work));
    told = plan.audit();
    RETURN_IF_ERROR(GoOn(plan, request.factor_type(), work));
  } else if (!request.factor_type().empty()) {
    RETURN_IF_ERROR(
        progress_.AskUnknown(plan, "", request.factor_type(), work));
  }
  // What was asked next is not what this call decided about.
  if (work.grant.has_value()) told.set_note(plan.audit().note());
  plan.audit() = std::move(told);
  WriteSignIn(plan, work.record);
  ASSIGN_OR_RETURN(*response.mutable_sign_in(), progress_.ViewOf(plan, work));
  response.set_number(std::string(work.number.ExposeSecret()));
  if (work.grant.has_value()) {
    *response.mutable_grant() = *std::move(work.grant);
  }
  return absl::OkStatus();
}

absl::Status SignInEngine::TakeSession(Plan& plan,
                                       const v1::StartSignInRequest& request,
                                       SignInWork& work) const {
  ASSIGN_OR_RETURN(
      const SessionRecord session,
      sessions_.OfReceipt(plan, request.account_id(), request.receipt()));
  if (session.client_id() != plan.caller().client_id()) {
    return MakeError(absl::StatusCode::kPermissionDenied, "RECEIPT_REFUSED",
                     "the receipt is of a session of another client");
  }
  if (!request.member_id().empty() &&
      request.member_id() != session.member_id()) {
    return InvalidField("member_id",
                        "is not whose session it is: leave it empty");
  }
  ASSIGN_OR_RETURN(const absl::Duration asked_max_age, MaxAge(request));
  const absl::Duration max_age =
      std::min(asked_max_age, LevelMaxAge(work.policies.enforced, work.level));
  SignInRecord& record = work.record;
  record.set_member_id(session.member_id());
  record.set_session_id(session.session_id());
  if (max_age != absl::InfiniteDuration()) {
    record.set_max_age_micros(
        std::max<int64_t>(absl::ToInt64Microseconds(max_age), 1));
  }
  for (const StepRecord& step : session.steps()) {
    // A remembered device stands in at a sign-in alone.
    if (!step.enrollment_id().empty() &&
        plan.now() - absl::FromUnixMicros(step.time_micros()) <= max_age) {
      *record.add_steps() = step;
    }
  }
  ASSIGN_OR_RETURN(work.member,
                   ReadMember(plan, session.account_id(), session.member_id()));
  BindToMember(work.member.record, record);
  DropDeadSteps(work.member.record, record);
  return absl::OkStatus();
}

absl::Status SignInEngine::TakeDevice(Plan& plan, const std::string& token,
                                      SignInWork& work) const {
  const v1::Policy& policy = work.policies.enforced;
  if (token.empty() || !policy.has_remembered_devices() ||
      IsReached(progress_.SceneOf(plan, work), /*is_step_up=*/false)) {
    return absl::OkStatus();
  }
  Plan::Savepoint before = plan.Save();
  ASSIGN_OR_RETURN(
      const std::optional<std::string> device_id,
      UseRememberedDevice(plan, work.member.record, policy, token));
  if (!device_id.has_value()) return absl::OkStatus();
  StepRecord& step = *work.record.add_steps();
  step.set_remembered_device_id(*device_id);
  step.set_time_micros(absl::ToUnixMicros(plan.now()));
  if (!IsReached(progress_.SceneOf(plan, work), /*is_step_up=*/false)) {
    // It does not help here, so that it was not used.
    work.record.mutable_steps()->RemoveLast();
    plan.RollBack(std::move(before));
  }
  return absl::OkStatus();
}

absl::StatusOr<SignInWork> SignInEngine::Resume(Plan& plan,
                                                SignInRecord record) const {
  SignInWork work;
  work.record = std::move(record);
  ASSIGN_OR_RETURN(work.policies, ReadPolicies(plan, work.record.account_id()));
  work.level = LevelOfSignIn(work.policies.enforced, work.record.acr());
  if (work.level == kNoLevel) return SignInOver(v1::SIGN_IN_STATE_FAILED);
  if (!IsBegun(work.record)) return work;
  ASSIGN_OR_RETURN(work.member, FindMember(plan, work.record.account_id(),
                                           work.record.member_id()));
  if (!work.member.exists() ||
      !IsStillBound(work.member.record, work.record, plan.now())) {
    return SignInOver(v1::SIGN_IN_STATE_FAILED);
  }
  if (!work.record.session_id().empty()) {
    RETURN_IF_ERROR(
        sessions_.ReadLive(plan, work.record.session_id()).status());
  }
  DropDeadSteps(work.member.record, work.record);
  return work;
}

absl::Status SignInEngine::ContinueSignIn(
    Plan& plan, const v1::ContinueSignInRequest& request,
    v1::ContinueSignInResponse& response) const {
  RETURN_IF_ERROR(CheckId("sign_in_id", request.sign_in_id()));
  RETURN_IF_ERROR(CheckOptionalId("enrollment_id", request.enrollment_id()));
  if (!request.factor_type().empty()) {
    RETURN_IF_ERROR(FindFactor(registry_, request.factor_type()).status());
  }
  ASSIGN_OR_RETURN(auto stored, ReadSignIn(plan, request.sign_in_id()));
  RETURN_IF_ERROR(CheckOpen(stored.record, plan.now()));
  const std::string before = stored.record.SerializeAsString();
  ASSIGN_OR_RETURN(SignInWork work, Resume(plan, std::move(stored.record)));
  const bool asks =
      !request.enrollment_id().empty() || !request.factor_type().empty();
  if (!HasResponse(request) && asks) {
    RETURN_IF_ERROR(IsBegun(work.record)
                        ? progress_.Ask(plan, request.enrollment_id(),
                                        request.factor_type(), work)
                        : progress_.AskUnknown(plan, request.enrollment_id(),
                                               request.factor_type(), work));
  } else {
    ASSIGN_OR_RETURN(const SignInAnswer answer,
                     TakeAnswer(plan, request, work));
    response.set_verified(answer.kind == Kind::kRight);
    response.set_reason(answer.reason);
    record::v1::AuditRecord told = plan.audit();
    RETURN_IF_ERROR(Count(plan, answer, work));
    // What was asked next is not what this call decided about.
    if (work.grant.has_value()) told.set_note(plan.audit().note());
    plan.audit() = std::move(told);
  }
  // A look that finds nothing leaves no trace.
  if (work.record.SerializeAsString() != before) WriteSignIn(plan, work.record);
  ASSIGN_OR_RETURN(*response.mutable_sign_in(), progress_.ViewOf(plan, work));
  response.set_number(std::string(work.number.ExposeSecret()));
  if (work.grant.has_value()) {
    *response.mutable_grant() = *std::move(work.grant);
  }
  return absl::OkStatus();
}

absl::StatusOr<SignInAnswer> SignInEngine::TakeAnswer(
    Plan& plan, const v1::ContinueSignInRequest& request,
    SignInWork& work) const {
  const v1::Policy& policy = work.policies.enforced;
  const bool is_begun = IsBegun(work.record);
  std::vector<Candidate> answerable;
  if (is_begun) answerable = FindAnswerable(progress_.SceneOf(plan, work));
  const std::vector<Candidate>* const options =
      is_begun ? &answerable : nullptr;
  if (!HasResponse(request))
    return answers_.Look(plan, policy, options, work.record);
  if (work.record.state() == v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED &&
      is_begun) {
    const std::string begun = BegunFor(work, request);
    const Ways ways = FindWays(progress_.SceneOf(plan, work));
    if (!begun.empty() && !ways.enrollable_factor_types.empty()) {
      const EnrollmentRecord* enrollment =
          FindEnrollment(work.member.record, begun);
      if (!IsNamed(ways.enrollable_factor_types, enrollment->factor_type())) {
        return NotAnOption();
      }
      return answers_.TakeFirst(plan, request, begun, work.record);
    }
  }
  return answers_.Take(plan, policy, request, options, work.record);
}

absl::Status SignInEngine::Count(Plan& plan, const SignInAnswer& answer,
                                 SignInWork& work) const {
  SignInRecord& record = work.record;
  switch (answer.kind) {
    case Kind::kRight:
      RETURN_IF_ERROR(AddStep(plan, answer.step, work));
      return GoOn(plan, "", work);
    case Kind::kWrong:
      record.set_failures(record.failures() + 1);
      if (record.failures() < kSignInAttempts) return absl::OkStatus();
      record.set_state(v1::SIGN_IN_STATE_FAILED);
      return LetGoOfChallenge(plan, record);
    case Kind::kRefused:
      record.set_state(v1::SIGN_IN_STATE_FAILED);
      return LetGoOfChallenge(plan, record);
    case Kind::kVoid:
      return absl::OkStatus();
    case Kind::kNone:
      break;
  }
  // A device that was bound by itself can be asked now, and a policy that asks
  // for less may have come to hold.
  const bool goes_on =
      IsBegun(record) &&
      (record.state() == v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED ||
       IsReached(progress_.SceneOf(plan, work), !record.session_id().empty()));
  return goes_on ? progress_.Advance(plan, "", work) : absl::OkStatus();
}

absl::Status SignInEngine::AddStep(Plan& plan, const StepRecord& step,
                                   SignInWork& work) const {
  SignInRecord& record = work.record;
  ASSIGN_OR_RETURN(work.member,
                   ReadMember(plan, record.account_id(), record.member_id()));
  BindToMember(work.member.record, record);
  if (!IsStillBound(work.member.record, record, plan.now())) {
    return SignInOver(v1::SIGN_IN_STATE_FAILED);
  }
  if (!HasStepOf(record, step.enrollment_id())) *record.add_steps() = step;
  // A new enrollment may have taken the place of one that has answered.
  DropDeadSteps(work.member.record, record);
  return absl::OkStatus();
}

absl::Status SignInEngine::GoOn(Plan& plan, absl::string_view factor_type,
                                SignInWork& work) const {
  RETURN_IF_ERROR(progress_.Advance(plan, factor_type, work));
  SignInDecision decision;
  decision.sign_in_id = work.record.sign_in_id();
  decision.member_id = work.record.member_id();
  decision.wanted_acr = work.record.acr();
  decision.complete = work.record.state() == v1::SIGN_IN_STATE_COMPLETE;
  NoteShadowDifference(plan, work.policies, work.record.steps(), decision);
  return absl::OkStatus();
}

absl::Status SignInEngine::GetSignIn(Plan& plan,
                                     const v1::GetSignInRequest& request,
                                     v1::GetSignInResponse& response) const {
  RETURN_IF_ERROR(CheckId("sign_in_id", request.sign_in_id()));
  ASSIGN_OR_RETURN(auto stored, ReadSignIn(plan, request.sign_in_id()));
  SignInWork work;
  if (IsOpen(stored.record, plan.now())) {
    SignInRecord copy = stored.record;
    absl::StatusOr<SignInWork> resumed = Resume(plan, std::move(copy));
    if (absl::IsFailedPrecondition(resumed.status()) ||
        absl::IsPermissionDenied(resumed.status())) {
      // The next call would find it over.
      stored.record.set_state(v1::SIGN_IN_STATE_FAILED);
    } else {
      ASSIGN_OR_RETURN(work, std::move(resumed));
    }
  }
  if (work.record.sign_in_id().empty()) {
    work.record = std::move(stored.record);
    ASSIGN_OR_RETURN(work.policies,
                     ReadPolicies(plan, work.record.account_id()));
    work.level = LevelOfSignIn(work.policies.enforced, work.record.acr());
  }
  ASSIGN_OR_RETURN(*response.mutable_sign_in(), progress_.ViewOf(plan, work));
  return absl::OkStatus();
}

absl::Status SignInEngine::CancelSignIn(
    Plan& plan, const v1::CancelSignInRequest& request,
    v1::CancelSignInResponse& response) const {
  RETURN_IF_ERROR(CheckId("sign_in_id", request.sign_in_id()));
  ASSIGN_OR_RETURN(auto stored, ReadSignIn(plan, request.sign_in_id()));
  RETURN_IF_ERROR(CheckOpen(stored.record, plan.now()));
  SignInWork work;
  work.record = std::move(stored.record);
  ASSIGN_OR_RETURN(work.policies, ReadPolicies(plan, work.record.account_id()));
  work.level = LevelOfSignIn(work.policies.enforced, work.record.acr());
  RETURN_IF_ERROR(LetGoOfChallenge(plan, work.record));
  work.record.set_state(v1::SIGN_IN_STATE_CANCELLED);
  WriteSignIn(plan, work.record);
  ASSIGN_OR_RETURN(*response.mutable_sign_in(), progress_.ViewOf(plan, work));
  return absl::OkStatus();
}

}  // namespace cofactor::services
