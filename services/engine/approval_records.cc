#include "services/engine/approval_records.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/challenge_records.h"
#include "services/engine/keys.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ApprovalRecord;
using ::cofactor::record::v1::ChallengeRecord;
using ::cofactor::record::v1::MemberApprovalRecord;
using ::cofactor::record::v1::MemberRecord;

// Rests on possession, of a sheet of paper, and is for those who have lost what
// they would prove themselves with.
constexpr absl::string_view kRecoveryCodes = "recovery_code";

// Whether the person of an entry is there and may verify. Not by ReadMember:
// the audit log is to tell of the member who answers, not of the others.
absl::StatusOr<Stored<MemberRecord>> ReadSamePerson(
    Plan& plan, const ApprovalRecord& approval,
    const MemberApprovalRecord& entry, bool& may_verify) {
  ASSIGN_OR_RETURN(auto member, plan.Read<MemberRecord>(MemberKey(
                                    approval.account_id(), entry.member_id())));
  may_verify = member.exists() &&
               member.record.create_micros() == entry.member_create_micros() &&
               MayVerify(member.record, plan.now());
  return member;
}

absl::StatusOr<bool> StillCounts(Plan& plan, const ApprovalRecord& approval,
                                 const MemberApprovalRecord& entry) {
  bool may_verify = false;
  ASSIGN_OR_RETURN(auto member,
                   ReadSamePerson(plan, approval, entry, may_verify));
  const record::v1::EnrollmentRecord* enrollment =
      FindEnrollment(member.record, entry.step().enrollment_id());
  return may_verify && enrollment != nullptr && IsActive(*enrollment);
}

}  // namespace

absl::StatusOr<Stored<ApprovalRecord>> ReadApproval(
    Plan& plan, absl::string_view approval_id) {
  ASSIGN_OR_RETURN(auto approval,
                   plan.Read<ApprovalRecord>(ApprovalKey(approval_id)));
  if (!approval.exists() ||
      approval.record.client_id() != plan.caller().client_id() ||
      !plan.caller().MayTouch(approval.record.account_id())) {
    return MakeError(absl::StatusCode::kNotFound, "APPROVAL_NOT_FOUND",
                     "this client has started no such approval, or it ended "
                     "long ago");
  }
  plan.audit().set_account_id(approval.record.account_id());
  if (StateOf(approval.record, plan.now()) != v1::APPROVAL_STATE_OPEN) {
    return approval;
  }
  for (MemberApprovalRecord& entry : *approval.record.mutable_members()) {
    if (!entry.has_step()) continue;
    ASSIGN_OR_RETURN(const bool counts,
                     StillCounts(plan, approval.record, entry));
    if (!counts) entry.clear_step();
  }
  return approval;
}

void WriteApproval(Plan& plan, ApprovalRecord& approval) {
  plan.Write(
      ApprovalKey(approval.approval_id()), approval,
      absl::FromUnixMicros(approval.expire_micros()) + kApprovalRetention);
}

v1::ApprovalState StateOf(const ApprovalRecord& approval, absl::Time now) {
  const auto state = static_cast<v1::ApprovalState>(approval.state());
  if (state == v1::APPROVAL_STATE_OPEN &&
      now >= absl::FromUnixMicros(approval.expire_micros())) {
    return v1::APPROVAL_STATE_EXPIRED;
  }
  return state;
}

absl::Status CheckOpen(const ApprovalRecord& approval, absl::Time now) {
  const v1::ApprovalState state = StateOf(approval, now);
  if (state == v1::APPROVAL_STATE_OPEN) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "APPROVAL_OVER",
      absl::StrCat("the approval ended as ", v1::ApprovalState_Name(state)));
}

absl::Status CheckMayApprove(const ApprovalRecord& approval,
                             absl::string_view member_id) {
  const auto& allowed = approval.member_ids();
  if (allowed.empty() ||
      std::find(allowed.begin(), allowed.end(), member_id) != allowed.end()) {
    return absl::OkStatus();
  }
  return InvalidField("member_id", "is none of the approval's member_ids");
}

bool IsNamed(const ApprovalRecord& approval,
             const factors::FactorDescriptor& descriptor) {
  const auto& named = approval.factor_types();
  if (!named.empty()) {
    return std::find(named.begin(), named.end(), descriptor.type_id) !=
           named.end();
  }
  return (descriptor.kind == v1::FACTOR_KIND_POSSESSION ||
          descriptor.kind == v1::FACTOR_KIND_INHERENCE) &&
         descriptor.type_id != kRecoveryCodes;
}

MemberApprovalRecord* FindEntry(ApprovalRecord& approval,
                                absl::string_view member_id) {
  auto& members = *approval.mutable_members();
  const auto found = std::find_if(members.begin(), members.end(),
                                  [member_id](const auto& entry) {
                                    return entry.member_id() == member_id;
                                  });
  return found == members.end() ? nullptr : &*found;
}

uint32_t CountApprovals(const ApprovalRecord& approval) {
  return static_cast<uint32_t>(
      std::count_if(approval.members().begin(), approval.members().end(),
                    [](const auto& entry) { return entry.has_step(); }));
}

absl::StatusOr<std::string> FindRefusal(Plan& plan,
                                        const ApprovalRecord& approval) {
  for (const MemberApprovalRecord& entry : approval.members()) {
    if (entry.challenge_id().empty()) continue;
    ASSIGN_OR_RETURN(
        const auto challenge,
        plan.Read<ChallengeRecord>(ChallengeKey(entry.challenge_id())));
    if (!challenge.exists() ||
        challenge.record.state() != v1::CHALLENGE_STATE_DENIED) {
      continue;
    }
    bool may_verify = false;
    RETURN_IF_ERROR(ReadSamePerson(plan, approval, entry, may_verify).status());
    if (may_verify) return entry.member_id();
  }
  return std::string();
}

absl::Status CancelChallenge(Plan& plan, const MemberApprovalRecord& entry) {
  if (entry.challenge_id().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(auto challenge, plan.Read<ChallengeRecord>(
                                       ChallengeKey(entry.challenge_id())));
  if (!challenge.exists() || IsFinal(StateOf(challenge.record, plan.now()))) {
    return absl::OkStatus();
  }
  EndChallenge(challenge.record, v1::CHALLENGE_STATE_CANCELLED, plan.now());
  WriteChallenge(plan, challenge.record);
  return absl::OkStatus();
}

absl::Status CancelChallenges(Plan& plan, const ApprovalRecord& approval) {
  for (const MemberApprovalRecord& entry : approval.members()) {
    RETURN_IF_ERROR(CancelChallenge(plan, entry));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ChallengeDetails> DetailsOf(const ApprovalRecord& approval) {
  v1::ChallengeDetails details;
  if (!details.ParseFromString(approval.details())) {
    return absl::DataLossError("the details of an approval are damaged");
  }
  return details;
}

v1::Approval ViewOf(const ApprovalRecord& approval, absl::Time now) {
  v1::Approval view;
  view.set_approval_id(approval.approval_id());
  view.set_account_id(approval.account_id());
  view.set_purpose(approval.purpose());
  // Only a view: what does not parse shows nothing.
  if (absl::StatusOr<v1::ChallengeDetails> details = DetailsOf(approval);
      details.ok()) {
    *view.mutable_details() = *std::move(details);
  }
  view.set_state(StateOf(approval, now));
  view.set_wanted_members(approval.wanted_members());
  *view.mutable_member_ids() = approval.member_ids();
  for (const MemberApprovalRecord& entry : approval.members()) {
    if (!entry.has_step()) continue;
    v1::MemberApproval& one = *view.add_approvals();
    one.set_member_id(entry.member_id());
    one.set_enrollment_id(entry.step().enrollment_id());
    one.set_factor_type(entry.step().factor_type());
    *one.mutable_time() =
        ToTimestamp(absl::FromUnixMicros(entry.step().time_micros()));
  }
  // In the order in which they approved, not in that in which they were asked.
  std::stable_sort(
      view.mutable_approvals()->begin(), view.mutable_approvals()->end(),
      [](const v1::MemberApproval& a, const v1::MemberApproval& b) {
        return ToTime(a.time()) < ToTime(b.time());
      });
  view.set_denied_by_member_id(approval.denied_by_member_id());
  *view.mutable_create_time() =
      ToTimestamp(absl::FromUnixMicros(approval.create_micros()));
  *view.mutable_expire_time() =
      ToTimestamp(absl::FromUnixMicros(approval.expire_micros()));
  return view;
}

}  // namespace cofactor::services
