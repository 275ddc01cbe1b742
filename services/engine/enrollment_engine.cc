#include "services/engine/enrollment_engine.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/current_secret.h"
#include "services/engine/enrollment_attributes.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/guess_budgets.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/prompts.h"
#include "services/engine/rules.h"
#include "services/engine/trial.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;

template <typename Request>
absl::Status CheckMemberIds(const Request& request) {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  return CheckId("member_id", request.member_id());
}

template <typename Request>
absl::Status CheckEnrollmentIds(const Request& request) {
  RETURN_IF_ERROR(CheckMemberIds(request));
  return CheckId("enrollment_id", request.enrollment_id());
}

bool HasActive(const MemberRecord& member, absl::string_view factor_type) {
  return std::any_of(member.enrollments().begin(), member.enrollments().end(),
                     [factor_type](const EnrollmentRecord& enrollment) {
                       return enrollment.factor_type() == factor_type &&
                              IsActive(enrollment);
                     });
}

v1::Enrollment View(const Plan& plan, const MemberRecord& member,
                    const EnrollmentRecord& enrollment) {
  v1::Enrollment view = services::ViewOf(member, enrollment, plan.now());
  if (enrollment.has_delivery()) {
    *view.mutable_delivery() = services::ViewOf(plan, enrollment.delivery());
  }
  return view;
}

MessageTarget TargetOf(const MemberRecord& member,
                       const EnrollmentRecord& enrollment) {
  return {member.account_id(), member.member_id(), "",
          enrollment.enrollment_id(),
          absl::FromUnixMicros(enrollment.pending_expire_micros())};
}

// Takes an enrollment of the member out of its record, secrets and all.
absl::Status Remove(Plan& plan, MemberRecord& member,
                    EnrollmentRecord& enrollment) {
  RETURN_IF_ERROR(ForgetActivation(plan, enrollment));
  Wipe(*enrollment.mutable_factor_state());
  auto& enrollments = *member.mutable_enrollments();
  for (int i = 0; i < enrollments.size(); ++i) {
    if (&enrollments[i] != &enrollment) continue;
    enrollments.DeleteSubrange(i, 1);
    break;
  }
  plan.Announce({member.account_id(), member.member_id(), ""});
  return absl::OkStatus();
}

// Removes all others of the same factor, and tells the audit log which.
absl::Status RemoveOthers(Plan& plan, MemberRecord& member,
                          const EnrollmentRecord& kept) {
  std::vector<EnrollmentRecord*> others;
  for (EnrollmentRecord& enrollment : *member.mutable_enrollments()) {
    if (enrollment.factor_type() == kept.factor_type() &&
        &enrollment != &kept) {
      others.push_back(&enrollment);
    }
  }
  std::string& note = *plan.audit().mutable_note();
  for (EnrollmentRecord* const other : others) {
    absl::StrAppend(&note, note.empty() ? "" : "; ", "replaces ",
                    other->enrollment_id());
    RETURN_IF_ERROR(Remove(plan, member, *other));
  }
  return absl::OkStatus();
}

v1::Factor ViewOf(const factors::FactorDescriptor& descriptor) {
  v1::Factor view;
  view.set_factor_type(descriptor.type_id);
  view.set_kind(descriptor.kind);
  for (const std::string& amr : descriptor.amr) view.add_amr(amr);
  view.set_needs_challenge(descriptor.needs_challenge);
  view.set_phishing_resistant(descriptor.phishing_resistant);
  view.set_identifies_member(descriptor.identifies_member);
  view.set_parameters_type(descriptor.parameters_type);
  view.set_description(descriptor.description);
  return view;
}

}  // namespace

absl::Status EnrollmentEngine::ListFactors(
    Plan& plan, const v1::ListFactorsRequest& request,
    v1::ListFactorsResponse& response) const {
  for (const factors::Factor* factor : registry_.All()) {
    *response.add_factors() = ViewOf(factor->descriptor());
  }
  return absl::OkStatus();
}

absl::Status EnrollmentEngine::BeginEnrollment(
    Plan& plan, const v1::BeginEnrollmentRequest& request,
    v1::BeginEnrollmentResponse& response) const {
  RETURN_IF_ERROR(CheckMemberIds(request));
  RETURN_IF_ERROR(CheckText("label", request.label(), kMaxLabelBytes));
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, request.factor_type()));
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  RETURN_IF_ERROR(CheckMayVerify(member.record, plan.now()));
  if (member.record.enrollments_size() >= kMaxEnrollments) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "TOO_MANY_ENROLLMENTS",
        absl::StrCat("the member has ", kMaxEnrollments,
                     " enrollments, the most there may be: delete one first"));
  }
  plan.audit().set_factor_type(factor->descriptor().type_id);
  BindingGuard::Permit permit;
  if (guard_ != nullptr) {
    ASSIGN_OR_RETURN(
        permit, guard_->CheckBind(plan, member.record, factor->descriptor(),
                                  request.parameters(), request.proof()));
  }
  RETURN_IF_ERROR(CheckCurrentSecret(plan, *factor, request.parameters(),
                                     permit.recovery, member.record));
  EnrollmentRecord& enrollment = *member.record.add_enrollments();
  enrollment.set_enrollment_id(randomness_.DrawId());
  enrollment.set_sign_in_id(permit.sign_in_id);
  ASSIGN_OR_RETURN(factors::BegunEnrollment begun,
                   factor->BeginEnrollment(
                       {request.account_id(), request.member_id(),
                        enrollment.enrollment_id(), permit.suffices_alone},
                       request.parameters(), plan.now(), randomness_));
  enrollment.set_factor_type(factor->descriptor().type_id);
  enrollment.set_label(request.label());
  plan.audit().set_enrollment_id(enrollment.enrollment_id());
  SetAttributes(begun.attributes, enrollment);
  SetFactorState(begun.state, enrollment);
  enrollment.set_create_micros(absl::ToUnixMicros(plan.now()));
  enrollment.set_pending_expire_micros(
      absl::ToUnixMicros(plan.now() + kPendingLifetime));
  if (!begun.messages.empty()) {
    RETURN_IF_ERROR(messages_.PlanSend(
        plan, TargetOf(member.record, enrollment), std::move(begun.messages),
        *enrollment.mutable_delivery()));
  }
  if (!request.request_id().empty()) {
    enrollment.set_begin_idempotency_key(
        IdempotencyKey(plan.caller().client_id(), request.request_id()));
  }
  plan.Write(MemberKey(request.account_id(), request.member_id()),
             member.record);
  *response.mutable_enrollment() = View(plan, member.record, enrollment);
  *response.mutable_activation() = std::move(begun.activation);
  return absl::OkStatus();
}

absl::Status EnrollmentEngine::ConfirmEnrollment(
    Plan& plan, const v1::ConfirmEnrollmentRequest& request,
    v1::ConfirmEnrollmentResponse& response) const {
  RETURN_IF_ERROR(CheckEnrollmentIds(request));
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  RETURN_IF_ERROR(CheckMayVerify(member.record, plan.now()));
  ASSIGN_OR_RETURN(
      EnrollmentRecord * enrollment,
      FindExistingEnrollment(plan, member.record, request.enrollment_id()));
  if (enrollment->confirmed()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "ENROLLMENT_NOT_PENDING",
                     "the enrollment is confirmed already: verify with it, or "
                     "begin a new one");
  }
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, enrollment->factor_type()));
  RETURN_IF_ERROR(factor->CheckResponse(request.response(), "response.code"));
  ASSIGN_OR_RETURN(
      const TrialResult result,
      TryPending({*factor, request.response(), nullptr, plan.now()},
                 *enrollment, member.record));
  if (result.verified) {
    RETURN_IF_ERROR(ForgetActivation(plan, *enrollment));
    const std::string& factor_type = enrollment->factor_type();
    if (!HasActive(member.record, factor_type)) {
      ForgetMemberFailures(member.record, factor_type);
      ResumePrompts(member.record, factor_type);
    }
    RETURN_IF_ERROR(messages_.CountVerified(plan, enrollment->delivery()));
    if (notices_ != nullptr) {
      RETURN_IF_ERROR(notices_->TellOfChange(plan, NoticeKind::kFactorAdded,
                                             member.record));
    }
    enrollment->clear_sign_in_id();
    enrollment->clear_delivery();
    enrollment->clear_begin_idempotency_key();
    enrollment->set_confirmed(true);
    enrollment->set_confirm_micros(absl::ToUnixMicros(plan.now()));
    enrollment->clear_pending_expire_micros();
    plan.audit().set_note(result.note);
    if (factor->descriptor().single) {
      RETURN_IF_ERROR(RemoveOthers(plan, member.record, *enrollment));
    }
    ChangeRoster(plan, request.account_id());
  }
  plan.Write(MemberKey(request.account_id(), request.member_id()),
             member.record);
  plan.audit().set_lock_began(result.lock_began);
  response.set_verified(result.verified);
  response.set_reason(Decide(plan, result.verified, result.reason));
  *response.mutable_enrollment() = View(plan, member.record, *enrollment);
  return absl::OkStatus();
}

absl::Status EnrollmentEngine::ResendEnrollment(
    Plan& plan, const v1::ResendEnrollmentRequest& request,
    v1::ResendEnrollmentResponse& response) const {
  RETURN_IF_ERROR(CheckEnrollmentIds(request));
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  RETURN_IF_ERROR(CheckMayVerify(member.record, plan.now()));
  ASSIGN_OR_RETURN(
      EnrollmentRecord * enrollment,
      FindExistingEnrollment(plan, member.record, request.enrollment_id()));
  if (enrollment->confirmed() || !enrollment->has_delivery()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_RESEND",
                     "the enrollment waits for no message: only a pending one "
                     "of a factor that sends messages does");
  }
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, enrollment->factor_type()));
  ASSIGN_OR_RETURN(factors::BegunEnrollment begun,
                   factor->ResendEnrollment(FactorStateOf(*enrollment),
                                            plan.now(), randomness_));
  RETURN_IF_ERROR(messages_.PlanSend(plan, TargetOf(member.record, *enrollment),
                                     std::move(begun.messages),
                                     *enrollment->mutable_delivery()));
  SetFactorState(begun.state, *enrollment);
  plan.Write(MemberKey(request.account_id(), request.member_id()),
             member.record);
  *response.mutable_enrollment() = View(plan, member.record, *enrollment);
  return absl::OkStatus();
}

absl::Status EnrollmentEngine::GetEnrollment(
    Plan& plan, const v1::GetEnrollmentRequest& request,
    v1::GetEnrollmentResponse& response) const {
  RETURN_IF_ERROR(CheckEnrollmentIds(request));
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(
      const EnrollmentRecord* enrollment,
      FindExistingEnrollment(plan, member.record, request.enrollment_id()));
  *response.mutable_enrollment() = View(plan, member.record, *enrollment);
  return absl::OkStatus();
}

absl::Status EnrollmentEngine::ListEnrollments(
    Plan& plan, const v1::ListEnrollmentsRequest& request,
    v1::ListEnrollmentsResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckOptionalId("member_id", request.member_id()));
  const auto add_all = [&](const MemberRecord& member) {
    for (const EnrollmentRecord& enrollment : member.enrollments()) {
      *response.add_enrollments() = View(plan, member, enrollment);
    }
  };
  if (!request.member_id().empty()) {
    RETURN_IF_ERROR(PageSize(request.page_size()).status());
    ASSIGN_OR_RETURN(const auto member, ReadMember(plan, request.account_id(),
                                                   request.member_id()));
    add_all(member.record);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(ReadAccount(plan, request.account_id()).status());
  ASSIGN_OR_RETURN(Page page,
                   ReadPage(plan, MemberPrefix(request.account_id()),
                            request.page_size(), request.page_token()));
  for (storage::Entry& entry : page.entries) {
    ASSIGN_OR_RETURN(auto member,
                     Decode<MemberRecord>(std::move(entry.record)));
    DropEndedPending(member.record, plan.now());
    add_all(member.record);
  }
  response.set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

absl::Status EnrollmentEngine::UpdateEnrollment(
    Plan& plan, const v1::UpdateEnrollmentRequest& request,
    v1::UpdateEnrollmentResponse& response) const {
  const v1::Enrollment& wanted = request.enrollment();
  RETURN_IF_ERROR(CheckId("enrollment.account_id", wanted.account_id()));
  RETURN_IF_ERROR(CheckId("enrollment.member_id", wanted.member_id()));
  RETURN_IF_ERROR(CheckId("enrollment.enrollment_id", wanted.enrollment_id()));
  RETURN_IF_ERROR(CheckUpdateMask(request.update_mask(), {"label"}));
  RETURN_IF_ERROR(
      CheckText("enrollment.label", wanted.label(), kMaxLabelBytes));
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, wanted.account_id(), wanted.member_id()));
  ASSIGN_OR_RETURN(
      EnrollmentRecord * enrollment,
      FindExistingEnrollment(plan, member.record, wanted.enrollment_id()));
  enrollment->set_label(wanted.label());
  plan.Write(MemberKey(wanted.account_id(), wanted.member_id()), member.record);
  *response.mutable_enrollment() = View(plan, member.record, *enrollment);
  return absl::OkStatus();
}

absl::Status EnrollmentEngine::DeleteEnrollment(
    Plan& plan, const v1::DeleteEnrollmentRequest& request,
    v1::DeleteEnrollmentResponse& response) const {
  RETURN_IF_ERROR(CheckEnrollmentIds(request));
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(
      EnrollmentRecord * enrollment,
      FindExistingEnrollment(plan, member.record, request.enrollment_id()));
  if (guard_ != nullptr) {
    RETURN_IF_ERROR(
        guard_->CheckRemove(plan, member.record, *enrollment, request.proof()));
  }
  if (notices_ != nullptr && enrollment->confirmed()) {
    RETURN_IF_ERROR(notices_->TellOfChange(plan, NoticeKind::kFactorRemoved,
                                           member.record));
  }
  RETURN_IF_ERROR(Remove(plan, member.record, *enrollment));
  plan.Write(MemberKey(request.account_id(), request.member_id()),
             member.record);
  ChangeRoster(plan, request.account_id());
  return absl::OkStatus();
}

}  // namespace cofactor::services
