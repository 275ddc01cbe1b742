#include "services/engine/recovery_engine.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/policies.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::RecoveryRecord;

constexpr size_t kMaxReasonBytes = 256;

template <typename Request>
absl::Status CheckMemberIds(const Request& request) {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  return CheckId("member_id", request.member_id());
}

absl::Status NoRecovery(absl::string_view message) {
  return MakeError(absl::StatusCode::kNotFound, "RECOVERY_NOT_FOUND", message);
}

// The recovery that a request names, which has to be the last of the member.
template <typename Request>
absl::StatusOr<Stored<RecoveryRecord>> ReadRecovery(
    Plan& plan, const Request& request, const MemberRecord& member) {
  RETURN_IF_ERROR(CheckId("recovery_id", request.recovery_id()));
  ASSIGN_OR_RETURN(auto recovery, FindRecovery(plan, member));
  if (!recovery.exists() ||
      recovery.record.recovery_id() != request.recovery_id()) {
    return NoRecovery(
        "the member has no such recovery, or a later one: GetRecovery tells "
        "the last one");
  }
  return recovery;
}

// FAILED_PRECONDITION, reason RECOVERY_OVER, unless something can come of it.
absl::Status CheckOpen(const RecoveryRecord& recovery, absl::Time now) {
  const v1::RecoveryState state = StateOf(recovery, now);
  if (IsOpen(state)) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "RECOVERY_OVER",
      absl::StrCat("the recovery is over: ", v1::RecoveryState_Name(state),
                   "; start another one"));
}

// For the audit log.
void Tell(Plan& plan, const RecoveryRecord& recovery,
          absl::string_view by_member_id) {
  std::string note = absl::StrCat("recovery ", recovery.recovery_id());
  if (!by_member_id.empty()) absl::StrAppend(&note, " by ", by_member_id);
  plan.audit().set_note(std::move(note));
}

}  // namespace

absl::Status RecoveryEngine::Approve(Plan& plan,
                                     const BindingGuard::Recoverer& recoverer,
                                     RecoveryRecord& recovery) const {
  const auto& approvers = recovery.approver_member_ids();
  if (std::find(approvers.begin(), approvers.end(), recoverer.member_id) !=
      approvers.end()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "ALREADY_APPROVED",
                     "this person has approved it already: it takes another "
                     "owner or admin");
  }
  recovery.add_approver_member_ids(recoverer.member_id);
  recovery.add_approver_create_micros(recoverer.create_micros);
  if (StateOf(recovery, plan.now()) == v1::RECOVERY_STATE_PENDING ||
      recovery.ready_micros() != 0) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, recovery.account_id()));
  ASSIGN_OR_RETURN(
      const absl::Duration delay,
      ToDuration("recovery.delay", policies.enforced.recovery().delay()));
  const absl::Time ready = plan.now() + delay;
  recovery.set_ready_micros(absl::ToUnixMicros(ready));
  recovery.set_expire_micros(absl::ToUnixMicros(ready + kRecoveryLifetime));
  return absl::OkStatus();
}

absl::Status RecoveryEngine::StartRecovery(
    Plan& plan, const v1::StartRecoveryRequest& request,
    v1::StartRecoveryResponse& response) const {
  RETURN_IF_ERROR(CheckMemberIds(request));
  if (request.reason().empty()) return InvalidField("reason", "is required");
  RETURN_IF_ERROR(CheckText("reason", request.reason(), kMaxReasonBytes));
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  RETURN_IF_ERROR(CheckMayVerify(member.record, plan.now()));
  ASSIGN_OR_RETURN(
      const BindingGuard::Recoverer recoverer,
      guard_.CheckRecoverer(plan, request.account_id(), request.member_id(),
                            request.receipt()));
  ASSIGN_OR_RETURN(const auto last, FindRecovery(plan, member.record));
  if (last.exists() && IsOpen(StateOf(last.record, plan.now()))) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "RECOVERY_OPEN",
                     "the member has an open recovery already: approve or "
                     "cancel that one");
  }
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, request.account_id()));
  RecoveryRecord recovery;
  recovery.set_recovery_id(randomness_.DrawId());
  recovery.set_account_id(request.account_id());
  recovery.set_member_id(request.member_id());
  recovery.set_member_create_micros(member.record.create_micros());
  recovery.set_wanted_approvals(
      std::max<uint32_t>(1, policies.enforced.recovery().approvals()));
  recovery.set_reason(request.reason());
  recovery.set_create_micros(absl::ToUnixMicros(plan.now()));
  recovery.set_expire_micros(
      absl::ToUnixMicros(plan.now() + kRecoveryLifetime));
  RETURN_IF_ERROR(Approve(plan, recoverer, recovery));
  WriteRecovery(plan, recovery);
  RETURN_IF_ERROR(
      notices_.Tell(plan, NoticeKind::kRecoveryStarted, member.record));
  Tell(plan, recovery, recoverer.member_id);
  *response.mutable_recovery() = ViewOf(recovery, plan.now());
  return absl::OkStatus();
}

absl::Status RecoveryEngine::ApproveRecovery(
    Plan& plan, const v1::ApproveRecoveryRequest& request,
    v1::ApproveRecoveryResponse& response) const {
  RETURN_IF_ERROR(CheckMemberIds(request));
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(
      const BindingGuard::Recoverer recoverer,
      guard_.CheckRecoverer(plan, request.account_id(), request.member_id(),
                            request.receipt()));
  ASSIGN_OR_RETURN(auto recovery, ReadRecovery(plan, request, member.record));
  RETURN_IF_ERROR(CheckOpen(recovery.record, plan.now()));
  if (StateOf(recovery.record, plan.now()) ==
      v1::RECOVERY_STATE_TICKET_ISSUED) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "TICKET_ISSUED",
                     "the ticket is out already: there is nothing left to "
                     "approve");
  }
  RETURN_IF_ERROR(Approve(plan, recoverer, recovery.record));
  WriteRecovery(plan, recovery.record);
  Tell(plan, recovery.record, recoverer.member_id);
  *response.mutable_recovery() = ViewOf(recovery.record, plan.now());
  return absl::OkStatus();
}

absl::Status RecoveryEngine::IssueEnrollmentTicket(
    Plan& plan, const v1::IssueEnrollmentTicketRequest& request,
    v1::IssueEnrollmentTicketResponse& response) const {
  RETURN_IF_ERROR(CheckMemberIds(request));
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  RETURN_IF_ERROR(CheckMayVerify(member.record, plan.now()));
  ASSIGN_OR_RETURN(auto recovery, ReadRecovery(plan, request, member.record));
  RETURN_IF_ERROR(CheckOpen(recovery.record, plan.now()));
  const v1::RecoveryState state = StateOf(recovery.record, plan.now());
  if (state != v1::RECOVERY_STATE_READY) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "RECOVERY_NOT_READY",
        state == v1::RECOVERY_STATE_PENDING
            ? "approvals are missing: ApproveRecovery by another owner or admin"
        : state == v1::RECOVERY_STATE_DELAYED
            ? "the delay is not over: see ready_time"
            : "its ticket was drawn: cancel the recovery and start another if "
              "it is lost");
  }
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, request.account_id()));
  const Secret ticket = MakeTicket(recovery.record, randomness_);
  recovery.record.set_expire_micros(
      absl::ToUnixMicros(plan.now() + TicketLifetime(policies.enforced)));
  WriteRecovery(plan, recovery.record);
  Tell(plan, recovery.record, "");
  response.set_enrollment_ticket(std::string(ticket.ExposeSecret()));
  *response.mutable_recovery() = ViewOf(recovery.record, plan.now());
  return absl::OkStatus();
}

absl::Status RecoveryEngine::CancelRecovery(
    Plan& plan, const v1::CancelRecoveryRequest& request,
    v1::CancelRecoveryResponse& response) const {
  RETURN_IF_ERROR(CheckMemberIds(request));
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(auto recovery, ReadRecovery(plan, request, member.record));
  RETURN_IF_ERROR(CheckOpen(recovery.record, plan.now()));
  recovery.record.set_cancelled(true);
  WriteRecovery(plan, recovery.record);
  Tell(plan, recovery.record, "");
  *response.mutable_recovery() = ViewOf(recovery.record, plan.now());
  return absl::OkStatus();
}

absl::Status RecoveryEngine::GetRecovery(
    Plan& plan, const v1::GetRecoveryRequest& request,
    v1::GetRecoveryResponse& response) const {
  RETURN_IF_ERROR(CheckMemberIds(request));
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(const auto recovery, FindRecovery(plan, member.record));
  if (!recovery.exists()) {
    return NoRecovery("nobody ever started a recovery of the member");
  }
  *response.mutable_recovery() = ViewOf(recovery.record, plan.now());
  return absl::OkStatus();
}

absl::Status RecoveryEngine::ListRecoveries(
    Plan& plan, const v1::ListRecoveriesRequest& request,
    v1::ListRecoveriesResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(ReadAccount(plan, request.account_id()).status());
  ASSIGN_OR_RETURN(const Page page,
                   ReadPage(plan, RecoveryPrefix(request.account_id()),
                            request.page_size(), request.page_token()));
  for (const storage::Entry& entry : page.entries) {
    const absl::string_view key = entry.key;
    ASSIGN_OR_RETURN(const auto member, plan.Read<MemberRecord>(MemberKey(
                                            request.account_id(),
                                            key.substr(key.rfind('/') + 1))));
    // Of one who is gone there is nothing to recover.
    if (!member.exists()) continue;
    ASSIGN_OR_RETURN(const auto recovery, FindRecovery(plan, member.record));
    if (!recovery.exists()) continue;
    *response.add_recoveries() = ViewOf(recovery.record, plan.now());
  }
  response.set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

}  // namespace cofactor::services
