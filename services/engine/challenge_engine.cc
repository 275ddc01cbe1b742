#include "services/engine/challenge_engine.h"

#include <optional>
#include <string>
#include <utility>

#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/challenge_records.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/prompts.h"
#include "services/engine/rules.h"
#include "services/engine/trial.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ChallengeRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;

constexpr absl::Duration kDefaultLifetime = absl::Minutes(5);
constexpr absl::Duration kShortestLifetime = absl::Seconds(30);
constexpr absl::Duration kLongestLifetime = absl::Minutes(15);

// What a challenge for nobody is said to be for if the request does not say.
constexpr absl::string_view kDecoyFactorType = "totp";

absl::StatusOr<absl::Duration> Lifetime(
    const v1::CreateChallengeRequest& request) {
  if (!request.has_lifetime()) return kDefaultLifetime;
  ASSIGN_OR_RETURN(const absl::Duration lifetime,
                   ToDuration("lifetime", request.lifetime()));
  if (lifetime < kShortestLifetime || lifetime > kLongestLifetime) {
    return InvalidField("lifetime", "want 30 s to 15 min");
  }
  return lifetime;
}

// The enrollment that a new challenge is started for: the one that is named, or
// the first active one of the factor.
absl::StatusOr<const EnrollmentRecord*> PickEnrollment(
    Plan& plan, const v1::CreateChallengeRequest& request, bool told,
    MemberRecord& member) {
  if (!request.enrollment_id().empty()) {
    ASSIGN_OR_RETURN(
        const EnrollmentRecord* enrollment,
        FindExistingEnrollment(plan, member, request.enrollment_id()));
    const bool is_of_factor =
        request.factor_type().empty() ||
        request.factor_type() == enrollment->factor_type();
    // Others are not to learn by this error that there is the enrollment, and
    // that its member is active.
    if (!is_of_factor && told) {
      return InvalidField("factor_type",
                          "is not the factor of enrollment_id: leave one of "
                          "them empty");
    }
    if (is_of_factor && IsActive(*enrollment)) return enrollment;
  } else {
    for (const EnrollmentRecord& enrollment : member.enrollments()) {
      if (enrollment.factor_type() == request.factor_type() &&
          IsActive(enrollment)) {
        return &enrollment;
      }
    }
  }
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   "NO_ACTIVE_ENROLLMENT",
                   "the member has no active enrollment that could answer: "
                   "begin and confirm one");
}

// How an answer came about for the audit log.
void TellOfRefusal(Plan& plan, const factors::Refusal& refusal) {
  plan.audit().set_note(refusal.reason);
  plan.audit().set_lock_began(refusal.reported);
}

}  // namespace

absl::Status ChallengeEngine::CreateChallenge(
    Plan& plan, const v1::CreateChallengeRequest& request,
    v1::CreateChallengeResponse& response) const {
  return StartChallenge(plan, request, Disclosure::kByScope, response);
}

absl::Status ChallengeEngine::StartChallenge(
    Plan& plan, const v1::CreateChallengeRequest& request,
    Disclosure disclosure, v1::CreateChallengeResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  RETURN_IF_ERROR(CheckOptionalId("enrollment_id", request.enrollment_id()));
  RETURN_IF_ERROR(CheckPurpose(request.purpose()));
  RETURN_IF_ERROR(CheckDetails(request.details()));
  if (request.enrollment_id().empty()) {
    RETURN_IF_ERROR(FindFactor(registry_, request.factor_type()).status());
  }
  ASSIGN_OR_RETURN(const absl::Duration lifetime, Lifetime(request));
  const bool told =
      disclosure == Disclosure::kAlways ||
      (disclosure == Disclosure::kByScope && plan.caller().MayKnowMembers());
  ASSIGN_OR_RETURN(Challenged challenged, WhomToAsk(plan, request, told));
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, challenged.factor_type));

  const factors::FactorDescriptor& descriptor = factor->descriptor();

  ChallengeRecord challenge;
  challenge.set_challenge_id(randomness_.DrawId());
  challenge.set_account_id(request.account_id());
  challenge.set_member_id(request.member_id());
  // A challenge that was started for one enrollment is bound to it; a prompt is
  // for all devices unless it names one.
  if (!request.enrollment_id().empty() ||
      (descriptor.needs_challenge && !descriptor.prompts)) {
    challenge.set_enrollment_id(challenged.enrollment_id);
  }
  challenge.set_factor_type(challenged.factor_type);
  challenge.set_decoy(challenged.decoy);
  challenge.set_purpose(request.purpose());
  request.details().SerializeToString(challenge.mutable_details());
  challenge.set_state(v1::CHALLENGE_STATE_PENDING);
  challenge.set_create_micros(absl::ToUnixMicros(plan.now()));
  challenge.set_expire_micros(absl::ToUnixMicros(plan.now() + lifetime));
  ASSIGN_OR_RETURN(const Secret number,
                   StartOn(plan, challenged.state, challenge));
  if (descriptor.prompts) {
    RETURN_IF_ERROR(Prompt(plan, *factor, challenge, challenged));
  }
  plan.audit().set_challenge_id(challenge.challenge_id());
  plan.audit().set_enrollment_id(challenge.enrollment_id());
  plan.audit().set_factor_type(challenge.factor_type());
  WriteChallenge(plan, challenge);
  plan.WriteMark(ChallengeListKey(challenge.account_id(), challenge.member_id(),
                                  challenge.challenge_id()),
                 RetainedUntil(challenge));
  *response.mutable_challenge() = VisibleView(plan, challenge);
  response.set_number(std::string(number.ExposeSecret()));
  return absl::OkStatus();
}

absl::Status ChallengeEngine::Prompt(Plan& plan, const factors::Factor& factor,
                                     const ChallengeRecord& challenge,
                                     Challenged& challenged) const {
  const std::string& account_id = challenge.account_id();
  const std::string& member_id = challenge.member_id();
  std::string before;
  if (challenged.decoy) {
    ASSIGN_OR_RETURN(before, decoys_.Prompt(plan, factor, account_id, member_id,
                                            challenge.challenge_id()));
  } else {
    MemberRecord& member = challenged.member.record;
    ASSIGN_OR_RETURN(before, TakePrompt(member, challenge.factor_type(),
                                        challenge.challenge_id(), plan.now()));
    decoys_.Touch(plan, account_id, member_id, challenge.factor_type());
    plan.Write(MemberKey(account_id, member_id), member);
    RETURN_IF_ERROR(WakeUp(plan, factor, challenge, member));
  }
  if (before.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(auto superseded,
                   plan.Read<ChallengeRecord>(ChallengeKey(before)));
  if (superseded.exists() && !IsFinal(StateOf(superseded.record, plan.now()))) {
    EndChallenge(superseded.record, v1::CHALLENGE_STATE_SUPERSEDED, plan.now());
    WriteChallenge(plan, superseded.record);
  }
  return absl::OkStatus();
}

absl::Status ChallengeEngine::WakeUp(Plan& plan, const factors::Factor& factor,
                                     const ChallengeRecord& challenge,
                                     const MemberRecord& member) const {
  for (const EnrollmentRecord& enrollment : member.enrollments()) {
    const bool may_answer =
        enrollment.factor_type() == challenge.factor_type() &&
        IsActive(enrollment) &&
        (challenge.enrollment_id().empty() ||
         challenge.enrollment_id() == enrollment.enrollment_id());
    if (!may_answer) continue;
    ASSIGN_OR_RETURN(std::optional<factors::OutgoingMessage> message,
                     factor.WakeUp(FactorStateOf(enrollment)));
    if (!message.has_value()) continue;
    messages_.PlanWakeUp(plan,
                         {challenge.account_id(), challenge.member_id(),
                          challenge.challenge_id(), enrollment.enrollment_id(),
                          absl::FromUnixMicros(challenge.expire_micros())},
                         *std::move(message));
  }
  return absl::OkStatus();
}

absl::StatusOr<Secret> ChallengeEngine::StartOn(
    Plan& plan, const factors::FactorState& state,
    ChallengeRecord& challenge) const {
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, challenge.factor_type()));
  ASSIGN_OR_RETURN(factors::StartedChallenge started,
                   factor->StartChallenge(state, plan.now(), randomness_));
  challenge.set_factor_state(std::string(started.state.ExposeSecret()));
  if (challenge.decoy()) {
    if (factor->descriptor().sends_messages) {
      RETURN_IF_ERROR(messages_.PlanDecoy(plan, *challenge.mutable_delivery()));
    }
  } else if (!started.messages.empty()) {
    RETURN_IF_ERROR(messages_.PlanSend(
        plan,
        {challenge.account_id(), challenge.member_id(),
         challenge.challenge_id(), "",
         absl::FromUnixMicros(challenge.expire_micros())},
        std::move(started.messages), *challenge.mutable_delivery()));
  }
  return std::move(started.number);
}

absl::Status ChallengeEngine::ResendChallenge(
    Plan& plan, const v1::ResendChallengeRequest& request,
    v1::ResendChallengeResponse& response) const {
  RETURN_IF_ERROR(CheckId("challenge_id", request.challenge_id()));
  ASSIGN_OR_RETURN(auto stored, ReadChallenge(plan, request.challenge_id()));
  ChallengeRecord& challenge = stored.record;
  RETURN_IF_ERROR(CheckOpen(challenge, plan.now()));
  if (!challenge.has_delivery()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_RESEND",
                     "the factor of this challenge sends no messages");
  }
  ASSIGN_OR_RETURN(auto member, FindMember(plan, challenge.account_id(),
                                           challenge.member_id()));
  const EnrollmentRecord* enrollment =
      FindEnrollment(member.record, challenge.enrollment_id());
  // Whom it was made for may be gone by now; the caller need not know.
  challenge.set_decoy(challenge.decoy() || enrollment == nullptr ||
                      !IsActive(*enrollment) ||
                      !MayVerify(member.record, plan.now()));
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, challenge.factor_type()));
  factors::FactorState state;
  if (challenge.decoy()) {
    ASSIGN_OR_RETURN(state, factor->DecoyState(randomness_));
  } else {
    state = FactorStateOf(*enrollment);
  }
  RETURN_IF_ERROR(StartOn(plan, state, challenge).status());
  WriteChallenge(plan, challenge);
  *response.mutable_challenge() = VisibleView(plan, challenge);
  return absl::OkStatus();
}

absl::StatusOr<ChallengeEngine::Challenged> ChallengeEngine::WhomToAsk(
    Plan& plan, const v1::CreateChallengeRequest& request, bool told) const {
  absl::StatusOr<Challenged> challenged = FindWhomToAsk(plan, request, told);
  if (told || !(absl::IsNotFound(challenged.status()) ||
                absl::IsFailedPrecondition(challenged.status()))) {
    return challenged;
  }
  Challenged decoy;
  decoy.decoy = true;
  decoy.factor_type = request.factor_type().empty()
                          ? std::string(kDecoyFactorType)
                          : request.factor_type();
  decoy.enrollment_id =
      request.enrollment_id().empty()
          ? decoys_.EnrollmentId(request.account_id(), request.member_id(),
                                 decoy.factor_type)
          : request.enrollment_id();
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, decoy.factor_type));
  ASSIGN_OR_RETURN(decoy.state, factor->DecoyState(randomness_));
  return decoy;
}

absl::StatusOr<ChallengeEngine::Challenged> ChallengeEngine::FindWhomToAsk(
    Plan& plan, const v1::CreateChallengeRequest& request, bool told) const {
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  RETURN_IF_ERROR(CheckMayVerify(member.record, plan.now()));
  ASSIGN_OR_RETURN(const EnrollmentRecord* enrollment,
                   PickEnrollment(plan, request, told, member.record));
  if (PromptsStopped(member.record, enrollment->factor_type())) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "PROMPTS_STOPPED",
                     "the person reported a challenge that was none of theirs: "
                     "find out who knows the password, then call "
                     "UnlockEnrollment");
  }
  Challenged challenged;
  challenged.enrollment_id = enrollment->enrollment_id();
  challenged.factor_type = enrollment->factor_type();
  challenged.state = FactorStateOf(*enrollment);
  challenged.member = std::move(member);
  return challenged;
}

absl::Status ChallengeEngine::GetChallenge(
    Plan& plan, const v1::GetChallengeRequest& request,
    v1::GetChallengeResponse& response) const {
  RETURN_IF_ERROR(CheckId("challenge_id", request.challenge_id()));
  ASSIGN_OR_RETURN(const auto challenge,
                   ReadChallenge(plan, request.challenge_id()));
  *response.mutable_challenge() = VisibleView(plan, challenge.record);
  return absl::OkStatus();
}

absl::Status ChallengeEngine::ListChallenges(
    Plan& plan, const v1::ListChallengesRequest& request,
    v1::ListChallengesResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckOptionalId("member_id", request.member_id()));
  RETURN_IF_ERROR(ReadAccount(plan, request.account_id()).status());
  const std::string prefix =
      ChallengeListPrefix(request.account_id(), request.member_id());
  ASSIGN_OR_RETURN(const Page page, ReadPage(plan, prefix, request.page_size(),
                                             request.page_token()));
  for (const storage::Entry& mark : page.entries) {
    const absl::string_view key = mark.key;
    ASSIGN_OR_RETURN(const auto challenge,
                     plan.Read<ChallengeRecord>(
                         ChallengeKey(key.substr(key.rfind('/') + 1))));
    if (challenge.exists()) {
      *response.add_challenges() = VisibleView(plan, challenge.record);
    }
  }
  response.set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

absl::Status ChallengeEngine::CancelChallenge(
    Plan& plan, const v1::CancelChallengeRequest& request,
    v1::CancelChallengeResponse& response) const {
  RETURN_IF_ERROR(CheckId("challenge_id", request.challenge_id()));
  ASSIGN_OR_RETURN(auto challenge, ReadChallenge(plan, request.challenge_id()));
  RETURN_IF_ERROR(CheckOpen(challenge.record, plan.now()));
  EndChallenge(challenge.record, v1::CHALLENGE_STATE_CANCELLED, plan.now());
  WriteChallenge(plan, challenge.record);
  *response.mutable_challenge() = VisibleView(plan, challenge.record);
  return absl::OkStatus();
}

absl::Status ChallengeEngine::VerifyChallenge(
    Plan& plan, const v1::VerifyChallengeRequest& request,
    v1::VerifyChallengeResponse& response) const {
  RETURN_IF_ERROR(CheckId("challenge_id", request.challenge_id()));
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  RETURN_IF_ERROR(CheckOptionalId("enrollment_id", request.enrollment_id()));
  ASSIGN_OR_RETURN(auto challenge, ReadChallenge(plan, request.challenge_id()));
  ASSIGN_OR_RETURN(
      const Outcome outcome,
      Take(plan,
           {request.account_id(), request.member_id(), request.enrollment_id(),
            request.purpose(), request.response(), "response.code"},
           challenge.record));
  response.set_verified(outcome.verified);
  response.set_reason(outcome.reason);
  *response.mutable_challenge() = VisibleView(plan, challenge.record);
  if (outcome.verified) *response.mutable_enrollment() = outcome.enrollment;
  return absl::OkStatus();
}

absl::Status ChallengeEngine::AnswerChallenge(
    Plan& plan, const v1::AnswerChallengeRequest& request,
    v1::AnswerChallengeResponse& response) const {
  RETURN_IF_ERROR(CheckId("challenge_id", request.challenge_id()));
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  RETURN_IF_ERROR(CheckId("enrollment_id", request.enrollment_id()));
  ASSIGN_OR_RETURN(auto challenge, ReadChallenge(plan, request.challenge_id()));
  v1::FactorResponse answer;
  *answer.mutable_push() = request.answer();
  // What a device was asked for is in what it signed.
  ASSIGN_OR_RETURN(
      const Outcome outcome,
      Take(plan,
           {request.account_id(), request.member_id(), request.enrollment_id(),
            challenge.record.purpose(), answer, "answer"},
           challenge.record));
  response.set_accepted(outcome.verified || outcome.refused);
  const v1::Challenge view = ViewOf(challenge.record, plan.now());
  response.set_state(view.state());
  response.set_attempts_left(view.attempts_left());
  return absl::OkStatus();
}

absl::StatusOr<ChallengeEngine::Outcome> ChallengeEngine::Take(
    Plan& plan, const Answer& answer, ChallengeRecord& challenge) const {
  RETURN_IF_ERROR(CheckOpen(challenge, plan.now()));
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, challenge.factor_type()));
  RETURN_IF_ERROR(factor->CheckResponse(answer.response, answer.code_field));
  Outcome outcome;
  if (answer.account_id != challenge.account_id() ||
      answer.member_id != challenge.member_id() ||
      answer.purpose != challenge.purpose() ||
      (!challenge.enrollment_id().empty() && !answer.enrollment_id.empty() &&
       answer.enrollment_id != challenge.enrollment_id())) {
    // An answer that does not belong to it is as wrong as a wrong code.
    outcome.reason = v1::VERIFICATION_REASON_WRONG_CODE;
  } else {
    ASSIGN_OR_RETURN(outcome, Judge(plan, *factor, challenge, answer));
  }
  if (outcome.verified) {
    EndChallenge(challenge, v1::CHALLENGE_STATE_APPROVED, plan.now());
    challenge.set_approving_enrollment_id(outcome.enrollment.enrollment_id());
    RETURN_IF_ERROR(messages_.CountVerified(plan, challenge.delivery()));
  } else if (outcome.refused) {
    EndChallenge(challenge, v1::CHALLENGE_STATE_DENIED, plan.now());
  } else {
    challenge.set_failures(challenge.failures() + 1);
    if (challenge.failures() >= kChallengeAttempts) {
      EndChallenge(challenge, v1::CHALLENGE_STATE_FAILED, plan.now());
    }
  }
  outcome.reason = Decide(plan, outcome.verified, outcome.reason);
  WriteChallenge(plan, challenge);
  return outcome;
}

absl::StatusOr<ChallengeEngine::Outcome> ChallengeEngine::Judge(
    Plan& plan, const factors::Factor& factor, const ChallengeRecord& challenge,
    const Answer& answer) const {
  ASSIGN_OR_RETURN(auto member, FindMember(plan, challenge.account_id(),
                                           challenge.member_id()));
  const Secret challenge_state{absl::string_view(challenge.factor_state())};
  ASSIGN_OR_RETURN(const v1::ChallengeDetails details, DetailsOf(challenge));
  const factors::ChallengeContext context{
      challenge.challenge_id(), challenge.purpose(), details,
      absl::FromUnixMicros(challenge.expire_micros()), challenge_state};
  const Trial trial{factor, answer.response, &context, plan.now(),
                    challenge.decoy() || !MayVerify(member.record, plan.now())};
  // A wrong answer to a decoy counts as that to any other challenge does: the
  // member may be there after all, suspended or asked for another enrollment.
  ASSIGN_OR_RETURN(
      TrialResult result,
      TryActive(trial,
                challenge.enrollment_id().empty() ? answer.enrollment_id
                                                  : challenge.enrollment_id(),
                member.record));
  const std::string& factor_type = challenge.factor_type();
  Outcome outcome;
  if (result.nothing_to_try) {
    ASSIGN_OR_RETURN(result, decoys_.Try(plan, trial, challenge.account_id(),
                                         challenge.member_id()));
  } else {
    if (result.verified && factor.descriptor().prompts) {
      PromptApproved(member.record, factor_type);
    }
    if (result.refusal.has_value() && result.refusal->reported) {
      StopPrompts(member.record, factor_type);
    }
    decoys_.Touch(plan, challenge.account_id(), challenge.member_id(),
                  factor_type);
    WriteTrial(plan, member.record, result);
    if (result.verified && notices_ != nullptr) {
      RETURN_IF_ERROR(
          notices_->TellOfUse(plan, factor.descriptor(), member.record));
    }
  }
  outcome.verified = result.verified;
  outcome.reason = result.reason;
  if (result.refusal.has_value()) {
    outcome.refused = true;
    outcome.reason = result.refusal->reported ? v1::VERIFICATION_REASON_REPORTED
                                              : v1::VERIFICATION_REASON_DENIED;
    TellOfRefusal(plan, *result.refusal);
  }
  if (result.enrollment != nullptr) {
    outcome.enrollment =
        result.attributes_changed
            ? ViewOf(member.record, *result.enrollment, plan.now())
            : BriefViewOf(member.record, *result.enrollment, plan.now());
    plan.audit().set_enrollment_id(result.enrollment->enrollment_id());
  }
  return outcome;
}

}  // namespace cofactor::services
