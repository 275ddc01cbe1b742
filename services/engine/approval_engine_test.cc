// Approvals of several members, as they are meant to go.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/errors.h"
#include "factors/push/signed_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/approval_fixture.h"
#include "services/engine/keys.h"
#include "services/engine/sign_in_policy.h"
#include "storage/store.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class ApprovalEngineTest : public ApprovalFixture {
 protected:
  // A receipt as whoever gets it reads it.
  Receipt Check(const std::string& jwt) {
    const auto snapshot = harness_.store().GetSnapshot();
    const Caller caller = Caller::Server();
    const auto read =
        receipts_.Check(Plan(*snapshot, harness_.now(), caller), jwt);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.value_or(Receipt());
  }

  // From now on the policy of acme allows all but TOTP.
  void ForbidTotp() {
    v1::Policy policy = DefaultPolicy();
    for (const factors::Factor* factor : harness_.registry().All()) {
      const std::string& factor_type = factor->descriptor().type_id;
      if (factor_type != "totp") policy.add_allowed_factor_types(factor_type);
    }
    record::v1::PolicyRecord record;
    record.set_version(kRecordVersion);
    policy.SerializeToString(record.mutable_policy());
    storage::Transaction transaction;
    transaction.Put(PolicyKey("acme"), record.SerializeAsString());
    ASSERT_TRUE(
        storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  }

  void ExpectInvalid(const v1::ApproveTogetherRequest& request,
                     const std::string& field) {
    const absl::Status status =
        Call(&ApprovalEngine::ApproveTogether, request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_TRUE(absl::StartsWith(status.message(), field)) << status;
  }

  // The one active recovery code set of a member.
  std::vector<std::string> EnrolRecoveryCodes(const std::string& member_id) {
    v1::BeginEnrollmentRequest begin;
    begin.set_account_id("acme");
    begin.set_member_id(member_id);
    begin.set_factor_type("recovery_code");
    const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
    EXPECT_TRUE(begun.ok()) << begun.status();
    const auto& codes = begun->activation().recovery_code().codes();
    v1::ConfirmEnrollmentRequest confirm;
    confirm.set_account_id("acme");
    confirm.set_member_id(member_id);
    confirm.set_enrollment_id(begun->enrollment().enrollment_id());
    confirm.mutable_response()->set_code(codes[0]);
    EXPECT_TRUE(
        harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm).ok());
    return {codes.begin(), codes.end()};
  }
};

TEST_F(ApprovalEngineTest, IsApprovedOnceEnoughMembersHaveAnswered) {
  const std::string id = Start(Payout(3));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);
  EXPECT_THAT(ApproversOf(id), IsEmpty());
  EXPECT_TRUE(Approves(id, "carol"));
  harness_.clock().Advance(absl::Seconds(1));
  EXPECT_TRUE(Approves(id, "ada"));
  EXPECT_THAT(ApproversOf(id), ElementsAre("carol", "ada"));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);

  harness_.clock().Advance(absl::Seconds(1));
  const auto last = Approve(id, "bob");
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_TRUE(last->verified());
  EXPECT_EQ(last->approval().state(), v1::APPROVAL_STATE_APPROVED);
  const v1::Approval approval = Get(id);
  EXPECT_EQ(approval.state(), v1::APPROVAL_STATE_APPROVED);
  EXPECT_EQ(approval.purpose(), "payout");
  EXPECT_EQ(approval.details().amount(), "1,250.00 EUR");
  ASSERT_EQ(approval.approvals_size(), 3);
  EXPECT_EQ(approval.approvals(2).member_id(), "bob");
  EXPECT_EQ(approval.approvals(2).factor_type(), "totp");
  EXPECT_EQ(approval.approvals(2).enrollment_id(),
            apps_.at("bob").enrollment_id);
}

TEST_F(ApprovalEngineTest, TheReceiptStatesWhoApprovedWhat) {
  const std::string id = Start();
  EXPECT_TRUE(Approves(id, "ada"));
  EXPECT_EQ(TryGet(id)->receipt(), "");
  harness_.clock().Advance(absl::Seconds(1));
  EXPECT_TRUE(Approves(id, "bob"));
  const auto got = TryGet(id);
  ASSERT_TRUE(got.ok()) << got.status();
  const Receipt receipt = Check(got->receipt());
  EXPECT_EQ(receipt.account_id, "acme");
  EXPECT_EQ(receipt.client_id, "cofactord");
  EXPECT_EQ(receipt.member_id, "");
  EXPECT_EQ(receipt.session_id, "");
  EXPECT_EQ(receipt.acr, "");
  EXPECT_EQ(receipt.purpose, "payout");
  EXPECT_EQ(receipt.challenge_digest,
            factors::push::DetailsDigest("payout", Payout().details()));
  EXPECT_THAT(receipt.approver_member_ids, ElementsAre("ada", "bob"));
  EXPECT_THAT(receipt.enrollment_ids,
              ElementsAre(apps_.at("ada").enrollment_id,
                          apps_.at("bob").enrollment_id));
  EXPECT_THAT(receipt.amr, ElementsAre("otp"));
  EXPECT_EQ(absl::ToUnixSeconds(receipt.auth_time),
            absl::ToUnixSeconds(harness_.now()));
}

// Requirement 29: two kinds of factor of two people are no "mfa" of one.
TEST_F(ApprovalEngineTest, TheReceiptNeverSaysMfa) {
  constexpr char kPassword[] = "nine lamps in the attic";
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id("ada");
  begin.set_factor_type("password");
  begin.mutable_parameters()->mutable_password()->set_password(kPassword);
  const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
  ASSERT_TRUE(begun.ok()) << begun.status();
  v1::ConfirmEnrollmentRequest confirm;
  confirm.set_account_id("acme");
  confirm.set_member_id("ada");
  confirm.set_enrollment_id(begun->enrollment().enrollment_id());
  confirm.mutable_response()->set_password(kPassword);
  ASSERT_TRUE(
      harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm)->verified());

  v1::AddApprovalRequest by_password;
  by_password.set_member_id("ada");
  by_password.set_factor_type("password");
  by_password.mutable_response()->set_password(kPassword);
  by_password.set_approval_id(Start());
  EXPECT_EQ(Add(by_password).status().code(),
            absl::StatusCode::kInvalidArgument);
  v1::ApproveTogetherRequest naming = Payout();
  naming.add_factor_types("password");
  naming.add_factor_types("totp");
  const std::string id = Start(naming);
  by_password.set_approval_id(id);
  EXPECT_TRUE(Add(by_password)->verified());
  EXPECT_TRUE(Approves(id, "bob"));
  EXPECT_THAT(Check(TryGet(id)->receipt()).amr,
              UnorderedElementsAre("pwd", "otp"));
}

TEST_F(ApprovalEngineTest, ADeviceShowsWhatIsApproved) {
  const PushPhone phone = EnrolPhone("ada");
  const std::string id = Start();
  const auto asked = Ask(id, "ada");
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->challenge().purpose(), "payout");
  EXPECT_EQ(asked->challenge().details().title(), "Pay the rent");
  EXPECT_EQ(asked->number().size(), 6u);

  // Nothing is decided yet, and nothing counted or logged.
  const size_t events = harness_.AuditEvents().size();
  for (int i = 0; i < 20; ++i) {
    const auto pending = Add(Answer(id, "ada"));
    ASSERT_TRUE(pending.ok()) << pending.status();
    EXPECT_FALSE(pending->verified());
    EXPECT_EQ(pending->reason(), v1::VERIFICATION_REASON_UNSPECIFIED);
    EXPECT_EQ(pending->approval().state(), v1::APPROVAL_STATE_OPEN);
  }
  EXPECT_EQ(harness_.AuditEvents().size(), events);

  const absl::Time approved = harness_.now();
  AnswerOn(phone, *asked, v1::PUSH_DECISION_APPROVE);
  harness_.clock().Advance(absl::Minutes(20));
  EXPECT_THAT(ApproversOf(id), IsEmpty());
  const auto added = Add(Answer(id, "ada"));
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_TRUE(added->verified());
  ASSERT_EQ(added->approval().approvals_size(), 1);
  EXPECT_EQ(added->approval().approvals(0).enrollment_id(),
            phone.enrollment_id());
  // When the person approved, not when somebody asked for it.
  EXPECT_EQ(added->approval().approvals(0).time().seconds(),
            absl::ToUnixSeconds(approved));
}

TEST_F(ApprovalEngineTest, TakesACodeThatWasSentForIt) {
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id("ada");
  begin.set_factor_type("sms");
  begin.mutable_parameters()->mutable_sms()->set_phone_number("+4915112345678");
  const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
  ASSERT_TRUE(begun.ok()) << begun.status();
  const auto take_code = [&] {
    const auto messages = harness_.TakeMessages();
    EXPECT_EQ(messages.size(), 1u);
    return messages.empty()
               ? std::string()
               : std::string(messages[0].message.code.ExposeSecret());
  };
  v1::ConfirmEnrollmentRequest confirm;
  confirm.set_account_id("acme");
  confirm.set_member_id("ada");
  confirm.set_enrollment_id(begun->enrollment().enrollment_id());
  confirm.mutable_response()->set_code(take_code());
  ASSERT_TRUE(
      harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm).ok());
  harness_.clock().Advance(absl::Minutes(1));

  const std::string id = Start();
  const auto asked = Ask(id, "ada", "sms");
  ASSERT_TRUE(asked.ok()) << asked.status();
  const std::string code = take_code();
  const std::string challenge_id = asked->challenge().challenge_id();
  const auto wrong = Add(
      Answer(id, "ada", code == "000000" ? "000001" : "000000", challenge_id));
  ASSERT_TRUE(wrong.ok()) << wrong.status();
  EXPECT_FALSE(wrong->verified());
  EXPECT_EQ(wrong->reason(), v1::VERIFICATION_REASON_WRONG_CODE);
  const auto right = Add(Answer(id, "ada", code, challenge_id));
  ASSERT_TRUE(right.ok()) << right.status();
  EXPECT_TRUE(right->verified());
  EXPECT_EQ(StateOfChallenge(challenge_id), v1::CHALLENGE_STATE_APPROVED);
}

TEST_F(ApprovalEngineTest, ARefusalEndsItAndAsksNobodyElse) {
  const PushPhone adas = EnrolPhone("ada");
  const PushPhone bobs = EnrolPhone("bob");
  for (const v1::PushDecision decision :
       {v1::PUSH_DECISION_DENY, v1::PUSH_DECISION_REPORT}) {
    const std::string id = Start();
    const auto ada = Ask(id, "ada");
    const auto bob = Ask(id, "bob");
    ASSERT_TRUE(ada.ok() && bob.ok()) << ada.status() << bob.status();
    AnswerOn(adas, *ada, decision);
    const auto denied = Add(Answer(id, "ada"));
    ASSERT_TRUE(denied.ok()) << denied.status();
    EXPECT_FALSE(denied->verified());
    EXPECT_EQ(denied->reason(), v1::VERIFICATION_REASON_DENIED);
    EXPECT_EQ(denied->approval().state(), v1::APPROVAL_STATE_DENIED);
    EXPECT_EQ(denied->approval().denied_by_member_id(), "ada");
    EXPECT_EQ(StateOfChallenge(bob->challenge().challenge_id()),
              v1::CHALLENGE_STATE_CANCELLED);
    EXPECT_EQ(ErrorReason(Approve(id, "carol").status()), "APPROVAL_OVER");
    EXPECT_EQ(TryGet(id)->receipt(), "");
  }
}

TEST_F(ApprovalEngineTest, AnAnswerGivenByTheBackendCanRefuse) {
  const PushPhone phone = EnrolPhone("ada");
  const std::string id = Start();
  const auto asked = Ask(id, "ada");
  ASSERT_TRUE(asked.ok()) << asked.status();
  v1::AddApprovalRequest request =
      Answer(id, "ada", "", asked->challenge().challenge_id());
  request.set_enrollment_id(phone.enrollment_id());
  *request.mutable_response()->mutable_push() =
      phone.Answer(asked->challenge(), v1::PUSH_DECISION_REPORT);
  const auto denied = Add(request);
  ASSERT_TRUE(denied.ok()) << denied.status();
  EXPECT_EQ(denied->reason(), v1::VERIFICATION_REASON_REPORTED);
  EXPECT_EQ(denied->approval().state(), v1::APPROVAL_STATE_DENIED);
}

TEST_F(ApprovalEngineTest, CancelEndsItAndItsChallenges) {
  EnrolPhone("ada");
  const std::string id = Start();
  const auto asked = Ask(id, "ada");
  ASSERT_TRUE(asked.ok()) << asked.status();
  v1::CancelApprovalRequest cancel;
  cancel.set_approval_id(id);
  const auto cancelled = Call(&ApprovalEngine::CancelApproval, cancel);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->approval().state(), v1::APPROVAL_STATE_CANCELLED);
  EXPECT_EQ(StateOfChallenge(asked->challenge().challenge_id()),
            v1::CHALLENGE_STATE_CANCELLED);
  for (const absl::Status& status :
       {Call(&ApprovalEngine::CancelApproval, cancel).status(),
        Approve(id, "bob").status(), Ask(id, "ada").status()}) {
    EXPECT_EQ(ErrorReason(status), "APPROVAL_OVER");
  }
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_CANCELLED);
}

TEST_F(ApprovalEngineTest, ANewChallengeTakesThePlaceOfTheOneBefore) {
  const std::string id = Start();
  const auto first = Ask(id, "ada", "totp");
  const auto second = Ask(id, "ada", "totp");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(StateOfChallenge(first->challenge().challenge_id()),
            v1::CHALLENGE_STATE_SUPERSEDED);
  const auto old =
      Add(Answer(id, "ada", CodeOf("ada"), first->challenge().challenge_id()));
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_FALSE(old->verified());
  const auto present =
      Add(Answer(id, "ada", CodeOf("ada"), second->challenge().challenge_id()));
  ASSERT_TRUE(present.ok()) << present.status();
  EXPECT_TRUE(present->verified());
  EXPECT_EQ(ErrorReason(Ask(id, "ada", "totp").status()), "ALREADY_ANSWERED");
}

TEST_F(ApprovalEngineTest, NobodyIsAskedForLongerThanItIsOpen) {
  v1::ApproveTogetherRequest request = Payout();
  request.mutable_lifetime()->set_seconds(3600);
  const std::string id = Start(request);
  const auto expire_time = Get(id).expire_time().seconds();
  EXPECT_EQ(expire_time, absl::ToUnixSeconds(harness_.now()) + 3600);
  EXPECT_EQ(Ask(id, "ada", "totp")->challenge().expire_time().seconds(),
            absl::ToUnixSeconds(harness_.now()) + 600);
  harness_.clock().Advance(absl::Minutes(55));
  EXPECT_EQ(Ask(id, "ada", "totp")->challenge().expire_time().seconds(),
            expire_time);
  harness_.clock().Advance(absl::Minutes(5) - absl::Seconds(30));
  EXPECT_TRUE(Ask(id, "ada", "totp").ok());
  harness_.clock().Advance(absl::Microseconds(1));
  EXPECT_EQ(ErrorReason(Ask(id, "ada", "totp").status()), "APPROVAL_OVER");
}

TEST_F(ApprovalEngineTest, ARetryCountsOnce) {
  v1::ApproveTogetherRequest start = Payout();
  start.set_request_id("start");
  const std::string id = Start(start);
  EXPECT_EQ(Start(start), id);
  v1::AddApprovalRequest wrong = Answer(id, "ada", WrongCodeOf("ada"));
  wrong.set_request_id("wrong");
  for (int i = 0; i < 20; ++i) {
    const auto added = Add(wrong);
    ASSERT_TRUE(added.ok()) << added.status();
    EXPECT_FALSE(added->verified());
  }
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", apps_.at("ada").enrollment_id)
                .consecutive_failures(),
            1u);
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);
}

TEST_F(ApprovalEngineTest, RecoveryCodesCountOnlyWhereTheyAreNamed) {
  const std::vector<std::string> codes = EnrolRecoveryCodes("ada");
  const std::string id = Start();
  v1::AddApprovalRequest request = Answer(id, "ada", codes[1]);
  request.set_factor_type("recovery_code");
  EXPECT_EQ(Add(request).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Ask(id, "ada", "recovery_code").status().code(),
            absl::StatusCode::kInvalidArgument);

  v1::ApproveTogetherRequest naming = Payout();
  naming.add_factor_types("recovery_code");
  const std::string other = Start(naming);
  request.set_approval_id(other);
  const auto added = Add(request);
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_TRUE(added->verified());
  // And nothing but what is named.
  EXPECT_EQ(Approve(other, "bob").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ApprovalEngineTest, WhatThePolicyForbidsCountsForNothing) {
  const std::string id = Start();
  const auto asked = Ask(id, "bob", "totp");
  ASSERT_TRUE(asked.ok()) << asked.status();
  ForbidTotp();
  EXPECT_EQ(Approve(id, "ada").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Ask(id, "ada", "totp").status().code(),
            absl::StatusCode::kInvalidArgument);
  v1::AskForApprovalRequest by_id = AskRequest(id, "ada", "");
  by_id.set_enrollment_id(apps_.at("ada").enrollment_id);
  EXPECT_EQ(Call(&ApprovalEngine::AskForApproval, by_id).status().code(),
            absl::StatusCode::kInvalidArgument);
  v1::ApproveTogetherRequest naming = Payout();
  naming.add_factor_types("totp");
  ExpectInvalid(naming, "factor_types");
  // A challenge from before is no way around it.
  EXPECT_EQ(
      Add(Answer(id, "bob", CodeOf("bob"), asked->challenge().challenge_id()))
          .status()
          .code(),
      absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(ApproversOf(id), IsEmpty());
}

TEST_F(ApprovalEngineTest, RefusesWhatNobodyCouldMean) {
  ExpectInvalid(Payout(0), "wanted_members");
  ExpectInvalid(Payout(1), "wanted_members");
  ExpectInvalid(Payout(17), "wanted_members");
  EXPECT_NE(Start(Payout(16)), "");
  v1::ApproveTogetherRequest request = Payout();
  request.clear_purpose();
  ExpectInvalid(request, "purpose");
  request = Payout();
  request.mutable_details()->set_title(std::string(257, 'a'));
  ExpectInvalid(request, "details.title");
  request = Payout();
  request.set_account_id("a/b");
  ExpectInvalid(request, "account_id");
  request = Payout(3);
  request.add_member_ids("ada");
  request.add_member_ids("bob");
  ExpectInvalid(request, "member_ids");
  request.add_member_ids("ada");
  ExpectInvalid(request, "member_ids");
  request = Payout();
  for (int i = 0; i < 65; ++i) request.add_member_ids("m" + std::to_string(i));
  ExpectInvalid(request, "member_ids");
  request = Payout();
  request.mutable_lifetime()->set_seconds(59);
  ExpectInvalid(request, "lifetime");
  request.mutable_lifetime()->set_seconds(7 * 24 * 3600 + 1);
  ExpectInvalid(request, "lifetime");
  request = Payout();
  request.add_factor_types("astrology");
  ExpectInvalid(request, "factor_types");
  request = Payout();
  request.add_factor_types("totp");
  request.add_factor_types("totp");
  ExpectInvalid(request, "factor_types");
  request = Payout();
  request.set_account_id("nowhere");
  EXPECT_EQ(Call(&ApprovalEngine::ApproveTogether, request).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ApprovalEngineTest, TheAuditLogTellsWhichApprovalItWas) {
  const std::string id = Start();
  EXPECT_TRUE(Approves(id, "ada"));
  EXPECT_TRUE(Approves(id, "bob"));
  const record::v1::AuditRecord event = harness_.AuditEvents().back();
  EXPECT_EQ(event.action(), "AddApproval");
  EXPECT_EQ(event.account_id(), "acme");
  EXPECT_EQ(event.member_id(), "bob");
  EXPECT_EQ(event.enrollment_id(), apps_.at("bob").enrollment_id);
  EXPECT_EQ(event.note(), "approval " + id + ": APPROVAL_STATE_APPROVED");
}

}  // namespace
}  // namespace cofactor::services
