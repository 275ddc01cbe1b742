#include "services/engine/approval_engine.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "factors/push/signed_bytes.h"
#include "services/engine/approval_records.h"
#include "services/engine/approval_request.h"
#include "services/engine/challenge_records.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/policies.h"
#include "services/engine/rules.h"
#include "services/engine/sign_in_policy.h"
#include "services/engine/trial.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ApprovalRecord;
using ::cofactor::record::v1::ChallengeRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberApprovalRecord;
using ::cofactor::record::v1::MemberRecord;

// As long as a code that was sent is good. A challenge takes at least the
// other.
constexpr absl::Duration kChallengeLifetime = absl::Minutes(10);
constexpr absl::Duration kShortestChallenge = absl::Seconds(30);

constexpr absl::string_view kDefaultFactorType = "totp";

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  const int64_t micros = absl::ToInt64Microseconds(duration);
  proto.set_seconds(micros / 1'000'000);
  proto.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1'000));
  return proto;
}

// Which approval the event of the audit log belongs to, and where it stands.
// The words of a person come last.
void TellOf(Plan& plan, const ApprovalRecord& approval) {
  const std::string said = plan.audit().note();
  plan.audit().set_note(
      absl::StrCat("approval ", approval.approval_id(), ": ",
                   v1::ApprovalState_Name(StateOf(approval, plan.now())),
                   said.empty() ? "" : "; ", said));
}

// Takes the challenge of a member back before another one is made.
// FAILED_PRECONDITION, reason ALREADY_ANSWERED, if there is an answer already.
absl::Status Withdraw(Plan& plan, const MemberApprovalRecord& entry,
                      int64_t member_create_micros) {
  bool answered = entry.has_step();
  if (!answered && !entry.challenge_id().empty()) {
    ASSIGN_OR_RETURN(auto challenge, plan.Read<ChallengeRecord>(
                                         ChallengeKey(entry.challenge_id())));
    const v1::ChallengeState state = StateOf(challenge.record, plan.now());
    answered = entry.member_create_micros() == member_create_micros &&
               (state == v1::CHALLENGE_STATE_APPROVED ||
                state == v1::CHALLENGE_STATE_DENIED);
    if (!answered && challenge.exists() && !IsFinal(state)) {
      EndChallenge(challenge.record, v1::CHALLENGE_STATE_SUPERSEDED,
                   plan.now());
      WriteChallenge(plan, challenge.record);
    }
  }
  if (!answered) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "ALREADY_ANSWERED",
                   "the member has approved, or has answered on a device: call "
                   "AddApproval without a response");
}

// Ends an approval: nobody is asked any longer.
absl::Status End(Plan& plan, v1::ApprovalState state,
                 ApprovalRecord& approval) {
  approval.set_state(state);
  return CancelChallenges(plan, approval);
}

}  // namespace

absl::Status ApprovalEngine::ApproveTogether(
    Plan& plan, const v1::ApproveTogetherRequest& request,
    v1::ApproveTogetherResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  ASSIGN_OR_RETURN(const absl::Duration lifetime, CheckRequest(request));
  plan.audit().set_account_id(request.account_id());
  // Others are not told that there is no such account, as nobody of it could
  // ever approve.
  if (plan.caller().MayKnowMembers()) {
    RETURN_IF_ERROR(ReadAccount(plan, request.account_id()).status());
  }

  ApprovalRecord approval;
  approval.set_approval_id(randomness_.DrawId());
  approval.set_account_id(request.account_id());
  approval.set_client_id(plan.caller().client_id());
  approval.set_purpose(request.purpose());
  request.details().SerializeToString(approval.mutable_details());
  approval.set_state(v1::APPROVAL_STATE_OPEN);
  approval.set_wanted_members(request.wanted_members());
  *approval.mutable_member_ids() = request.member_ids();
  *approval.mutable_factor_types() = request.factor_types();
  for (const std::string& factor_type : request.factor_types()) {
    if (!CheckCounts(plan, approval, factor_type).ok()) {
      return InvalidField("factor_types",
                          "names one that this server does not know, or that "
                          "the account's policy does not allow");
    }
  }
  approval.set_create_micros(absl::ToUnixMicros(plan.now()));
  approval.set_expire_micros(absl::ToUnixMicros(plan.now() + lifetime));
  WriteApproval(plan, approval);
  TellOf(plan, approval);
  *response.mutable_approval() = ViewOf(approval, plan.now());
  return absl::OkStatus();
}

absl::Status ApprovalEngine::CheckCounts(Plan& plan,
                                         const ApprovalRecord& approval,
                                         absl::string_view factor_type) const {
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, factor_type));
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, approval.account_id()));
  if (IsNamed(approval, factor->descriptor()) &&
      IsAllowed(policies.enforced, factor_type)) {
    return absl::OkStatus();
  }
  return InvalidField("factor_type",
                      "does not count: the approval's factor_types or the "
                      "account's policy leaves it out");
}

absl::StatusOr<std::string> ApprovalEngine::FactorToAsk(
    Plan& plan, const ApprovalRecord& approval,
    const v1::AskForApprovalRequest& request) const {
  if (!request.factor_type().empty() || request.enrollment_id().empty()) {
    RETURN_IF_ERROR(CheckCounts(plan, approval, request.factor_type()));
    return request.factor_type();
  }
  ASSIGN_OR_RETURN(auto member,
                   plan.Read<MemberRecord>(
                       MemberKey(approval.account_id(), request.member_id())));
  const EnrollmentRecord* enrollment =
      FindEnrollment(member.record, request.enrollment_id());
  const bool knows = plan.caller().MayKnowMembers();
  if (enrollment != nullptr) {
    const absl::Status counts =
        CheckCounts(plan, approval, enrollment->factor_type());
    if (counts.ok()) return enrollment->factor_type();
    if (knows) return counts;
  } else if (knows) {
    return std::string();  // CreateChallenge says what is missing.
  }
  // Whoever may not know members gets the same challenge whether the enrollment
  // is not there or does not count: one of a factor that it is none of.
  for (const factors::Factor* factor : registry_.All()) {
    const std::string& factor_type = factor->descriptor().type_id;
    if (CheckCounts(plan, approval, factor_type).ok()) return factor_type;
  }
  return InvalidField("enrollment_id", "no factor counts for this approval");
}

absl::Status ApprovalEngine::AskForApproval(
    Plan& plan, const v1::AskForApprovalRequest& request,
    v1::AskForApprovalResponse& response) const {
  RETURN_IF_ERROR(CheckId("approval_id", request.approval_id()));
  RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  RETURN_IF_ERROR(CheckOptionalId("enrollment_id", request.enrollment_id()));
  ASSIGN_OR_RETURN(auto stored, ReadApproval(plan, request.approval_id()));
  ApprovalRecord& approval = stored.record;
  RETURN_IF_ERROR(CheckOpen(approval, plan.now()));
  RETURN_IF_ERROR(CheckMayApprove(approval, request.member_id()));
  const absl::Duration left =
      absl::FromUnixMicros(approval.expire_micros()) - plan.now();
  if (left < kShortestChallenge) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "APPROVAL_OVER",
                     "less than 30 seconds are left: start a new approval");
  }
  ASSIGN_OR_RETURN(const auto member,
                   plan.Read<MemberRecord>(
                       MemberKey(approval.account_id(), request.member_id())));
  MemberApprovalRecord* entry = FindEntry(approval, request.member_id());
  if (entry != nullptr) {
    RETURN_IF_ERROR(Withdraw(plan, *entry, member.record.create_micros()));
  } else if (approval.members_size() >= kMostAskedMembers) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "TOO_MANY_ASKED",
                     absl::StrCat(kMostAskedMembers,
                                  " members were asked: start a new approval"));
  }

  v1::CreateChallengeRequest create;
  create.set_account_id(approval.account_id());
  create.set_member_id(request.member_id());
  create.set_enrollment_id(request.enrollment_id());
  ASSIGN_OR_RETURN(*create.mutable_factor_type(),
                   FactorToAsk(plan, approval, request));
  create.set_purpose(approval.purpose());
  ASSIGN_OR_RETURN(*create.mutable_details(), DetailsOf(approval));
  *create.mutable_lifetime() = ToProto(std::min(left, kChallengeLifetime));
  v1::CreateChallengeResponse created;
  RETURN_IF_ERROR(challenges_.CreateChallenge(plan, create, created));

  if (entry == nullptr) {
    entry = approval.add_members();
    entry->set_member_id(request.member_id());
  }
  entry->set_member_create_micros(member.record.create_micros());
  entry->set_challenge_id(created.challenge().challenge_id());
  WriteApproval(plan, approval);
  TellOf(plan, approval);
  response.mutable_challenge()->Swap(created.mutable_challenge());
  response.mutable_number()->swap(*created.mutable_number());
  return absl::OkStatus();
}

absl::Status ApprovalEngine::AddApproval(
    Plan& plan, const v1::AddApprovalRequest& request,
    v1::AddApprovalResponse& response) const {
  RETURN_IF_ERROR(CheckId("approval_id", request.approval_id()));
  RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  RETURN_IF_ERROR(CheckOptionalId("challenge_id", request.challenge_id()));
  RETURN_IF_ERROR(CheckOptionalId("enrollment_id", request.enrollment_id()));
  ASSIGN_OR_RETURN(auto stored, ReadApproval(plan, request.approval_id()));
  ApprovalRecord& approval = stored.record;
  RETURN_IF_ERROR(CheckOpen(approval, plan.now()));
  RETURN_IF_ERROR(CheckMayApprove(approval, request.member_id()));
  plan.audit().set_member_id(request.member_id());

  const MemberApprovalRecord* entry = FindEntry(approval, request.member_id());
  if (entry != nullptr && entry->has_step()) {
    response.set_verified(true);
    *response.mutable_approval() = ViewOf(approval, plan.now());
    return absl::OkStatus();
  }
  // Whoever refused on a device has ended it, whether or not somebody has asked
  // for that answer since.
  ASSIGN_OR_RETURN(const std::string refused_by, FindRefusal(plan, approval));
  Answer answer;
  if (!refused_by.empty()) {
    plan.audit().set_member_id(refused_by);
    answer.refused = true;
    answer.reason =
        Decide(plan, /*verified=*/false, v1::VERIFICATION_REASON_DENIED);
    RETURN_IF_ERROR(Count(plan, answer, refused_by, 0, approval));
  } else {
    ASSIGN_OR_RETURN(auto member,
                     plan.Read<MemberRecord>(MemberKey(approval.account_id(),
                                                       request.member_id())));
    ASSIGN_OR_RETURN(answer,
                     TakeAnswer(plan, approval, entry, member.record, request));
    if (!answer.pending) {
      RETURN_IF_ERROR(Count(plan, answer, request.member_id(),
                            member.record.create_micros(), approval));
    }
  }
  response.set_verified(answer.verified);
  response.set_reason(answer.reason);
  *response.mutable_approval() = ViewOf(approval, plan.now());
  return absl::OkStatus();
}

absl::StatusOr<ApprovalEngine::Answer> ApprovalEngine::TakeAnswer(
    Plan& plan, const ApprovalRecord& approval,
    const MemberApprovalRecord* entry, MemberRecord& member,
    const v1::AddApprovalRequest& request) const {
  if (request.has_response() && request.challenge_id().empty()) {
    return VerifyUpFront(plan, approval, request);
  }
  const bool was_asked = entry != nullptr && !entry->challenge_id().empty();
  if (!was_asked && request.challenge_id().empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_ASKED",
                     "there is no challenge of this member: give a response, "
                     "or call AskForApproval first");
  }
  const bool is_theirs =
      was_asked && entry->member_create_micros() == member.create_micros() &&
      (request.challenge_id().empty() ||
       request.challenge_id() == entry->challenge_id());
  if (!is_theirs) {
    // It belongs to something else, so that nothing but this is counted.
    plan.audit().set_challenge_id(request.challenge_id());
    Answer wrong;
    wrong.reason =
        Decide(plan, /*verified=*/false, v1::VERIFICATION_REASON_WRONG_CODE);
    return wrong;
  }
  ASSIGN_OR_RETURN(const auto challenge,
                   ReadChallenge(plan, entry->challenge_id()));
  RETURN_IF_ERROR(CheckCounts(plan, approval, challenge.record.factor_type()));
  return request.has_response()
             ? VerifyChallenge(plan, approval, challenge.record, request)
             : LookAt(plan, challenge.record, member);
}

absl::StatusOr<ApprovalEngine::Answer> ApprovalEngine::VerifyChallenge(
    Plan& plan, const ApprovalRecord& approval,
    const ChallengeRecord& challenge,
    const v1::AddApprovalRequest& request) const {
  v1::VerifyChallengeRequest verify;
  verify.set_challenge_id(challenge.challenge_id());
  verify.set_account_id(approval.account_id());
  verify.set_member_id(request.member_id());
  verify.set_enrollment_id(request.enrollment_id());
  verify.set_purpose(approval.purpose());
  *verify.mutable_response() = request.response();
  v1::VerifyChallengeResponse judged;
  RETURN_IF_ERROR(challenges_.VerifyChallenge(plan, verify, judged));
  Answer answer;
  answer.verified = judged.verified();
  answer.refused = judged.reason() == v1::VERIFICATION_REASON_DENIED ||
                   judged.reason() == v1::VERIFICATION_REASON_REPORTED;
  answer.reason = judged.reason();
  answer.enrollment_id = judged.enrollment().enrollment_id();
  answer.factor_type = challenge.factor_type();
  answer.time = plan.now();
  answer.details_shown = true;
  return answer;
}

absl::StatusOr<ApprovalEngine::Answer> ApprovalEngine::VerifyUpFront(
    Plan& plan, const ApprovalRecord& approval,
    const v1::AddApprovalRequest& request) const {
  v1::VerifyRequest verify;
  verify.set_account_id(approval.account_id());
  verify.set_member_id(request.member_id());
  verify.set_enrollment_id(request.enrollment_id());
  verify.set_factor_type(request.factor_type().empty()
                             ? std::string(kDefaultFactorType)
                             : request.factor_type());
  RETURN_IF_ERROR(CheckCounts(plan, approval, verify.factor_type()));
  *verify.mutable_response() = request.response();
  v1::VerifyResponse judged;
  RETURN_IF_ERROR(verifications_.Verify(plan, verify, judged));
  Answer answer;
  answer.verified = judged.verified();
  answer.reason = judged.reason();
  answer.enrollment_id = judged.enrollment().enrollment_id();
  answer.factor_type = verify.factor_type();
  answer.time = plan.now();
  return answer;
}

absl::StatusOr<ApprovalEngine::Answer> ApprovalEngine::LookAt(
    Plan& plan, const ChallengeRecord& challenge, MemberRecord& member) const {
  Answer answer;
  const v1::ChallengeState state = StateOf(challenge, plan.now());
  answer.pending = !IsFinal(state);
  if (answer.pending) return answer;
  if (state != v1::CHALLENGE_STATE_APPROVED &&
      state != v1::CHALLENGE_STATE_DENIED) {
    return CheckOpen(challenge, plan.now());
  }
  // A refusal that is still here is that of somebody who may not verify.
  const EnrollmentRecord* enrollment =
      FindEnrollment(member, challenge.approving_enrollment_id());
  answer.verified = state == v1::CHALLENGE_STATE_APPROVED &&
                    MayVerify(member, plan.now()) && enrollment != nullptr &&
                    IsActive(*enrollment);
  answer.used_up = true;
  answer.reason =
      Decide(plan, answer.verified, v1::VERIFICATION_REASON_NO_ENROLLMENT);
  answer.enrollment_id = challenge.approving_enrollment_id();
  answer.factor_type = challenge.factor_type();
  answer.time = absl::FromUnixMicros(challenge.end_micros());
  answer.details_shown = true;
  plan.audit().set_enrollment_id(answer.enrollment_id);
  return answer;
}

absl::Status ApprovalEngine::Count(Plan& plan, const Answer& answer,
                                   absl::string_view member_id,
                                   int64_t member_create_micros,
                                   ApprovalRecord& approval) const {
  MemberApprovalRecord* entry = FindEntry(approval, member_id);
  if (entry != nullptr && answer.used_up) entry->clear_challenge_id();
  if (answer.verified) {
    if (entry == nullptr) entry = approval.add_members();
    entry->set_member_id(std::string(member_id));
    entry->set_member_create_micros(member_create_micros);
    ASSIGN_OR_RETURN(const factors::Factor* factor,
                     FindFactor(registry_, answer.factor_type));
    *entry->mutable_step() =
        StepOf(answer.enrollment_id, factor->descriptor(), answer.time);
    if (answer.details_shown) {
      ASSIGN_OR_RETURN(const v1::ChallengeDetails details, DetailsOf(approval));
      entry->mutable_step()->set_challenge_digest(
          factors::push::DetailsDigest(approval.purpose(), details));
    }
    // An answer up front may have come while another way of asking was open.
    RETURN_IF_ERROR(CancelChallenge(plan, *entry));
    entry->clear_challenge_id();
    if (CountApprovals(approval) >= approval.wanted_members()) {
      RETURN_IF_ERROR(End(plan, v1::APPROVAL_STATE_APPROVED, approval));
    }
  } else if (answer.refused) {
    approval.set_denied_by_member_id(std::string(member_id));
    RETURN_IF_ERROR(End(plan, v1::APPROVAL_STATE_DENIED, approval));
  } else {
    approval.set_failures(approval.failures() + 1);
    if (approval.failures() >=
        kApprovalAttemptsPerMember * approval.wanted_members()) {
      RETURN_IF_ERROR(End(plan, v1::APPROVAL_STATE_FAILED, approval));
    }
  }
  WriteApproval(plan, approval);
  TellOf(plan, approval);
  return absl::OkStatus();
}

absl::Status ApprovalEngine::GetApproval(
    Plan& plan, const v1::GetApprovalRequest& request,
    v1::GetApprovalResponse& response) const {
  RETURN_IF_ERROR(CheckId("approval_id", request.approval_id()));
  ASSIGN_OR_RETURN(const auto stored,
                   ReadApproval(plan, request.approval_id()));
  const ApprovalRecord& approval = stored.record;
  *response.mutable_approval() = ViewOf(approval, plan.now());
  if (approval.state() != v1::APPROVAL_STATE_APPROVED) return absl::OkStatus();

  Receipt receipt;
  receipt.account_id = approval.account_id();
  receipt.client_id = approval.client_id();
  receipt.purpose = approval.purpose();
  ASSIGN_OR_RETURN(const v1::ChallengeDetails details, DetailsOf(approval));
  receipt.challenge_digest =
      factors::push::DetailsDigest(approval.purpose(), details);
  Steps steps;
  for (const v1::MemberApproval& one : response.approval().approvals()) {
    receipt.approver_member_ids.push_back(one.member_id());
    receipt.enrollment_ids.push_back(one.enrollment_id());
  }
  for (const MemberApprovalRecord& entry : approval.members()) {
    if (entry.has_step()) *steps.Add() = entry.step();
  }
  receipt.amr = AmrOf(steps);
  // Two kinds of factor here are those of two people.
  receipt.amr.erase(std::remove(receipt.amr.begin(), receipt.amr.end(), "mfa"),
                    receipt.amr.end());
  receipt.auth_time = AuthTimeOf(steps);
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, approval.account_id()));
  ASSIGN_OR_RETURN(IssuedReceipt issued,
                   receipts_.Issue(plan, std::move(receipt),
                                   ReceiptLifetime(policies.enforced)));
  response.set_receipt(std::move(issued.jwt));
  return absl::OkStatus();
}

absl::Status ApprovalEngine::CancelApproval(
    Plan& plan, const v1::CancelApprovalRequest& request,
    v1::CancelApprovalResponse& response) const {
  RETURN_IF_ERROR(CheckId("approval_id", request.approval_id()));
  ASSIGN_OR_RETURN(auto stored, ReadApproval(plan, request.approval_id()));
  RETURN_IF_ERROR(CheckOpen(stored.record, plan.now()));
  RETURN_IF_ERROR(End(plan, v1::APPROVAL_STATE_CANCELLED, stored.record));
  WriteApproval(plan, stored.record);
  TellOf(plan, stored.record);
  *response.mutable_approval() = ViewOf(stored.record, plan.now());
  return absl::OkStatus();
}

}  // namespace cofactor::services
