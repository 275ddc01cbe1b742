#include "services/engine/support_engine.h"

#include <string>
#include <utility>

#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/guess_budgets.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lock_rule.h"
#include "services/engine/lookup.h"
#include "services/engine/prompts.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::CodeOnlyRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::RosterRecord;

v1::GuessBudget BudgetOf(const RollingWindow& window, const SpanCounts& counts,
                         uint32_t allowed, absl::Time now) {
  v1::GuessBudget budget;
  budget.set_failures(CountIn(window, counts, now));
  budget.set_allowed(allowed);
  const absl::Duration wait = TimeUntilFewer(window, counts, allowed, now);
  if (wait > absl::ZeroDuration()) {
    *budget.mutable_exhausted_until() = ToTimestamp(now + wait);
  }
  return budget;
}

// Empty if the enrollment can pass.
std::string WhyNot(const MemberRecord& member,
                   const v1::EnrollmentExplanation& explanation,
                   absl::Time now) {
  if (!MayVerify(member, now)) {
    return "the member is suspended or expired: see UpdateMember";
  }
  switch (explanation.enrollment().state()) {
    case v1::ENROLLMENT_STATE_PENDING:
      return "it is not confirmed yet: see ConfirmEnrollment";
    case v1::ENROLLMENT_STATE_DISABLED:
      return "it was disabled after 100 wrong answers in a row: bind a new one";
    case v1::ENROLLMENT_STATE_LOCKED:
      if (PromptsStopped(member, explanation.enrollment().factor_type())) {
        return "the person reported a challenge that was none of theirs: find "
               "out who knows the password, then see UnlockEnrollment";
      }
      return "it is locked until lock_expire_time: wait, or see "
             "UnlockEnrollment";
    default:
      break;
  }
  if (explanation.budget().has_exhausted_until()) {
    return "the member's budget for this factor is used up: use another "
           "factor, "
           "wait until exhausted_until, or see UnlockEnrollment.reset_budget";
  }
  return "";
}

v1::EnrollmentExplanation Explanation(const MemberRecord& member,
                                      const EnrollmentRecord& enrollment,
                                      absl::Time now) {
  v1::EnrollmentExplanation explanation;
  *explanation.mutable_enrollment() = BriefViewOf(member, enrollment, now);
  *explanation.mutable_budget() =
      BudgetOf(kMemberWindow, FailuresOf(member, enrollment.factor_type()),
               kMemberFailures, now);
  explanation.set_why_not(WhyNot(member, explanation, now));
  explanation.set_can_pass(explanation.why_not().empty());
  return explanation;
}

// Whether wrong answers are why it cannot pass.
bool IsLock(const v1::EnrollmentExplanation& explanation) {
  const v1::EnrollmentState state = explanation.enrollment().state();
  return state == v1::ENROLLMENT_STATE_LOCKED ||
         state == v1::ENROLLMENT_STATE_DISABLED ||
         (state == v1::ENROLLMENT_STATE_ACTIVE &&
          explanation.budget().has_exhausted_until());
}

}  // namespace

absl::Status SupportEngine::UnlockEnrollment(
    Plan& plan, const v1::UnlockEnrollmentRequest& request,
    v1::UnlockEnrollmentResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  RETURN_IF_ERROR(CheckId("enrollment_id", request.enrollment_id()));
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(
      EnrollmentRecord * enrollment,
      FindExistingEnrollment(plan, member.record, request.enrollment_id()));
  if (enrollment->disabled()) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "ENROLLMENT_DISABLED",
        "the enrollment was disabled after too many wrong answers, "
        "for good: delete it and begin a new one");
  }
  ForgetFailures(*enrollment);
  ResumePrompts(member.record, enrollment->factor_type());
  if (request.reset_budget()) {
    ForgetMemberFailures(member.record, enrollment->factor_type());
  }
  plan.Write(MemberKey(request.account_id(), request.member_id()),
             member.record);
  *response.mutable_enrollment() =
      ViewOf(member.record, *enrollment, plan.now());
  return absl::OkStatus();
}

absl::Status SupportEngine::ListLocks(Plan& plan,
                                      const v1::ListLocksRequest& request,
                                      v1::ListLocksResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(ReadAccount(plan, request.account_id()).status());
  ASSIGN_OR_RETURN(Page page,
                   ReadPage(plan, MemberPrefix(request.account_id()),
                            request.page_size(), request.page_token()));
  for (storage::Entry& entry : page.entries) {
    ASSIGN_OR_RETURN(auto member,
                     Decode<MemberRecord>(std::move(entry.record)));
    DropEndedPending(member.record, plan.now());
    for (const EnrollmentRecord& enrollment : member.record.enrollments()) {
      v1::EnrollmentExplanation explanation =
          Explanation(member.record, enrollment, plan.now());
      if (IsLock(explanation)) *response.add_locks() = std::move(explanation);
    }
  }
  response.set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

absl::Status SupportEngine::Explain(Plan& plan,
                                    const v1::ExplainRequest& request,
                                    v1::ExplainResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  response.set_member_state(ViewOf(member.record, plan.now()).state());
  for (const EnrollmentRecord& enrollment : member.record.enrollments()) {
    *response.add_enrollments() =
        Explanation(member.record, enrollment, plan.now());
  }
  for (const factors::Factor* factor : registry_.All()) {
    if (!factor->descriptor().identifies_member) continue;
    ASSIGN_OR_RETURN(*response.add_code_only(),
                     ExplainCodeOnly(plan, request.account_id(), *factor));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::CodeOnlyExplanation> SupportEngine::ExplainCodeOnly(
    Plan& plan, const std::string& account_id,
    const factors::Factor& factor) const {
  ASSIGN_OR_RETURN(const auto roster,
                   plan.Read<RosterRecord>(RosterKey(account_id)));
  ASSIGN_OR_RETURN(const auto code_only,
                   plan.Read<CodeOnlyRecord>(CodeOnlyKey(account_id)));
  // What is asked for is the chance of a guess, not whose the code is.
  ASSIGN_OR_RETURN(
      const CodeIndex::Found found,
      code_index_.FindMembers(plan.snapshot(), account_id, factor,
                              roster.version, /*code=*/"", plan.now()));
  v1::CodeOnlyExplanation explanation;
  explanation.set_factor_type(factor.descriptor().type_id);
  *explanation.mutable_budget() =
      BudgetOf(kAccountWindow, code_only.record.counts(),
               AccountFailures(found.chance), plan.now());
  absl::Status status =
      CheckAccountBudget(code_only.record, found.chance, plan.now());
  const absl::Duration lock = RemainingLock(code_only.record, plan.now());
  if (lock > absl::ZeroDuration()) {
    *explanation.mutable_lock_expire_time() = ToTimestamp(plan.now() + lock);
    status = LockedError(lock);
  }
  explanation.set_can_pass(status.ok());
  explanation.set_why_not(std::string(status.message()));
  return explanation;
}

}  // namespace cofactor::services
