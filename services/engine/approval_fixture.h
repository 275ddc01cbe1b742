#ifndef COFACTOR_SERVICES_ENGINE_APPROVAL_FIXTURE_H_
#define COFACTOR_SERVICES_ENGINE_APPROVAL_FIXTURE_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/errors.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "services/engine/account_engine.h"
#include "services/engine/approval_engine.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/enrollment_engine.h"
#include "services/receipts/receipt_keys.h"
#include "services/receipts/receipts.h"
#include "tests/doubles/engine_harness.h"
#include "tests/doubles/push_phone.h"
#include "tests/doubles/totp_authenticator.h"

namespace cofactor::services {

// Members ada, bob and carol of acme with an authenticator app each, and who
// asks them to approve something together.
class ApprovalFixture : public testing::Test {
 protected:
  ApprovalFixture()
      : randomness_(7),
        receipts_("https://id.example.com", randomness_),
        approvals_(harness_.registry(), harness_.challenges(),
                   harness_.verifications(), receipts_, randomness_) {
    EXPECT_TRUE(CreateReceiptKeys(harness_.store(),
                                  config::v1::RECEIPT_ALGORITHM_EDDSA,
                                  harness_.now())
                    .ok());
    for (const char* member_id : {"ada", "bob", "carol"}) {
      AddMember(member_id);
    }
  }

  void AddMember(const std::string& member_id) {
    harness_.CreateMember("acme", member_id);
    apps_.insert_or_assign(member_id, harness_.EnrollTotp("acme", member_id));
  }

  void SetState(const std::string& member_id, v1::MemberState state) {
    v1::UpdateMemberRequest request;
    request.mutable_member()->set_account_id("acme");
    request.mutable_member()->set_member_id(member_id);
    request.mutable_member()->set_state(state);
    request.mutable_update_mask()->add_paths("state");
    ASSERT_TRUE(harness_.Call(&AccountEngine::UpdateMember, request).ok());
  }

  void DeleteMember(const std::string& member_id) {
    v1::DeleteMemberRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    ASSERT_TRUE(harness_.Call(&AccountEngine::DeleteMember, request).ok());
  }

  // A client that may verify and no more.
  static Caller ClientOf(const std::string& client_id) {
    auto permissions = std::make_shared<Permissions>();
    permissions->client_id = client_id;
    permissions->scopes.Add(v1::SCOPE_VERIFY);
    return {std::move(permissions), "", ""};
  }

  PushPhone EnrolPhone(const std::string& member_id) {
    v1::BeginEnrollmentRequest begin;
    begin.set_account_id("acme");
    begin.set_member_id(member_id);
    begin.set_factor_type("push");
    const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
    EXPECT_TRUE(begun.ok()) << begun.status();
    PushPhone phone(begun->activation().push().activation_uri());
    v1::ConfirmEnrollmentRequest confirm;
    confirm.set_account_id("acme");
    confirm.set_member_id(member_id);
    confirm.set_enrollment_id(phone.enrollment_id());
    *confirm.mutable_response()->mutable_device() = phone.Registration();
    const auto confirmed =
        harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm);
    EXPECT_TRUE(confirmed.ok() && confirmed->verified()) << confirmed.status();
    return phone;
  }

  // One call of the engine under test.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(absl::Status (ApprovalEngine::*method)(
                                    Plan&, const Request&, Response&) const,
                                const Request& request) {
    return harness_.Call(approvals_, method, request);
  }

  static v1::ApproveTogetherRequest Payout(uint32_t wanted_members = 2) {
    v1::ApproveTogetherRequest request;
    request.set_account_id("acme");
    request.set_purpose("payout");
    request.mutable_details()->set_title("Pay the rent");
    request.mutable_details()->set_amount("1,250.00 EUR");
    request.set_wanted_members(wanted_members);
    return request;
  }

  // The id of a new approval.
  std::string Start(const v1::ApproveTogetherRequest& request = Payout()) {
    const auto started = Call(&ApprovalEngine::ApproveTogether, request);
    EXPECT_TRUE(started.ok()) << started.status();
    return started.ok() ? started->approval().approval_id() : "";
  }

  absl::StatusOr<v1::AddApprovalResponse> Add(
      const v1::AddApprovalRequest& request) {
    return Call(&ApprovalEngine::AddApproval, request);
  }

  static v1::AddApprovalRequest Answer(const std::string& approval_id,
                                       const std::string& member_id,
                                       const std::string& code = "",
                                       const std::string& challenge_id = "") {
    v1::AddApprovalRequest request;
    request.set_approval_id(approval_id);
    request.set_member_id(member_id);
    request.set_challenge_id(challenge_id);
    if (!code.empty()) request.mutable_response()->set_code(code);
    return request;
  }

  std::string CodeOf(const std::string& member_id) {
    return apps_.at(member_id).authenticator.CodeAt(harness_.now());
  }

  std::string WrongCodeOf(const std::string& member_id) {
    return WrongCode(apps_.at(member_id).authenticator, harness_.now());
  }

  // A right code up front.
  absl::StatusOr<v1::AddApprovalResponse> Approve(
      const std::string& approval_id, const std::string& member_id) {
    return Add(Answer(approval_id, member_id, CodeOf(member_id)));
  }
  bool Approves(const std::string& approval_id, const std::string& member_id) {
    const auto added = Approve(approval_id, member_id);
    EXPECT_TRUE(added.ok()) << added.status();
    return added.ok() && added->verified();
  }

  v1::AskForApprovalRequest AskRequest(const std::string& approval_id,
                                       const std::string& member_id,
                                       const std::string& factor_type) {
    v1::AskForApprovalRequest request;
    request.set_approval_id(approval_id);
    request.set_member_id(member_id);
    request.set_factor_type(factor_type);
    return request;
  }
  absl::StatusOr<v1::AskForApprovalResponse> Ask(
      const std::string& approval_id, const std::string& member_id,
      const std::string& factor_type = "push") {
    return Call(&ApprovalEngine::AskForApproval,
                AskRequest(approval_id, member_id, factor_type));
  }

  // What the person does on the phone.
  void AnswerOn(const PushPhone& phone, const v1::AskForApprovalResponse& asked,
                v1::PushDecision decision) {
    v1::AnswerChallengeRequest request;
    request.set_challenge_id(asked.challenge().challenge_id());
    request.set_account_id(phone.account_id());
    request.set_member_id(phone.member_id());
    request.set_enrollment_id(phone.enrollment_id());
    *request.mutable_answer() = phone.Answer(
        asked.challenge(), decision,
        decision == v1::PUSH_DECISION_APPROVE ? asked.number() : "");
    const auto answered =
        harness_.Call(&ChallengeEngine::AnswerChallenge, request);
    ASSERT_TRUE(answered.ok()) << answered.status();
    EXPECT_TRUE(answered->accepted());
  }

  absl::StatusOr<v1::GetApprovalResponse> TryGet(
      const std::string& approval_id) {
    v1::GetApprovalRequest request;
    request.set_approval_id(approval_id);
    return Call(&ApprovalEngine::GetApproval, request);
  }
  v1::Approval Get(const std::string& approval_id) {
    const auto got = TryGet(approval_id);
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() ? got->approval() : v1::Approval();
  }

  std::vector<std::string> ApproversOf(const std::string& approval_id) {
    std::vector<std::string> approvers;
    const v1::Approval approval = Get(approval_id);
    for (const v1::MemberApproval& one : approval.approvals()) {
      approvers.push_back(one.member_id());
    }
    return approvers;
  }

  v1::ChallengeState StateOfChallenge(const std::string& challenge_id) {
    v1::GetChallengeRequest request;
    request.set_challenge_id(challenge_id);
    const auto got = harness_.Call(&ChallengeEngine::GetChallenge, request);
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() ? got->challenge().state()
                    : v1::CHALLENGE_STATE_UNSPECIFIED;
  }

  EngineHarness harness_;
  SeededRandomness randomness_;
  const Receipts receipts_;
  const ApprovalEngine approvals_;
  // By member id.
  std::map<std::string, EngineHarness::Enrolled> apps_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_APPROVAL_FIXTURE_H_
