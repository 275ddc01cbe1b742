// Sign-ins under attack, and those that something happens to in their middle.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/sign_in_fixture.h"
#include "tests/doubles/retry_delay.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SignInAttacksTest : public SignInFixture {
 protected:
  SignInAttacksTest() : password_(EnrolPassword()), totp_(EnrolTotp()) {}

  std::string WrongTotp() {
    return WrongCode(totp_.authenticator, harness_.now());
  }

  const std::string password_;
  const EngineHarness::Enrolled totp_;
};

TEST_F(SignInAttacksTest, OfManyEqualRightAnswersOneEndsInASession) {
  const auto started = MustStart();
  const v1::ContinueSignInRequest request =
      ContinueRequest(started.sign_in(), CodeOf(totp_));
  harness_.ActAs(Client());
  std::atomic<int> grants = 0;
  std::atomic<int> refusals = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      const auto done =
          harness_.Call(engine_, &SignInEngine::ContinueSignIn, request);
      if (done.ok() && done->has_grant()) ++grants;
      if (ErrorReason(done.status()) == "SIGN_IN_OVER") ++refusals;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(grants, 1);
  EXPECT_EQ(refusals, 63);
  EXPECT_EQ(harness_.RawRecords("e/").size(), 1u);
}

TEST_F(SignInAttacksTest, OneCodeServesOneOfTwoSignIns) {
  const auto one = MustStart();
  const auto two = MustStart();
  EXPECT_TRUE(MustContinue(one.sign_in(), CodeOf(totp_)).has_grant());
  const auto second = MustContinue(two.sign_in(), CodeOf(totp_));
  EXPECT_FALSE(second.verified());
  EXPECT_FALSE(second.has_grant());
}

// Requirement 14.
TEST_F(SignInAttacksTest, TwentyMembersSignInAtOnce) {
  constexpr int kMembers = 20;
  std::vector<EngineHarness::Enrolled> totps;
  for (int i = 0; i < kMembers; ++i) {
    const std::string member_id = absl::StrCat("m", i);
    AddMember(member_id);
    EnrolPassword(member_id);
    totps.push_back(EnrolTotp(member_id));
  }
  harness_.ActAs(Client());
  std::atomic<int> grants = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kMembers; ++i) {
    threads.emplace_back([&, i] {
      const auto started = harness_.Call(engine_, &SignInEngine::StartSignIn,
                                         StartRequest(absl::StrCat("m", i)));
      if (!started.ok() || !started->verified()) return;
      const auto done =
          harness_.Call(engine_, &SignInEngine::ContinueSignIn,
                        ContinueRequest(started->sign_in(), CodeOf(totps[i])));
      if (done.ok() && done->has_grant()) ++grants;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(grants, kMembers);
}

TEST_F(SignInAttacksTest, FiveWrongAnswersEndASignIn) {
  const auto started = MustStart();
  for (uint32_t left = 5; left > 0; --left) {
    EXPECT_EQ(Get(started.sign_in())->attempts_left(), left);
    EXPECT_FALSE(MustContinue(started.sign_in(), WrongTotp()).verified());
  }
  EXPECT_EQ(Get(started.sign_in())->state(), v1::SIGN_IN_STATE_FAILED);
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), CodeOf(totp_)).status()),
            "SIGN_IN_OVER");
}

// Requirement 8.
TEST_F(SignInAttacksTest, ALockOnOneFactorLeavesTheOthers) {
  EnrolSms();
  const PushPhone phone = EnrolPhone();
  const auto attacked = MustStart();
  for (int i = 0; i < 5; ++i) {
    MustContinue(attacked.sign_in(), WrongTotp(), "totp");
  }
  // The lock outlasts the sign-in in which it began.
  const auto started = MustStart();
  EXPECT_THAT(OptionsOf(started.sign_in()), ElementsAre("push", "sms"));
  const absl::Status locked =
      Continue(started.sign_in(), CodeOf(totp_), "totp").status();
  EXPECT_EQ(ErrorReason(locked), "LOCKED");
  EXPECT_EQ(RetryDelay(locked), absl::Seconds(30));
  AnswerOn(phone, started.sign_in().challenge(), started.number());
  EXPECT_TRUE(MustContinue(started.sign_in()).has_grant());
  v1::StartSignInRequest by_sms = StartRequest();
  by_sms.set_factor_type("sms");
  const auto texted = MustStart(by_sms);
  EXPECT_TRUE(MustContinue(texted.sign_in(), TakeTextedCode()).has_grant());
}

TEST_F(SignInAttacksTest, AMemberWhoseOnlyFactorIsLockedSeesUntilWhen) {
  const auto attacked = MustStart();
  for (int i = 0; i < 5; ++i) MustContinue(attacked.sign_in(), WrongTotp());
  const auto started = MustStart();
  ASSERT_THAT(OptionsOf(started.sign_in()), ElementsAre("totp"));
  EXPECT_EQ(started.sign_in().options(0).state(), v1::ENROLLMENT_STATE_LOCKED);
  EXPECT_TRUE(started.sign_in().options(0).has_lock_expire_time());
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), CodeOf(totp_)).status()),
            "LOCKED");
  Advance(absl::Seconds(31));
  EXPECT_TRUE(MustContinue(started.sign_in(), CodeOf(totp_)).has_grant());
}

TEST_F(SignInAttacksTest, OtherClientsFindNoSignIn) {
  const auto started = MustStart();
  ActAs("other");
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), CodeOf(totp_)).status()),
            "SIGN_IN_NOT_FOUND");
  EXPECT_EQ(ErrorReason(Get(started.sign_in()).status()), "SIGN_IN_NOT_FOUND");
  EXPECT_EQ(ErrorReason(Cancel(started.sign_in()).status()),
            "SIGN_IN_NOT_FOUND");
  ActAs("web");
  EXPECT_TRUE(MustContinue(started.sign_in(), CodeOf(totp_)).has_grant());
}

TEST_F(SignInAttacksTest, AnApprovalCountsOnceAndInItsOwnSignInAlone) {
  v1::Policy policy = DefaultPolicy();
  v1::FactorCombination& three = *policy.mutable_levels(1)->mutable_any_of(0);
  three.add_all_of()->set_kind(v1::FACTOR_KIND_POSSESSION);
  const PushPhone phone = EnrolPhone();
  EnrolPhone();
  PutPolicy(policy);
  const auto started = MustStart();
  ASSERT_EQ(started.sign_in().challenge().factor_type(), "push");
  AnswerOn(phone, started.sign_in().challenge(), started.number());
  const auto once = MustContinue(started.sign_in());
  EXPECT_TRUE(once.verified());
  EXPECT_FALSE(once.has_grant());
  // The device that has answered is not the one that is asked next.
  EXPECT_NE(once.sign_in().challenge().enrollment_id(), "");
  EXPECT_NE(once.sign_in().challenge().enrollment_id(), phone.enrollment_id());
  const auto twice = MustContinue(started.sign_in());
  EXPECT_FALSE(twice.verified());
  EXPECT_EQ(twice.sign_in().steps_size(), 2);
  // Nor does it serve another sign-in.
  const auto other = MustStart();
  EXPECT_FALSE(MustContinue(other.sign_in()).verified());
}

TEST_F(SignInAttacksTest, WhatDoesNotHelpIsNotTaken) {
  const auto started = MustStart();
  v1::ContinueSignInRequest password = ContinueRequest(started.sign_in());
  password.mutable_response()->set_password(kPassword);
  EXPECT_EQ(ErrorReason(Continue(password).status()), "NOT_AN_OPTION");
  v1::ContinueSignInRequest named =
      ContinueRequest(started.sign_in(), CodeOf(totp_));
  named.set_enrollment_id(password_);
  EXPECT_EQ(ErrorReason(Continue(named).status()), "NOT_AN_OPTION");
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), "", "sms").status()),
            "NOT_AN_OPTION");
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), "123456", "sms").status()),
            "NOT_AN_OPTION");
  EXPECT_EQ(Get(started.sign_in())->attempts_left(), 5u);
}

TEST_F(SignInAttacksTest, AFactorThatWasNotAskedYetHasNothingToAnswer) {
  EnrolSms();
  v1::StartSignInRequest request = StartRequest();
  request.set_factor_type("totp");
  const auto started = MustStart(request);
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), "123456", "sms").status()),
            "NEEDS_CHALLENGE");
}

// Requirement 26.
TEST_F(SignInAttacksTest, ASuspendedMemberGoesOnNowhere) {
  const auto started = MustStart();
  Suspend(true);
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), CodeOf(totp_)).status()),
            "SIGN_IN_OVER");
  EXPECT_EQ(Get(started.sign_in())->state(), v1::SIGN_IN_STATE_FAILED);
  EXPECT_THAT(Get(started.sign_in())->options(), IsEmpty());
  EXPECT_THAT(harness_.RawRecords("e/"), IsEmpty());
}

TEST_F(SignInAttacksTest, AnApprovalOfAMemberWhoWasSuspendedSinceIsNone) {
  const PushPhone phone = EnrolPhone();
  v1::StartSignInRequest request = StartRequest("ada", "");
  request.set_factor_type("push");
  const auto started = MustStart(request);
  AnswerOn(phone, started.sign_in().challenge(), started.number());
  Suspend(true);
  EXPECT_EQ(ErrorReason(Continue(started.sign_in()).status()), "SIGN_IN_OVER");
}

TEST_F(SignInAttacksTest, ASignedOutMemberStartsAnew) {
  const auto started = MustStart();
  SignOut();
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), CodeOf(totp_)).status()),
            "SIGN_IN_OVER");
  EXPECT_TRUE(MustContinue(MustStart().sign_in(), CodeOf(totp_)).has_grant());
}

TEST_F(SignInAttacksTest, AnApprovalFromBeforeTheSignOutIsNone) {
  const PushPhone phone = EnrolPhone();
  v1::StartSignInRequest request = StartRequest("ada", "");
  request.set_factor_type("push");
  const auto started = MustStart(request);
  AnswerOn(phone, started.sign_in().challenge(), started.number());
  SignOut();
  EXPECT_EQ(ErrorReason(Continue(started.sign_in()).status()), "SIGN_IN_OVER");
}

TEST_F(SignInAttacksTest, AnotherMemberOfTheSameIdHasNoPartInIt) {
  const auto started = MustStart();
  DeleteMember();
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), CodeOf(totp_)).status()),
            "SIGN_IN_OVER");
  Advance(absl::Seconds(1));
  AddMember("ada");
  EnrolPassword();
  const auto totp = EnrolTotp();
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), CodeOf(totp)).status()),
            "SIGN_IN_OVER");
}

TEST_F(SignInAttacksTest, ARevokedFactorIsWorthNothingAnyMore) {
  const auto started = MustStart();
  Revoke(password_);
  // The code is right, and alone it is not enough.
  const auto second = Continue(started.sign_in(), CodeOf(totp_));
  EXPECT_FALSE(second.ok() && second->has_grant());
  EXPECT_THAT(harness_.RawRecords("e/"), IsEmpty());
}

TEST_F(SignInAttacksTest, ADisabledFactorIsWorthNothingAnyMore) {
  const auto started = MustStart();
  ChangeMember([](record::v1::MemberRecord& member) {
    member.mutable_enrollments(0)->set_disabled(true);
  });
  const auto second = Continue(started.sign_in(), CodeOf(totp_));
  EXPECT_FALSE(second.ok() && second->has_grant());
  EXPECT_THAT(harness_.RawRecords("e/"), IsEmpty());
}

TEST_F(SignInAttacksTest, AFactorThatIsRevokedWhileItIsAskedAnswersNothing) {
  const PushPhone phone = EnrolPhone();
  const auto started = MustStart();
  AnswerOn(phone, started.sign_in().challenge(), started.number());
  Revoke(phone.enrollment_id());
  const auto looked = MustContinue(started.sign_in());
  EXPECT_FALSE(looked.verified());
  EXPECT_NE(looked.reason(), v1::VERIFICATION_REASON_UNSPECIFIED);
  EXPECT_FALSE(looked.has_grant());
  EXPECT_EQ(looked.sign_in().attempts_left(), 5u);
  // The other factor goes on.
  EXPECT_TRUE(
      MustContinue(started.sign_in(), CodeOf(totp_), "totp").has_grant());
}

TEST_F(SignInAttacksTest, AClientGoesOnInItsOwnAccountsAlone) {
  const auto started = MustStart();
  auto permissions = std::make_shared<Permissions>();
  permissions->client_id = "web";
  permissions->scopes.Add(v1::SCOPE_VERIFY);
  permissions->account_ids.insert("globex");
  harness_.ActAs({std::move(permissions), "", ""});
  EXPECT_EQ(
      ErrorReason(harness_
                      .Call(engine_, &SignInEngine::ContinueSignIn,
                            ContinueRequest(started.sign_in(), CodeOf(totp_)))
                      .status()),
      "SIGN_IN_NOT_FOUND");
}

}  // namespace
}  // namespace cofactor::services
