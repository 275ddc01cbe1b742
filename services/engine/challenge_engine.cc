#include "services/engine/challenge_engine.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/rules.h"
#include "services/engine/trial.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ChallengeRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;

constexpr size_t kMaxPurposeBytes = 128;
constexpr int kMaxDetailFields = 16;
constexpr size_t kMaxDetailBytes = 256;

constexpr absl::Duration kDefaultLifetime = absl::Minutes(5);
constexpr absl::Duration kShortestLifetime = absl::Seconds(30);
constexpr absl::Duration kLongestLifetime = absl::Minutes(15);

absl::Status CheckDetails(const v1::ChallengeDetails& details) {
  RETURN_IF_ERROR(CheckText("details.title", details.title(), kMaxDetailBytes));
  RETURN_IF_ERROR(
      CheckText("details.amount", details.amount(), kMaxDetailBytes));
  RETURN_IF_ERROR(CheckText("details.payee", details.payee(), kMaxDetailBytes));
  if (static_cast<int>(details.fields().size()) > kMaxDetailFields) {
    return InvalidField(
        "details.fields",
        absl::StrCat("want at most ", kMaxDetailFields, " entries"));
  }
  for (const auto& [label, value] : details.fields()) {
    RETURN_IF_ERROR(CheckText("details.fields", label, kMaxDetailBytes));
    RETURN_IF_ERROR(CheckText("details.fields", value, kMaxDetailBytes));
  }
  return absl::OkStatus();
}

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
    Plan& plan, const v1::CreateChallengeRequest& request,
    MemberRecord& member) {
  if (!request.enrollment_id().empty()) {
    ASSIGN_OR_RETURN(
        const EnrollmentRecord* enrollment,
        FindExistingEnrollment(plan, member, request.enrollment_id()));
    const bool is_of_factor =
        request.factor_type().empty() ||
        request.factor_type() == enrollment->factor_type();
    // Whoever may not know members is not to learn by this error that there is
    // the enrollment, and that its member is active.
    if (!is_of_factor && plan.caller().MayKnowMembers()) {
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

absl::Status CheckOpen(const ChallengeRecord& challenge, absl::Time now) {
  const v1::ChallengeState state = StateOf(challenge, now);
  if (!IsFinal(state)) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "CHALLENGE_FINAL",
      absl::StrCat("the challenge ended as ", v1::ChallengeState_Name(state),
                   ": create a new one"));
}

void End(ChallengeRecord& challenge, v1::ChallengeState state, absl::Time now) {
  challenge.set_state(state);
  challenge.set_end_micros(absl::ToUnixMicros(now));
}

absl::Time RetainedUntil(const ChallengeRecord& challenge) {
  return absl::FromUnixMicros(challenge.expire_micros()) + kChallengeRetention;
}

v1::Challenge View(const Plan& plan, const ChallengeRecord& challenge) {
  v1::Challenge view = ViewOf(challenge, plan.now());
  if (challenge.has_delivery()) {
    *view.mutable_delivery() = ViewOf(plan, challenge.delivery());
  }
  // As the delivery, it would tell that there is somebody.
  if (view.state() == v1::CHALLENGE_STATE_DELIVERED &&
      !plan.caller().MayKnowMembers()) {
    view.set_state(v1::CHALLENGE_STATE_PENDING);
  }
  return view;
}

void WriteChallenge(Plan& plan, ChallengeRecord& challenge) {
  plan.Write(ChallengeKey(challenge.challenge_id()), challenge,
             RetainedUntil(challenge));
}

}  // namespace

absl::Status ChallengeEngine::CreateChallenge(
    Plan& plan, const v1::CreateChallengeRequest& request,
    v1::CreateChallengeResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  RETURN_IF_ERROR(CheckOptionalId("enrollment_id", request.enrollment_id()));
  if (request.purpose().empty()) {
    return InvalidField("purpose", "is required, as \"sign-in\"");
  }
  RETURN_IF_ERROR(CheckText("purpose", request.purpose(), kMaxPurposeBytes));
  RETURN_IF_ERROR(CheckDetails(request.details()));
  if (request.enrollment_id().empty()) {
    RETURN_IF_ERROR(FindFactor(registry_, request.factor_type()).status());
  }
  ASSIGN_OR_RETURN(const absl::Duration lifetime, Lifetime(request));
  ASSIGN_OR_RETURN(const Challenged challenged, WhomToAsk(plan, request));
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, challenged.factor_type));

  ChallengeRecord challenge;
  challenge.set_challenge_id(randomness_.DrawId());
  challenge.set_account_id(request.account_id());
  challenge.set_member_id(request.member_id());
  // A challenge that was started for one enrollment is bound to it.
  if (!request.enrollment_id().empty() ||
      factor->descriptor().needs_challenge) {
    challenge.set_enrollment_id(challenged.enrollment_id);
  }
  challenge.set_factor_type(challenged.factor_type);
  challenge.set_decoy(challenged.decoy);
  challenge.set_purpose(request.purpose());
  request.details().SerializeToString(challenge.mutable_details());
  challenge.set_state(v1::CHALLENGE_STATE_PENDING);
  challenge.set_create_micros(absl::ToUnixMicros(plan.now()));
  challenge.set_expire_micros(absl::ToUnixMicros(plan.now() + lifetime));
  RETURN_IF_ERROR(StartOn(plan, challenged.state, challenge));
  plan.audit().set_challenge_id(challenge.challenge_id());
  plan.audit().set_enrollment_id(challenge.enrollment_id());
  plan.audit().set_factor_type(challenge.factor_type());
  WriteChallenge(plan, challenge);
  plan.WriteMark(ChallengeListKey(challenge.account_id(), challenge.member_id(),
                                  challenge.challenge_id()),
                 RetainedUntil(challenge));
  *response.mutable_challenge() = View(plan, challenge);
  return absl::OkStatus();
}

absl::Status ChallengeEngine::StartOn(Plan& plan,
                                      const factors::FactorState& state,
                                      ChallengeRecord& challenge) const {
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, challenge.factor_type()));
  ASSIGN_OR_RETURN(factors::StartedChallenge started,
                   factor->StartChallenge(state, plan.now(), randomness_));
  challenge.set_factor_state(std::string(started.state.ExposeSecret()));
  if (challenge.decoy()) {
    if (!factor->descriptor().sends_messages) return absl::OkStatus();
    return messages_.PlanDecoy(plan, *challenge.mutable_delivery());
  }
  if (started.messages.empty()) return absl::OkStatus();
  return messages_.PlanSend(
      plan,
      {challenge.account_id(), challenge.member_id(), challenge.challenge_id(),
       "", absl::FromUnixMicros(challenge.expire_micros())},
      std::move(started.messages), *challenge.mutable_delivery());
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
  RETURN_IF_ERROR(StartOn(plan, state, challenge));
  WriteChallenge(plan, challenge);
  *response.mutable_challenge() = View(plan, challenge);
  return absl::OkStatus();
}

absl::StatusOr<ChallengeEngine::Challenged> ChallengeEngine::WhomToAsk(
    Plan& plan, const v1::CreateChallengeRequest& request) const {
  absl::StatusOr<Challenged> challenged = FindWhomToAsk(plan, request);
  if (plan.caller().MayKnowMembers() ||
      !(absl::IsNotFound(challenged.status()) ||
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
    Plan& plan, const v1::CreateChallengeRequest& request) const {
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  RETURN_IF_ERROR(CheckMayVerify(member.record, plan.now()));
  ASSIGN_OR_RETURN(const EnrollmentRecord* enrollment,
                   PickEnrollment(plan, request, member.record));
  Challenged challenged;
  challenged.enrollment_id = enrollment->enrollment_id();
  challenged.factor_type = enrollment->factor_type();
  challenged.state = FactorStateOf(*enrollment);
  return challenged;
}

absl::Status ChallengeEngine::GetChallenge(
    Plan& plan, const v1::GetChallengeRequest& request,
    v1::GetChallengeResponse& response) const {
  RETURN_IF_ERROR(CheckId("challenge_id", request.challenge_id()));
  ASSIGN_OR_RETURN(const auto challenge,
                   ReadChallenge(plan, request.challenge_id()));
  *response.mutable_challenge() = View(plan, challenge.record);
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
      *response.add_challenges() = View(plan, challenge.record);
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
  End(challenge.record, v1::CHALLENGE_STATE_CANCELLED, plan.now());
  WriteChallenge(plan, challenge.record);
  *response.mutable_challenge() = View(plan, challenge.record);
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
  RETURN_IF_ERROR(CheckOpen(challenge.record, plan.now()));
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, challenge.record.factor_type()));
  RETURN_IF_ERROR(factor->CheckResponse(request.response(), "response.code"));
  ASSIGN_OR_RETURN(const v1::VerificationReason reason,
                   Judge(plan, *factor, challenge.record, request, response));
  if (reason == v1::VERIFICATION_REASON_UNSPECIFIED) {
    End(challenge.record, v1::CHALLENGE_STATE_APPROVED, plan.now());
    response.set_verified(true);
    RETURN_IF_ERROR(messages_.CountVerified(plan, challenge.record.delivery()));
  } else {
    challenge.record.set_failures(challenge.record.failures() + 1);
    if (challenge.record.failures() >= kChallengeAttempts) {
      End(challenge.record, v1::CHALLENGE_STATE_FAILED, plan.now());
    }
  }
  response.set_reason(Decide(plan, response.verified(), reason));
  WriteChallenge(plan, challenge.record);
  *response.mutable_challenge() = View(plan, challenge.record);
  return absl::OkStatus();
}

absl::StatusOr<v1::VerificationReason> ChallengeEngine::Judge(
    Plan& plan, const factors::Factor& factor, const ChallengeRecord& challenge,
    const v1::VerifyChallengeRequest& request,
    v1::VerifyChallengeResponse& response) const {
  if (request.account_id() != challenge.account_id() ||
      request.member_id() != challenge.member_id() ||
      request.purpose() != challenge.purpose() ||
      (!challenge.enrollment_id().empty() && !request.enrollment_id().empty() &&
       request.enrollment_id() != challenge.enrollment_id())) {
    return v1::VERIFICATION_REASON_WRONG_CODE;
  }
  ASSIGN_OR_RETURN(auto member, FindMember(plan, challenge.account_id(),
                                           challenge.member_id()));
  const Secret challenge_state{absl::string_view(challenge.factor_state())};
  ASSIGN_OR_RETURN(const v1::ChallengeDetails details, DetailsOf(challenge));
  const factors::ChallengeContext context{
      challenge.challenge_id(), challenge.purpose(), details,
      absl::FromUnixMicros(challenge.expire_micros()), challenge_state};
  const Trial trial{factor, request.response(), &context, plan.now(),
                    challenge.decoy() || !MayVerify(member.record, plan.now())};
  // A wrong answer to a decoy counts as that to any other challenge does: the
  // member may be there after all, suspended or asked for another enrollment.
  ASSIGN_OR_RETURN(
      TrialResult result,
      TryActive(trial,
                challenge.enrollment_id().empty() ? request.enrollment_id()
                                                  : challenge.enrollment_id(),
                member.record));
  if (result.nothing_to_try) {
    ASSIGN_OR_RETURN(result, decoys_.Try(plan, trial, challenge.account_id(),
                                         challenge.member_id()));
  } else {
    decoys_.Touch(plan, trial, challenge.account_id(), challenge.member_id());
    WriteTrial(plan, member.record, result);
  }
  if (result.verified) {
    *response.mutable_enrollment() =
        BriefViewOf(member.record, *result.enrollment, plan.now());
    plan.audit().set_enrollment_id(result.enrollment->enrollment_id());
  }
  return result.reason;
}

}  // namespace cofactor::services
