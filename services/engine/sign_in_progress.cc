#include "services/engine/sign_in_progress.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/challenge_records.h"
#include "services/engine/lookup.h"
#include "services/engine/remembered_devices.h"
#include "services/engine/rules.h"
#include "services/engine/sign_in_answers.h"
#include "services/engine/sign_in_records.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::SessionRecord;
using ::cofactor::record::v1::SignInRecord;
using ::cofactor::record::v1::StepRecord;

using Disclosure = ChallengeEngine::Disclosure;

// Of a challenge, unless the sign-in ends before.
constexpr absl::Duration kChallengeLifetime = absl::Minutes(5);
constexpr absl::Duration kShortestChallengeLifetime = absl::Seconds(30);

// Another factor can be asked instead: nobody can be asked by this one now.
bool IsAboutOneFactor(const absl::Status& status) {
  return absl::IsResourceExhausted(status) ||
         absl::IsFailedPrecondition(status);
}

bool IsOfFactor(const Candidate& candidate, absl::string_view factor_type) {
  return candidate.factor->descriptor().type_id == factor_type;
}

// Whether a session lacks one of the steps, or has it from an earlier time.
bool BringsNews(const Steps& steps, const SessionRecord& session) {
  return std::any_of(
      steps.begin(), steps.end(), [&session](const StepRecord& step) {
        return std::none_of(session.steps().begin(), session.steps().end(),
                            [&step](const StepRecord& known) {
                              return known.enrollment_id() ==
                                         step.enrollment_id() &&
                                     known.time_micros() >= step.time_micros();
                            });
      });
}

// Says in the audit log how a sign-in ended.
void TellOfEnd(Plan& plan, const SignInRecord& sign_in,
               const v1::Session& session) {
  std::vector<std::string> names;
  for (const StepRecord& step : sign_in.steps()) {
    names.push_back(step.remembered_device_id().empty() ? step.factor_type()
                                                        : "remembered device");
  }
  std::string& note = *plan.audit().mutable_note();
  absl::StrAppend(
      &note, note.empty() ? "" : "; ",
      sign_in.session_id().empty() ? "signs in at " : "steps up to ",
      session.acr().empty() ? "no level" : session.acr(), " by ",
      absl::StrJoin(names, ", "));
}

// What a person who picks an option needs to see of it.
v1::Enrollment OptionOf(const MemberRecord& member,
                        const EnrollmentRecord& enrollment, absl::Time now) {
  v1::Enrollment view = services::ViewOf(member, enrollment, now);
  view.clear_consecutive_failures();
  view.clear_create_time();
  view.clear_confirm_time();
  view.clear_last_verify_time();
  return view;
}

}  // namespace

int LevelOfSignIn(const v1::Policy& policy, absl::string_view acr) {
  const int least = SignInLevel(policy);
  if (acr.empty()) return least;
  const int asked = LevelOf(policy, acr);
  return asked == kNoLevel ? kNoLevel : std::max(asked, least);
}

SignInScene SignInProgress::SceneOf(const Plan& plan,
                                    const SignInWork& work) const {
  return {work.policies.enforced, registry_,  work.member.record,
          work.record.steps(),    work.level, plan.now()};
}

absl::Status SignInProgress::Advance(Plan& plan, absl::string_view factor_type,
                                     SignInWork& work) const {
  const SignInScene scene = SceneOf(plan, work);
  const bool is_step_up = !work.record.session_id().empty();
  if (IsReached(scene, is_step_up)) return Finish(plan, work);
  Ways ways = FindWays(scene);
  if (ways.none()) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "NO_FACTOR_LEFT",
        "no factor of the member can go on to the level that is wanted: bind "
        "one that can, or unlock one, and if all is lost, let an owner or "
        "admin of the account start a recovery");
  }
  RETURN_IF_ERROR(LetGoOfChallenge(plan, work.record));
  if (ways.enrollments.empty()) {
    work.record.set_state(v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED);
    return absl::OkStatus();
  }
  work.record.set_state(v1::SIGN_IN_STATE_OPEN);
  std::stable_partition(ways.enrollments.begin(), ways.enrollments.end(),
                        [factor_type](const Candidate& candidate) {
                          return IsOfFactor(candidate, factor_type);
                        });
  for (const Candidate& candidate : ways.enrollments) {
    if (!candidate.factor->descriptor().needs_challenge) break;
    Plan::Savepoint before = plan.Save();
    const absl::Status started = StartOf(plan, candidate, work);
    if (started.ok()) break;
    if (!IsAboutOneFactor(started)) return started;
    plan.RollBack(std::move(before));
  }
  return absl::OkStatus();
}

absl::Status SignInProgress::Ask(Plan& plan, absl::string_view enrollment_id,
                                 absl::string_view factor_type,
                                 SignInWork& work) const {
  const std::vector<Candidate> answerable = FindAnswerable(SceneOf(plan, work));
  const auto wanted = std::find_if(
      answerable.begin(), answerable.end(), [&](const Candidate& candidate) {
        return (enrollment_id.empty() ||
                candidate.enrollment_id == enrollment_id) &&
               (factor_type.empty() || IsOfFactor(candidate, factor_type));
      });
  if (wanted == answerable.end()) return NotAnOption();
  RETURN_IF_ERROR(LetGoOfChallenge(plan, work.record));
  work.record.set_state(v1::SIGN_IN_STATE_OPEN);
  if (!wanted->factor->descriptor().needs_challenge) return absl::OkStatus();
  if (!enrollment_id.empty()) {
    return Start(plan, enrollment_id, "", Disclosure::kAlways, work);
  }
  return StartOf(plan, *wanted, work);
}

absl::Status SignInProgress::AskUnknown(Plan& plan,
                                        absl::string_view enrollment_id,
                                        absl::string_view factor_type,
                                        SignInWork& work) const {
  if (factor_type.empty()) {
    return InvalidField("factor_type",
                        "is required before the first right answer");
  }
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, factor_type));
  RETURN_IF_ERROR(CheckAllowed(work.policies.enforced, factor_type));
  RETURN_IF_ERROR(LetGoOfChallenge(plan, work.record));
  if (!factor->descriptor().needs_challenge) return absl::OkStatus();
  RETURN_IF_ERROR(
      Start(plan, enrollment_id, factor_type, Disclosure::kNever, work));
  // What is approved on a device later has to be of the member of now.
  ASSIGN_OR_RETURN(const auto member, FindMember(plan, work.record.account_id(),
                                                 work.record.member_id()));
  if (member.exists()) BindToMember(member.record, work.record);
  return absl::OkStatus();
}

absl::Status SignInProgress::StartOf(Plan& plan, const Candidate& candidate,
                                     SignInWork& work) const {
  const factors::FactorDescriptor& descriptor = candidate.factor->descriptor();
  // Any device of the member may answer, unless one of them has done so
  // already.
  const bool any_device =
      descriptor.prompts &&
      std::none_of(work.record.steps().begin(), work.record.steps().end(),
                   [&descriptor](const StepRecord& step) {
                     return step.factor_type() == descriptor.type_id;
                   });
  return Start(plan, any_device ? "" : candidate.enrollment_id,
               descriptor.type_id, Disclosure::kAlways, work);
}

absl::Status SignInProgress::Start(Plan& plan, absl::string_view enrollment_id,
                                   absl::string_view factor_type,
                                   Disclosure disclosure,
                                   SignInWork& work) const {
  SignInRecord& record = work.record;
  v1::CreateChallengeRequest request;
  request.set_account_id(record.account_id());
  request.set_member_id(record.member_id());
  request.set_enrollment_id(std::string(enrollment_id));
  request.set_factor_type(std::string(factor_type));
  request.set_purpose(std::string(kSignInPurpose));
  if (!request.mutable_details()->ParseFromString(record.details())) {
    return absl::DataLossError("the details of a sign-in are damaged");
  }
  const absl::Duration left =
      absl::FromUnixMicros(record.expire_micros()) - plan.now();
  request.mutable_lifetime()->set_seconds(absl::ToInt64Seconds(std::max(
      std::min(kChallengeLifetime, left), kShortestChallengeLifetime)));
  v1::CreateChallengeResponse response;
  RETURN_IF_ERROR(
      challenges_.StartChallenge(plan, request, disclosure, response));
  record.set_challenge_id(response.challenge().challenge_id());
  work.number = Secret(absl::string_view(response.number()));
  Wipe(*response.mutable_number());
  return absl::OkStatus();
}

absl::Status SignInProgress::Finish(Plan& plan, SignInWork& work) const {
  SignInRecord& record = work.record;
  const v1::Policy& policy = work.policies.enforced;
  v1::Grant grant;
  if (record.session_id().empty()) {
    ASSIGN_OR_RETURN(grant, sessions_.Create(plan, work.member.record, policy,
                                             record.steps()));
  } else {
    ASSIGN_OR_RETURN(SessionRecord session,
                     sessions_.ReadLive(plan, record.session_id()));
    if (!BringsNews(record.steps(), session)) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       "NOTHING_TO_STEP_UP",
                       "the session has reached that level already, and its "
                       "proofs are new enough: go on with it");
    }
    ASSIGN_OR_RETURN(grant, sessions_.StepUp(plan, std::move(session), policy,
                                             record.steps()));
  }
  // A device that was remembered does not make itself remembered anew.
  const bool may_remember =
      !record.remember_device_name().empty() &&
      policy.has_remembered_devices() &&
      ReachedLevel(policy, record.steps()) >= SignInLevel(policy);
  if (may_remember) {
    ASSIGN_OR_RETURN(
        const Secret token,
        RememberDevice(plan, work.member.record, policy,
                       record.remember_device_name(), randomness_));
    grant.set_remembered_device_token(std::string(token.ExposeSecret()));
  }
  RETURN_IF_ERROR(LetGoOfChallenge(plan, record));
  record.set_state(v1::SIGN_IN_STATE_COMPLETE);
  TellOfEnd(plan, record, grant.session());
  work.grant = std::move(grant);
  return absl::OkStatus();
}

absl::StatusOr<v1::SignIn> SignInProgress::ViewOf(
    Plan& plan, const SignInWork& work) const {
  const SignInRecord& record = work.record;
  const bool is_open = IsOpen(record, plan.now());
  v1::SignIn view;
  view.set_sign_in_id(record.sign_in_id());
  view.set_account_id(record.account_id());
  view.set_member_id(record.member_id());
  view.set_state(StateOf(record, plan.now()));
  view.set_acr(work.level == kNoLevel
                   ? record.acr()
                   : AcrOf(work.policies.enforced, work.level));
  for (const StepRecord& step : record.steps()) {
    *view.add_steps() = services::ViewOf(step);
  }
  *view.mutable_create_time() =
      ToTimestamp(absl::FromUnixMicros(record.create_micros()));
  *view.mutable_expire_time() =
      ToTimestamp(absl::FromUnixMicros(record.expire_micros()));
  if (!is_open) return view;
  view.set_attempts_left(kSignInAttempts - record.failures());
  ASSIGN_OR_RETURN(const auto challenge, ReadChallengeOf(plan, record));
  if (challenge.exists() &&
      !IsFinal(services::StateOf(challenge.record, plan.now()))) {
    *view.mutable_challenge() = VisibleView(plan, challenge.record);
  }
  if (!IsBegun(record)) return view;
  const Ways ways = FindWays(SceneOf(plan, work));
  for (const Candidate& candidate : ways.enrollments) {
    const auto& enrollments = work.member.record.enrollments();
    const auto enrollment = std::find_if(
        enrollments.begin(), enrollments.end(),
        [&candidate](const EnrollmentRecord& enrollment) {
          return enrollment.enrollment_id() == candidate.enrollment_id;
        });
    *view.add_options() = OptionOf(work.member.record, *enrollment, plan.now());
  }
  if (view.state() != v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED) return view;
  for (const std::string& type : ways.enrollable_factor_types) {
    view.add_enrollable_factor_types(type);
  }
  return view;
}

}  // namespace cofactor::services
