// Approvals of several members, against those who want one with fewer of them.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/approval_fixture.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ApprovalAttacksTest : public ApprovalFixture {
 protected:
  // Not accepted, and counted: it takes ten to end an approval of two.
  void ExpectWrong(const absl::StatusOr<v1::AddApprovalResponse>& added) {
    ASSERT_TRUE(added.ok()) << added.status();
    EXPECT_FALSE(added->verified());
    EXPECT_EQ(added->reason(), v1::VERIFICATION_REASON_WRONG_CODE);
  }

  // Brings the same answer so often that it has to end the approval, if each
  // one counts and no more than that.
  void ExpectEachCounts(const v1::AddApprovalRequest& request) {
    for (int i = 0; i < 10; ++i) {
      ASSERT_EQ(Get(request.approval_id()).state(), v1::APPROVAL_STATE_OPEN)
          << i;
      ExpectWrong(Add(request));
    }
    EXPECT_EQ(Get(request.approval_id()).state(), v1::APPROVAL_STATE_FAILED);
  }
};

TEST_F(ApprovalAttacksTest, OnePersonWithThreeFactorsCountsOnce) {
  const PushPhone phone = EnrolPhone("ada");
  const auto second = harness_.EnrollTotp("acme", "ada");
  const std::string id = Start();
  const auto asked = Ask(id, "ada");
  ASSERT_TRUE(asked.ok()) << asked.status();
  AnswerOn(phone, *asked, v1::PUSH_DECISION_APPROVE);
  EXPECT_TRUE(Add(Answer(id, "ada"))->verified());
  EXPECT_TRUE(Approves(id, "ada"));
  EXPECT_TRUE(
      Add(Answer(id, "ada", second.authenticator.CodeAt(harness_.now())))
          ->verified());
  EXPECT_THAT(ApproversOf(id), ElementsAre("ada"));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);
  // What was not needed was not used up.
  EXPECT_TRUE(harness_.Verify("acme", "ada", CodeOf("ada"))->verified());
}

TEST_F(ApprovalAttacksTest, WhoHasApprovedIsNotJudgedAgain) {
  const std::string id = Start();
  EXPECT_TRUE(Approves(id, "ada"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Add(Answer(id, "ada", WrongCodeOf("ada")))->verified());
    EXPECT_TRUE(Add(Answer(id, "ada"))->verified());
  }
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", apps_.at("ada").enrollment_id)
                .consecutive_failures(),
            0u);
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);
  EXPECT_THAT(ApproversOf(id), ElementsAre("ada"));
}

TEST_F(ApprovalAttacksTest, SixtyFourAnswersAtOnceOfOneMemberCountOnce) {
  const std::string id = Start();
  const v1::AddApprovalRequest request = Answer(id, "ada", CodeOf("ada"));
  std::atomic<int> verified = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      const auto added = Add(request);
      if (added.ok() && added->verified()) ++verified;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 64);
  EXPECT_THAT(ApproversOf(id), ElementsAre("ada"));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);
  int judged = 0;
  for (const auto& event : harness_.AuditEvents()) {
    judged += event.action() == "AddApproval";
  }
  EXPECT_EQ(judged, 1);
}

TEST_F(ApprovalAttacksTest, OfThreeLastAnswersAtOnceOneEndsIt) {
  const std::vector<std::string> members = {"ada", "bob", "carol"};
  for (int round = 0; round < 20; ++round) {
    harness_.clock().Advance(absl::Seconds(30));
    const std::string id = Start();
    std::vector<absl::StatusOr<v1::AddApprovalResponse>> added(
        members.size(), absl::UnknownError(""));
    std::vector<std::thread> threads;
    for (size_t i = 0; i < members.size(); ++i) {
      threads.emplace_back([&, i] { added[i] = Approve(id, members[i]); });
    }
    for (std::thread& thread : threads) thread.join();
    int ends = 0;
    int late = 0;
    for (size_t i = 0; i < members.size(); ++i) {
      if (added[i].ok()) {
        EXPECT_TRUE(added[i]->verified());
        ends += added[i]->approval().state() == v1::APPROVAL_STATE_APPROVED;
        continue;
      }
      EXPECT_EQ(ErrorReason(added[i].status()), "APPROVAL_OVER");
      ++late;
      // Whoever came too late still has the code.
      EXPECT_TRUE(
          harness_.Verify("acme", members[i], CodeOf(members[i]))->verified());
    }
    EXPECT_EQ(ends, 1);
    EXPECT_EQ(late, 1);
    EXPECT_EQ(ApproversOf(id).size(), 2u);
  }
}

TEST_F(ApprovalAttacksTest, AnswersAfterTheEndCountForNothing) {
  v1::ApproveTogetherRequest request = Payout();
  request.mutable_lifetime()->set_seconds(60);
  const std::string id = Start(request);
  const PushPhone phone = EnrolPhone("bob");
  const auto asked = Ask(id, "bob");
  ASSERT_TRUE(asked.ok()) << asked.status();
  AnswerOn(phone, *asked, v1::PUSH_DECISION_APPROVE);
  EXPECT_TRUE(Approves(id, "ada"));
  harness_.clock().Advance(absl::Seconds(60) - absl::Microseconds(1));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);
  harness_.clock().Advance(absl::Microseconds(1));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_EXPIRED);
  // Not the member who has approved, not one who did so on a device in time.
  for (const auto& added :
       {Approve(id, "carol"), Add(Answer(id, "bob")), Add(Answer(id, "ada"))}) {
    EXPECT_EQ(ErrorReason(added.status()), "APPROVAL_OVER");
  }
  EXPECT_EQ(TryGet(id)->receipt(), "");
  EXPECT_TRUE(harness_.Verify("acme", "carol", CodeOf("carol"))->verified());
}

TEST_F(ApprovalAttacksTest, ToAnotherClientThereIsNoApproval) {
  const std::string id = Start();
  v1::CancelApprovalRequest cancel;
  cancel.set_approval_id(id);
  harness_.ActAs(ClientOf("another"));
  for (const absl::Status& status :
       {TryGet(id).status(), Approve(id, "ada").status(),
        Ask(id, "ada", "totp").status(),
        Call(&ApprovalEngine::CancelApproval, cancel).status(),
        TryGet("invented").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(ErrorReason(status), "APPROVAL_NOT_FOUND");
  }
  // Nor is there to the client itself once it is kept off the account.
  harness_.ActAs(ClientOf("backend"));
  const std::string own = Start();
  Caller limited = ClientOf("backend");
  auto permissions = std::make_shared<Permissions>(*limited.permissions);
  permissions->account_ids = {"elsewhere"};
  limited.permissions = permissions;
  harness_.ActAs(limited);
  EXPECT_EQ(ErrorReason(TryGet(own).status()), "APPROVAL_NOT_FOUND");
}

TEST_F(ApprovalAttacksTest, ASuspendedMemberNoLongerCounts) {
  const std::string id = Start();
  EXPECT_TRUE(Approves(id, "ada"));
  SetState("ada", v1::MEMBER_STATE_SUSPENDED);
  EXPECT_THAT(ApproversOf(id), IsEmpty());
  EXPECT_TRUE(Approves(id, "bob"));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);
  // What was taken out stays out: the person approves anew.
  SetState("ada", v1::MEMBER_STATE_ACTIVE);
  EXPECT_THAT(ApproversOf(id), ElementsAre("bob"));
  harness_.clock().Advance(absl::Seconds(30));
  EXPECT_TRUE(Approves(id, "ada"));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_APPROVED);
}

TEST_F(ApprovalAttacksTest, ASuspendedMemberCannotApprove) {
  const PushPhone phone = EnrolPhone("ada");
  const std::string id = Start();
  const auto asked = Ask(id, "ada");
  ASSERT_TRUE(asked.ok()) << asked.status();
  AnswerOn(phone, *asked, v1::PUSH_DECISION_APPROVE);
  SetState("ada", v1::MEMBER_STATE_SUSPENDED);
  EXPECT_FALSE(Approves(id, "ada"));
  EXPECT_FALSE(Add(Answer(id, "ada"))->verified());
  // The answer of the device is used up by that.
  SetState("ada", v1::MEMBER_STATE_ACTIVE);
  EXPECT_EQ(ErrorReason(Add(Answer(id, "ada")).status()), "NOT_ASKED");
  EXPECT_THAT(ApproversOf(id), IsEmpty());
}

TEST_F(ApprovalAttacksTest, AFactorThatWasRemovedNoLongerCounts) {
  const std::string id = Start();
  EXPECT_TRUE(Approves(id, "ada"));
  harness_.DeleteEnrollment("acme", "ada", apps_.at("ada").enrollment_id);
  EXPECT_TRUE(Approves(id, "bob"));
  EXPECT_THAT(ApproversOf(id), ElementsAre("bob"));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);
}

TEST_F(ApprovalAttacksTest, AFactorThatWasDisabledNoLongerCounts) {
  v1::ApproveTogetherRequest request = Payout();
  request.mutable_lifetime()->set_seconds(7 * 24 * 3600);
  const std::string id = Start(request);
  EXPECT_TRUE(Approves(id, "ada"));
  for (int i = 0; i < 100; ++i) {
    harness_.clock().Advance(absl::Hours(1));
    ASSERT_TRUE(harness_.Verify("acme", "ada", WrongCodeOf("ada")).ok()) << i;
    EXPECT_EQ(ApproversOf(id).size(), i < 99 ? 1u : 0u) << i;
  }
}

TEST_F(ApprovalAttacksTest, ADeviceThatWasRemovedApprovesNothing) {
  const PushPhone phone = EnrolPhone("ada");
  const std::string id = Start();
  const auto asked = Ask(id, "ada");
  ASSERT_TRUE(asked.ok()) << asked.status();
  AnswerOn(phone, *asked, v1::PUSH_DECISION_APPROVE);
  harness_.DeleteEnrollment("acme", "ada", phone.enrollment_id());
  EXPECT_FALSE(Add(Answer(id, "ada"))->verified());
  EXPECT_THAT(ApproversOf(id), IsEmpty());
}

TEST_F(ApprovalAttacksTest, AnotherMemberOfTheSameIdIsAnotherPerson) {
  const PushPhone phone = EnrolPhone("bob");
  const std::string id = Start();
  EXPECT_TRUE(Approves(id, "ada"));
  const auto asked = Ask(id, "bob");
  ASSERT_TRUE(asked.ok()) << asked.status();
  AnswerOn(phone, *asked, v1::PUSH_DECISION_APPROVE);
  for (const char* member_id : {"ada", "bob"}) DeleteMember(member_id);
  harness_.clock().Advance(absl::Seconds(1));
  for (const char* member_id : {"ada", "bob"}) AddMember(member_id);
  EXPECT_THAT(ApproversOf(id), IsEmpty());
  // What was asked of the one before is none of the new one's.
  ExpectWrong(Add(Answer(id, "bob", "", asked->challenge().challenge_id())));
  EXPECT_THAT(ApproversOf(id), IsEmpty());
  EXPECT_TRUE(Approves(id, "carol"));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);
  // The new one is asked as anybody else.
  const PushPhone other = EnrolPhone("bob");
  const auto again = Ask(id, "bob");
  ASSERT_TRUE(again.ok()) << again.status();
  AnswerOn(other, *again, v1::PUSH_DECISION_APPROVE);
  EXPECT_TRUE(Add(Answer(id, "bob"))->verified());
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_APPROVED);
}

TEST_F(ApprovalAttacksTest, TheRefusalOfAMemberBeforeIsNoneOfTheNewOnes) {
  const PushPhone phone = EnrolPhone("carol");
  const std::string id = Start();
  const auto asked = Ask(id, "carol");
  ASSERT_TRUE(asked.ok()) << asked.status();
  AnswerOn(phone, *asked, v1::PUSH_DECISION_DENY);
  DeleteMember("carol");
  harness_.clock().Advance(absl::Seconds(1));
  AddMember("carol");
  EXPECT_TRUE(Approves(id, "ada"));
  EXPECT_TRUE(Approves(id, "carol"));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_APPROVED);
}

TEST_F(ApprovalAttacksTest, OnceApprovedItStaysSo) {
  const std::string id = Start();
  EXPECT_TRUE(Approves(id, "ada"));
  EXPECT_TRUE(Approves(id, "bob"));
  SetState("ada", v1::MEMBER_STATE_SUSPENDED);
  DeleteMember("bob");
  harness_.clock().Advance(absl::Hours(2));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_APPROVED);
  EXPECT_THAT(ApproversOf(id), ElementsAre("ada", "bob"));
  EXPECT_NE(TryGet(id)->receipt(), "");
}

// Requirement 24.
TEST_F(ApprovalAttacksTest, AChallengeOfAnotherMemberIsAWrongAnswer) {
  const std::string id = Start();
  const auto bobs = Ask(id, "bob", "totp");
  ASSERT_TRUE(bobs.ok()) << bobs.status();
  const std::string challenge_id = bobs->challenge().challenge_id();
  ExpectEachCounts(Answer(id, "ada", CodeOf("ada"), challenge_id));
  EXPECT_TRUE(harness_.Verify("acme", "ada", CodeOf("ada"))->verified());
}

// Requirement 24.
TEST_F(ApprovalAttacksTest, AChallengeOfAnotherApprovalIsAWrongAnswer) {
  const PushPhone phone = EnrolPhone("ada");
  const std::string one = Start();
  const std::string other = Start();
  const auto asked = Ask(one, "ada");
  ASSERT_TRUE(asked.ok()) << asked.status();
  const std::string challenge_id = asked->challenge().challenge_id();
  AnswerOn(phone, *asked, v1::PUSH_DECISION_APPROVE);
  ExpectEachCounts(Answer(other, "ada", "", challenge_id));
  // Where it belongs it is good.
  EXPECT_TRUE(Add(Answer(one, "ada", "", challenge_id))->verified());
}

// Requirement 24.
TEST_F(ApprovalAttacksTest, AChallengeOfNoApprovalIsAWrongAnswer) {
  const std::string id = Start();
  v1::CreateChallengeRequest create;
  create.set_account_id("acme");
  create.set_member_id("ada");
  create.set_factor_type("totp");
  create.set_purpose("payout");
  const auto created = harness_.Call(&ChallengeEngine::CreateChallenge, create);
  ASSERT_TRUE(created.ok()) << created.status();
  ExpectWrong(Add(
      Answer(id, "ada", CodeOf("ada"), created->challenge().challenge_id())));
  ExpectWrong(Add(Answer(id, "ada", CodeOf("ada"), "invented")));
  ExpectWrong(Add(Answer(id, "ada", "", "invented")));
  EXPECT_EQ(ErrorReason(Add(Answer(id, "ada")).status()), "NOT_ASKED");
}

TEST_F(ApprovalAttacksTest, WrongAnswersOfAllMembersTogetherEndIt) {
  const std::string id = Start();
  for (int i = 0; i < 4; ++i) {
    ExpectWrong(Add(Answer(id, "ada", WrongCodeOf("ada"))));
    ExpectWrong(Add(Answer(id, "bob", WrongCodeOf("bob"))));
  }
  ExpectWrong(Add(Answer(id, "carol", WrongCodeOf("carol"))));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_OPEN);
  ExpectWrong(Add(Answer(id, "carol", WrongCodeOf("carol"))));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_FAILED);
  EXPECT_EQ(ErrorReason(Approve(id, "ada").status()), "APPROVAL_OVER");
}

TEST_F(ApprovalAttacksTest, WrongAnswersLockAsAnyOthersDo) {
  const std::string id = Start(Payout(3));
  for (int i = 0; i < 5; ++i) {
    ExpectWrong(Add(Answer(id, "ada", WrongCodeOf("ada"))));
  }
  EXPECT_EQ(Approve(id, "ada").status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(harness_.Verify("acme", "ada", CodeOf("ada")).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(ApprovalAttacksTest, OnlyThoseWhoAreNamedMayApprove) {
  v1::ApproveTogetherRequest request = Payout();
  request.add_member_ids("ada");
  request.add_member_ids("bob");
  const std::string id = Start(request);
  EXPECT_EQ(Approve(id, "carol").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Ask(id, "carol", "totp").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Approves(id, "ada"));
  EXPECT_TRUE(Approves(id, "bob"));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_APPROVED);
}

TEST_F(ApprovalAttacksTest, ARefusalIsNotAskedAwayNorCodedAway) {
  const PushPhone phone = EnrolPhone("ada");
  const std::string id = Start();
  const auto asked = Ask(id, "ada");
  ASSERT_TRUE(asked.ok()) << asked.status();
  AnswerOn(phone, *asked, v1::PUSH_DECISION_DENY);
  EXPECT_EQ(ErrorReason(Ask(id, "ada").status()), "ALREADY_ANSWERED");
  EXPECT_EQ(ErrorReason(Ask(id, "ada", "totp").status()), "ALREADY_ANSWERED");
  const auto added = Approve(id, "ada");
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_FALSE(added->verified());
  EXPECT_EQ(added->approval().state(), v1::APPROVAL_STATE_DENIED);
}

TEST_F(ApprovalAttacksTest, ARefusalThatNobodyLookedAtEndsItAllTheSame) {
  const PushPhone phone = EnrolPhone("carol");
  const std::string id = Start();
  const auto asked = Ask(id, "carol");
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_TRUE(Approves(id, "ada"));
  AnswerOn(phone, *asked, v1::PUSH_DECISION_DENY);
  const auto last = Approve(id, "bob");
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_FALSE(last->verified());
  EXPECT_EQ(last->approval().state(), v1::APPROVAL_STATE_DENIED);
  EXPECT_EQ(last->approval().denied_by_member_id(), "carol");
  // The answer that made it known was not used up.
  EXPECT_TRUE(harness_.Verify("acme", "bob", CodeOf("bob"))->verified());
}

TEST_F(ApprovalAttacksTest, ASuspendedMemberRefusesNothing) {
  const PushPhone phone = EnrolPhone("carol");
  const std::string id = Start();
  const auto asked = Ask(id, "carol");
  ASSERT_TRUE(asked.ok()) << asked.status();
  AnswerOn(phone, *asked, v1::PUSH_DECISION_DENY);
  SetState("carol", v1::MEMBER_STATE_SUSPENDED);
  EXPECT_TRUE(Approves(id, "ada"));
  EXPECT_TRUE(Approves(id, "bob"));
  EXPECT_EQ(Get(id).state(), v1::APPROVAL_STATE_APPROVED);
}

TEST_F(ApprovalAttacksTest, AnAnswerUpFrontTakesTheQuestionBack) {
  EnrolPhone("ada");
  const std::string id = Start();
  const auto asked = Ask(id, "ada");
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_TRUE(Approves(id, "ada"));
  EXPECT_EQ(StateOfChallenge(asked->challenge().challenge_id()),
            v1::CHALLENGE_STATE_CANCELLED);
}

// Requirement 25: to a client that may verify and no more.
TEST_F(ApprovalAttacksTest, NobodyLearnsWhichMembersThereAre) {
  SetState("bob", v1::MEMBER_STATE_SUSPENDED);
  harness_.ActAs(ClientOf("backend"));
  v1::ApproveTogetherRequest nowhere = Payout();
  nowhere.set_account_id("nowhere");
  EXPECT_NE(Start(nowhere), "");
  const std::string id = Start(Payout(16));
  for (const std::string member_id : {"carol", "bob", "nobody"}) {
    const auto wrong = Add(Answer(id, member_id, WrongCodeOf("carol")));
    ExpectWrong(wrong);
    EXPECT_EQ(wrong->approval().approvals_size(), 0);
    EXPECT_EQ(ErrorReason(Add(Answer(id, member_id)).status()), "NOT_ASKED");
    const auto asked = Ask(id, member_id, "totp");
    ASSERT_TRUE(asked.ok()) << member_id << asked.status();
    EXPECT_EQ(asked->challenge().state(), v1::CHALLENGE_STATE_PENDING);
    EXPECT_EQ(asked->challenge().member_id(), member_id);
    EXPECT_EQ(asked->challenge().factor_type(), "totp");
    const auto pending = Add(Answer(id, member_id));
    ASSERT_TRUE(pending.ok()) << pending.status();
    EXPECT_FALSE(pending->verified());
    EXPECT_EQ(pending->reason(), v1::VERIFICATION_REASON_UNSPECIFIED);
    ExpectWrong(Add(Answer(id, member_id, WrongCodeOf("carol"),
                           asked->challenge().challenge_id())));
    // Of an enrollment that is not theirs, and of one that does not count.
    v1::AskForApprovalRequest by_id = AskRequest(id, member_id, "");
    by_id.set_enrollment_id("invented");
    EXPECT_TRUE(Call(&ApprovalEngine::AskForApproval, by_id).ok());
  }
  EXPECT_TRUE(Approves(id, "carol"));
  EXPECT_FALSE(Approves(id, "bob"));
}

TEST_F(ApprovalAttacksTest, AFactorThatDoesNotCountIsNotToldByItsEnrollment) {
  const PushPhone phone = EnrolPhone("ada");
  harness_.ActAs(ClientOf("backend"));
  v1::ApproveTogetherRequest request = Payout();
  request.add_factor_types("totp");
  const std::string id = Start(request);
  for (const std::string& enrollment_id :
       {phone.enrollment_id(), std::string("invented")}) {
    v1::AskForApprovalRequest ask = AskRequest(id, "ada", "");
    ask.set_enrollment_id(enrollment_id);
    const auto asked = Call(&ApprovalEngine::AskForApproval, ask);
    ASSERT_TRUE(asked.ok()) << asked.status();
    EXPECT_EQ(asked->challenge().factor_type(), "totp");
    EXPECT_EQ(asked->number(), "");
    // Nobody can answer it.
    ExpectWrong(Add(Answer(id, "ada", WrongCodeOf("ada"),
                           asked->challenge().challenge_id())));
  }
}

TEST_F(ApprovalAttacksTest, NoMoreThanSixtyFourMembersAreAsked) {
  harness_.ActAs(ClientOf("backend"));
  const std::string id = Start();
  for (int i = 0; i < 64; ++i) {
    ASSERT_TRUE(Ask(id, "m" + std::to_string(i), "totp").ok()) << i;
  }
  EXPECT_EQ(ErrorReason(Ask(id, "ada", "totp").status()), "TOO_MANY_ASKED");
  EXPECT_TRUE(Ask(id, "m0", "totp").ok());
  EXPECT_TRUE(Approves(id, "ada"));
}

}  // namespace
}  // namespace cofactor::services
