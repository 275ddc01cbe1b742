#include "services/engine/trial.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/v1/audit.pb.h"
#include "services/engine/enrollment_attributes.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/guess_budgets.h"
#include "services/engine/keys.h"
#include "services/engine/lock_rule.h"
#include "services/engine/lookup.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;

// An enrollment and what its factor says of the response.
struct Judged {
  EnrollmentRecord* enrollment;
  factors::Verdict verdict;
};

absl::StatusOr<factors::Verdict> Judge(const Trial& trial,
                                       const MemberRecord& member,
                                       const EnrollmentRecord& enrollment) {
  const factors::FactorState state = FactorStateOf(enrollment);
  const factors::Attempt attempt{
      state,
      trial.response,
      trial.challenge,
      trial.now,
      {member.account_id(), member.member_id(), enrollment.enrollment_id()}};
  ASSIGN_OR_RETURN(factors::Verdict verdict,
                   enrollment.confirmed()
                       ? trial.factor.Verify(attempt)
                       : trial.factor.ConfirmEnrollment(attempt));
  const factors::FactorDescriptor& descriptor = trial.factor.descriptor();
  const bool promise_broken =
      verdict.accepted &&
      ((descriptor.replay_guard == factors::ReplayGuard::kCounter &&
        !verdict.counter.has_value()) ||
       (descriptor.replay_guard == factors::ReplayGuard::kStateChange &&
        !verdict.new_state.has_value()) ||
       (descriptor.replay_guard == factors::ReplayGuard::kChallenge &&
        enrollment.confirmed() && trial.challenge == nullptr));
  const bool refuses_nothing = verdict.refusal.has_value() &&
                               (verdict.accepted || trial.challenge == nullptr);
  if (refuses_nothing) {
    return absl::InternalError(absl::StrCat("factor ", descriptor.type_id,
                                            " refused what nobody asked for"));
  }
  if (promise_broken) {
    return absl::InternalError(
        absl::StrCat("factor ", descriptor.type_id,
                     " accepted a response without its replay guard"));
  }
  return verdict;
}

// Whether the response was used before on this enrollment, or is older than one
// that was.
bool IsReplay(const Judged& judged) {
  return judged.verdict.counter.has_value() &&
         judged.enrollment->has_accepted_counter() &&
         *judged.verdict.counter <= judged.enrollment->accepted_counter();
}

// Writes down that the response is used up.
void UseUp(Judged& judged, TrialResult& result) {
  EnrollmentRecord& enrollment = *judged.enrollment;
  if (judged.verdict.counter.has_value()) {
    enrollment.set_accepted_counter(*judged.verdict.counter);
    enrollment.set_has_accepted_counter(true);
  }
  if (judged.verdict.new_state.has_value()) {
    SetFactorState(*judged.verdict.new_state, enrollment);
    result.acceptable_codes_changed |= judged.verdict.acceptable_codes_changed;
  }
  if (judged.verdict.new_attributes.has_value()) {
    SetAttributes(*judged.verdict.new_attributes, enrollment);
  }
}

// Returns whether one of them is locked now.
bool CountFailures(const std::vector<EnrollmentRecord*>& tried,
                   absl::Time now) {
  bool lock_began = false;
  for (EnrollmentRecord* enrollment : tried) {
    lock_began |= CountFailure(kEnrollmentLockRule, *enrollment, now);
    if (enrollment->consecutive_failures() >= kDisablingFailures) {
      enrollment->set_disabled(true);
    }
  }
  return lock_began;
}

bool Contains(const std::vector<EnrollmentRecord*>& enrollments,
              const EnrollmentRecord& enrollment) {
  return std::find(enrollments.begin(), enrollments.end(), &enrollment) !=
         enrollments.end();
}

// may_accept and tried: enrollments of member. The response is judged on all
// enrollments of the factor all the same, so that a code which fits several of
// them is used up in each, and a used one is found out; but not where nothing
// is ever used up.
absl::StatusOr<TrialResult> Try(
    const Trial& trial, const std::vector<EnrollmentRecord*>& may_accept,
    const std::vector<EnrollmentRecord*>& tried, MemberRecord& member) {
  const factors::FactorDescriptor& descriptor = trial.factor.descriptor();
  std::vector<Judged> fitting;
  for (EnrollmentRecord& enrollment : *member.mutable_enrollments()) {
    if (enrollment.factor_type() != descriptor.type_id) continue;
    // A challenge is started for one enrollment and means nothing to others.
    if (descriptor.needs_challenge && !Contains(may_accept, enrollment))
      continue;
    if (descriptor.replay_guard == factors::ReplayGuard::kNone &&
        !Contains(tried, enrollment)) {
      continue;
    }
    ASSIGN_OR_RETURN(factors::Verdict verdict,
                     Judge(trial, member, enrollment));
    if (verdict.refusal.has_value() && !trial.refuse &&
        Contains(may_accept, enrollment)) {
      TrialResult refused;
      refused.refusal = std::move(verdict.refusal);
      refused.enrollment = &enrollment;
      return refused;
    }
    if (verdict.accepted) fitting.push_back({&enrollment, std::move(verdict)});
  }

  TrialResult result;
  const auto accepting = std::find_if(
      fitting.begin(), fitting.end(), [&may_accept](const Judged& judged) {
        return Contains(may_accept, *judged.enrollment);
      });
  const bool replayed = std::any_of(fitting.begin(), fitting.end(), IsReplay);
  if (accepting == fitting.end() || replayed || trial.refuse) {
    result.reason = trial.refuse || may_accept.empty()
                        ? v1::VERIFICATION_REASON_NO_ENROLLMENT
                    : replayed ? v1::VERIFICATION_REASON_REPLAYED
                               : v1::VERIFICATION_REASON_WRONG_CODE;
    result.lock_began = CountFailures(tried, trial.now);
    return result;
  }

  for (Judged& judged : fitting) UseUp(judged, result);
  for (EnrollmentRecord* enrollment : tried) ForgetFailures(*enrollment);
  result.verified = true;
  result.enrollment = accepting->enrollment;
  result.attributes_changed = accepting->verdict.new_attributes.has_value();
  result.note = accepting->verdict.note;
  result.enrollment->set_last_verify_micros(absl::ToUnixMicros(trial.now));
  return result;
}

}  // namespace

absl::StatusOr<TrialResult> TryActive(const Trial& trial,
                                      absl::string_view enrollment_id,
                                      MemberRecord& member) {
  std::vector<EnrollmentRecord*> active;
  bool has_named = false;
  for (EnrollmentRecord& enrollment : *member.mutable_enrollments()) {
    if (enrollment.factor_type() != trial.factor.descriptor().type_id ||
        !IsActive(enrollment)) {
      continue;
    }
    active.push_back(&enrollment);
    has_named |= enrollment_id == enrollment.enrollment_id();
  }
  if (active.empty()) {
    TrialResult result;
    result.nothing_to_try = true;
    result.reason = v1::VERIFICATION_REASON_NO_ENROLLMENT;
    return result;
  }
  // A name that none of them has is a wrong answer to all: what is counted must
  // not tell that there is no such enrollment.
  const bool names_none = !enrollment_id.empty() && !has_named;
  std::vector<EnrollmentRecord*> may_accept;
  std::vector<EnrollmentRecord*> tried;
  bool all_locked = true;
  absl::Duration shortest_lock = absl::InfiniteDuration();
  for (EnrollmentRecord* enrollment : active) {
    const bool named =
        !has_named || enrollment_id == enrollment->enrollment_id();
    const absl::Duration lock = RemainingLock(*enrollment, trial.now);
    if (lock == absl::ZeroDuration()) {
      tried.push_back(enrollment);
      all_locked &= !named;
      if (named && !names_none) may_accept.push_back(enrollment);
    } else if (named) {
      shortest_lock = std::min(shortest_lock, lock);
    }
  }
  if (all_locked) return LockedError(shortest_lock);
  const std::string& factor_type = trial.factor.descriptor().type_id;
  RETURN_IF_ERROR(CheckMemberBudget(member, factor_type, trial.now));
  ASSIGN_OR_RETURN(TrialResult result, Try(trial, may_accept, tried, member));
  const bool failed = !result.verified && !result.refusal.has_value();
  if (failed) CountMemberFailure(member, factor_type, trial.now);
  return result;
}

v1::VerificationReason Decide(Plan& plan, bool verified,
                              v1::VerificationReason reason) {
  plan.audit().set_result(verified ? v1::AUDIT_RESULT_VERIFIED
                                   : v1::AUDIT_RESULT_NOT_VERIFIED);
  if (verified) return v1::VERIFICATION_REASON_UNSPECIFIED;
  plan.audit().set_reason(v1::VerificationReason_Name(reason));
  // An ambiguous code belongs to somebody, and does not tell to whom. That a
  // person refused shows in the state of the challenge too.
  if (plan.caller().MayKnowMembers() ||
      reason == v1::VERIFICATION_REASON_AMBIGUOUS ||
      reason == v1::VERIFICATION_REASON_DENIED ||
      reason == v1::VERIFICATION_REASON_REPORTED) {
    return reason;
  }
  return v1::VERIFICATION_REASON_WRONG_CODE;
}

absl::StatusOr<TrialResult> TryPending(const Trial& trial,
                                       EnrollmentRecord& enrollment,
                                       MemberRecord& member) {
  const absl::Duration lock = RemainingLock(enrollment, trial.now);
  if (lock > absl::ZeroDuration()) return LockedError(lock);
  return Try(trial, {&enrollment}, {&enrollment}, member);
}

void WriteTrial(Plan& plan, MemberRecord& member, const TrialResult& result) {
  plan.Write(MemberKey(member.account_id(), member.member_id()), member);
  plan.audit().set_lock_began(result.lock_began);
  if (!result.note.empty()) plan.audit().set_note(result.note);
  if (result.acceptable_codes_changed) ChangeRoster(plan, member.account_id());
}

}  // namespace cofactor::services
