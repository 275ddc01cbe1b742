#include "services/engine/verification_engine.h"

#include <string>
#include <vector>

#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/guess_budgets.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lock_rule.h"
#include "services/engine/lookup.h"
#include "services/engine/rules.h"
#include "services/engine/trial.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::CodeOnlyRecord;
using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::RosterRecord;

constexpr absl::string_view kDefaultFactorType = "totp";

void Accept(Plan& plan, const MemberRecord& member, const TrialResult& result,
            v1::VerifyResponse& response) {
  response.set_verified(true);
  response.set_account_id(member.account_id());
  response.set_member_id(member.member_id());
  *response.mutable_enrollment() =
      result.attributes_changed
          ? ViewOf(member, *result.enrollment, plan.now())
          : BriefViewOf(member, *result.enrollment, plan.now());
  plan.audit().set_member_id(member.member_id());
  plan.audit().set_enrollment_id(result.enrollment->enrollment_id());
}

}  // namespace

absl::Status VerificationEngine::Verify(Plan& plan,
                                        const v1::VerifyRequest& request,
                                        v1::VerifyResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckOptionalId("member_id", request.member_id()));
  RETURN_IF_ERROR(CheckOptionalId("enrollment_id", request.enrollment_id()));
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, request.factor_type().empty()
                                             ? kDefaultFactorType
                                             : request.factor_type()));
  if (factor->descriptor().needs_challenge) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NEEDS_CHALLENGE",
                     "this factor answers a challenge: use CreateChallenge and "
                     "VerifyChallenge");
  }
  if (request.has_response() && !request.code().empty()) {
    return InvalidField("response", "has no place beside a code");
  }
  v1::FactorResponse code;
  if (!request.has_response()) code.set_code(request.code());
  const v1::FactorResponse& response_given =
      request.has_response() ? request.response() : code;
  RETURN_IF_ERROR(factor->CheckResponse(
      response_given, request.has_response() ? "response.code" : "code"));
  const Trial trial{*factor, response_given, nullptr, plan.now()};
  plan.audit().set_account_id(request.account_id());
  plan.audit().set_factor_type(factor->descriptor().type_id);
  if (!request.member_id().empty()) {
    plan.audit().set_member_id(request.member_id());
    plan.audit().set_enrollment_id(request.enrollment_id());
    RETURN_IF_ERROR(VerifyMember(plan, trial, request, response));
    response.set_reason(Decide(plan, response.verified(), response.reason()));
    return absl::OkStatus();
  }
  if (!request.enrollment_id().empty()) {
    return InvalidField("enrollment_id", "needs the member_id beside it");
  }
  if (!factor->descriptor().identifies_member) {
    return InvalidField("member_id",
                        "is required: a code of this factor does not tell "
                        "whose it is");
  }
  RETURN_IF_ERROR(VerifyByCodeAlone(plan, trial, request, response));
  response.set_reason(Decide(plan, response.verified(), response.reason()));
  return absl::OkStatus();
}

absl::Status VerificationEngine::VerifyMember(
    Plan& plan, const Trial& trial, const v1::VerifyRequest& request,
    v1::VerifyResponse& response) const {
  ASSIGN_OR_RETURN(auto member,
                   FindMember(plan, request.account_id(), request.member_id()));
  Trial judged = trial;
  judged.refuse = !MayVerify(member.record, plan.now());
  ASSIGN_OR_RETURN(TrialResult result,
                   TryActive(judged, request.enrollment_id(), member.record));
  if (result.nothing_to_try) {
    ASSIGN_OR_RETURN(result, decoys_.Try(plan, trial, request.account_id(),
                                         request.member_id()));
  } else {
    decoys_.Touch(plan, request.account_id(), request.member_id(),
                  trial.factor.descriptor().type_id);
    WriteTrial(plan, member.record, result);
  }
  response.set_reason(result.reason);
  if (!result.verified) return absl::OkStatus();
  Accept(plan, member.record, result, response);
  return TellOfUse(plan, trial, member.record);
}

absl::Status VerificationEngine::VerifyByCodeAlone(
    Plan& plan, const Trial& trial, const v1::VerifyRequest& request,
    v1::VerifyResponse& response) const {
  const std::string& account_id = request.account_id();
  ASSIGN_OR_RETURN(const auto roster,
                   plan.Read<RosterRecord>(RosterKey(account_id)));
  if (!roster.exists()) {  // No such account, or it never had a member.
    response.set_reason(v1::VERIFICATION_REASON_NO_ENROLLMENT);
    return absl::OkStatus();
  }
  // A condition of the commit also when it is not written, so that of many
  // guesses at once no more count than one after the other would.
  const std::string code_only_key = CodeOnlyKey(account_id);
  ASSIGN_OR_RETURN(auto code_only, plan.Read<CodeOnlyRecord>(code_only_key));
  const absl::Duration lock = RemainingLock(code_only.record, plan.now());
  if (lock > absl::ZeroDuration()) return LockedError(lock);

  ASSIGN_OR_RETURN(const CodeIndex::Found found,
                   code_index_.FindMembers(plan.snapshot(), account_id,
                                           trial.factor, roster.version,
                                           trial.response.code(), plan.now()));
  // Before anything is done with what was found.
  RETURN_IF_ERROR(
      CheckAccountBudget(code_only.record, found.chance, plan.now()));
  const std::vector<std::string>& owners = found.member_ids;
  if (owners.size() == 1) {
    RETURN_IF_ERROR(TryOwner(plan, trial, owners[0], request, response));
  } else {
    response.set_reason(owners.empty() ? v1::VERIFICATION_REASON_WRONG_CODE
                                       : v1::VERIFICATION_REASON_AMBIGUOUS);
  }
  if (!response.verified()) {
    plan.audit().set_lock_began(
        CountFailure(kCodeOnlyLockRule, code_only.record, plan.now()));
    AddOne(kAccountWindow, *code_only.record.mutable_counts(), plan.now());
    plan.Write(code_only_key, code_only.record);
  } else if (code_only.record.consecutive_failures() > 0) {
    ForgetFailures(code_only.record);
    plan.Write(code_only_key, code_only.record);
  }
  return absl::OkStatus();
}

absl::Status VerificationEngine::TryOwner(Plan& plan, const Trial& trial,
                                          absl::string_view member_id,
                                          const v1::VerifyRequest& request,
                                          v1::VerifyResponse& response) const {
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), member_id));
  // Whoever asks without a member id learns nothing of a member that may not
  // verify: the code is as wrong as any other.
  if (!MayVerify(member.record, plan.now())) {
    response.set_reason(v1::VERIFICATION_REASON_WRONG_CODE);
    return absl::OkStatus();
  }
  const absl::StatusOr<TrialResult> result =
      TryActive(trial, "", member.record);
  if (absl::IsResourceExhausted(
          result.status())) {  // Locked, or out of budget.
    response.set_reason(v1::VERIFICATION_REASON_WRONG_CODE);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(result.status());
  if (!result->verified) {
    // What the trial counted is dropped: without a member id a failure belongs
    // to no enrollment.
    response.set_reason(result->reason == v1::VERIFICATION_REASON_REPLAYED
                            ? v1::VERIFICATION_REASON_REPLAYED
                            : v1::VERIFICATION_REASON_WRONG_CODE);
    return absl::OkStatus();
  }
  WriteTrial(plan, member.record, *result);
  Accept(plan, member.record, *result, response);
  return TellOfUse(plan, trial, member.record);
}

absl::Status VerificationEngine::TellOfUse(Plan& plan, const Trial& trial,
                                           const MemberRecord& member) const {
  return notices_ == nullptr
             ? absl::OkStatus()
             : notices_->TellOfUse(plan, trial.factor.descriptor(), member);
}

}  // namespace cofactor::services
