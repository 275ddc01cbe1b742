// Members who have too few factors, and policies that change in the middle of a
// sign-in.

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/sign_in_fixture.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class SignInEnrollmentTest : public SignInFixture {
 protected:
  SignInEnrollmentTest() : password_(EnrolPassword()) {}

  // Begins a TOTP enrollment for a sign-in, as BeginEnrollment with the sign-in
  // for its proof does.
  EngineHarness::Enrolled BeginTotp(const std::string& sign_in_id) {
    harness_.ActAs(Caller::Server());
    v1::BeginEnrollmentRequest begin;
    begin.set_account_id("acme");
    begin.set_member_id("ada");
    begin.set_factor_type("totp");
    begin.mutable_parameters()->mutable_totp();
    if (!sign_in_id.empty()) begin.mutable_proof()->set_sign_in_id(sign_in_id);
    const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
    EXPECT_TRUE(begun.ok()) << begun.status();
    const std::string id = begun->enrollment().enrollment_id();
    ChangeMember([&](record::v1::MemberRecord& member) {
      for (record::v1::EnrollmentRecord& enrollment :
           *member.mutable_enrollments()) {
        if (enrollment.enrollment_id() == id) {
          enrollment.set_sign_in_id(sign_in_id);
        }
      }
    });
    return {id, TotpAuthenticator::FromActivation(begun->activation().totp())};
  }

  v1::ContinueSignInRequest FirstResponse(const v1::SignIn& sign_in,
                                          const EngineHarness::Enrolled& totp) {
    v1::ContinueSignInRequest request = ContinueRequest(sign_in, CodeOf(totp));
    request.set_enrollment_id(totp.enrollment_id);
    return request;
  }

  // The default policy with a level that takes a text message.
  static v1::Policy WithTexts() {
    v1::Policy policy = DefaultPolicy();
    v1::PolicyLevel& level = *policy.add_levels();
    level.set_acr("texted");
    level.add_any_of()->add_all_of()->set_factor_type("sms");
    return policy;
  }

  const std::string password_;
};

TEST_F(SignInEnrollmentTest, AMemberWithoutASecondFactorBindsOneInTheMiddle) {
  const auto started = MustStart();
  EXPECT_TRUE(started.verified());
  EXPECT_EQ(started.sign_in().state(), v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED);
  EXPECT_THAT(OptionsOf(started.sign_in()), IsEmpty());
  const std::vector<std::string> types(
      started.sign_in().enrollable_factor_types().begin(),
      started.sign_in().enrollable_factor_types().end());
  // A second password is none, and recovery codes are no way to begin.
  EXPECT_THAT(types, ElementsAre("push", "sms", "totp"));

  const auto totp = BeginTotp(started.sign_in().sign_in_id());
  v1::ContinueSignInRequest wrong = FirstResponse(started.sign_in(), totp);
  wrong.mutable_response()->set_code(
      WrongCode(totp.authenticator, harness_.now()));
  const auto not_yet = Continue(wrong);
  ASSERT_TRUE(not_yet.ok()) << not_yet.status();
  EXPECT_FALSE(not_yet->verified());
  EXPECT_EQ(not_yet->sign_in().attempts_left(), 4u);
  EXPECT_EQ(not_yet->sign_in().state(), v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED);

  const auto done = Continue(FirstResponse(started.sign_in(), totp));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_TRUE(done->verified());
  ASSERT_TRUE(done->has_grant());
  EXPECT_THAT(AmrOf(done->grant().session()), ElementsAre("pwd", "otp", "mfa"));
  harness_.ActAs(Caller::Server());
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", totp.enrollment_id).state(),
            v1::ENROLLMENT_STATE_ACTIVE);
  // The code was used up.
  EXPECT_FALSE(harness_.Verify("acme", "ada", CodeOf(totp))->verified());
}

TEST_F(SignInEnrollmentTest, AnEnrollmentThatWasBegunForSomethingElseIsNotIt) {
  const auto started = MustStart();
  const auto other = BeginTotp("");
  EXPECT_EQ(
      ErrorReason(Continue(FirstResponse(started.sign_in(), other)).status()),
      "NOT_AN_OPTION");
  const auto of_another = BeginTotp(MustStart().sign_in().sign_in_id());
  EXPECT_EQ(
      ErrorReason(
          Continue(FirstResponse(started.sign_in(), of_another)).status()),
      "NOT_AN_OPTION");
}

TEST_F(SignInEnrollmentTest, ADeviceThatWasBoundByItselfIsAskedNext) {
  const auto started = MustStart();
  ASSERT_EQ(started.sign_in().state(), v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED);
  const PushPhone phone = EnrolPhone();
  const auto looked = MustContinue(started.sign_in());
  EXPECT_EQ(looked.sign_in().state(), v1::SIGN_IN_STATE_OPEN);
  EXPECT_EQ(looked.sign_in().challenge().factor_type(), "push");
  AnswerOn(phone, looked.sign_in().challenge(), looked.number());
  EXPECT_TRUE(MustContinue(started.sign_in()).has_grant());
}

TEST_F(SignInEnrollmentTest, GraceEnds) {
  Advance(absl::Hours(24 * 7) - absl::Seconds(1));
  const auto started = MustStart();
  EXPECT_EQ(started.sign_in().state(), v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED);
  const auto totp = BeginTotp(started.sign_in().sign_in_id());
  Advance(absl::Seconds(1));
  EXPECT_EQ(ErrorReason(Start().status()), "NO_FACTOR_LEFT");
  EXPECT_FALSE(Continue(FirstResponse(started.sign_in(), totp)).ok());
}

TEST_F(SignInEnrollmentTest, ThereIsNoGraceUnlessThePolicyGivesIt) {
  v1::Policy policy = DefaultPolicy();
  policy.clear_enrollment_grace();
  PutPolicy(policy);
  EXPECT_EQ(ErrorReason(Start().status()), "NO_FACTOR_LEFT");
}

TEST_F(SignInEnrollmentTest, OnlyFactorsOfThePolicyCanBeBound) {
  const auto totp = BeginTotp("");
  v1::Policy policy = DefaultPolicy();
  policy.add_allowed_factor_types("password");
  policy.add_allowed_factor_types("sms");
  PutPolicy(policy);
  const auto started = MustStart();
  EXPECT_THAT(started.sign_in().enrollable_factor_types(), ElementsAre("sms"));
  ChangeMember([&](record::v1::MemberRecord& member) {
    member.mutable_enrollments(1)->set_sign_in_id(
        started.sign_in().sign_in_id());
  });
  EXPECT_FALSE(Continue(FirstResponse(started.sign_in(), totp)).ok());
}

// Whoever knows the password could do all of this.
TEST_F(SignInEnrollmentTest, ALockedFactorOpensNoGrace) {
  const auto totp = EnrolTotp();
  const auto attacked = MustStart();
  for (int i = 0; i < 5; ++i) {
    MustContinue(attacked.sign_in(),
                 WrongCode(totp.authenticator, harness_.now()));
  }
  const auto started = MustStart();
  EXPECT_EQ(started.sign_in().state(), v1::SIGN_IN_STATE_OPEN);
  EXPECT_THAT(started.sign_in().enrollable_factor_types(), IsEmpty());
}

TEST_F(SignInEnrollmentTest, ADisabledFactorOpensNoGrace) {
  EnrolTotp();
  ChangeMember([](record::v1::MemberRecord& member) {
    member.mutable_enrollments(1)->set_disabled(true);
  });
  EXPECT_EQ(ErrorReason(Start().status()), "NO_FACTOR_LEFT");
}

TEST_F(SignInEnrollmentTest, PromptsThatWereStoppedOpenNoGrace) {
  const PushPhone phone = EnrolPhone();
  const auto started = MustStart();
  AnswerOn(phone, started.sign_in().challenge(), "", v1::PUSH_DECISION_REPORT);
  const auto next = Start();
  EXPECT_TRUE(!next.ok() || next->sign_in().state() == v1::SIGN_IN_STATE_OPEN);
  if (next.ok()) {
    EXPECT_FALSE(next->sign_in().has_challenge());
    EXPECT_EQ(ErrorReason(Continue(next->sign_in(), "", "push").status()),
              "PROMPTS_STOPPED");
  }
}

TEST_F(SignInEnrollmentTest, ALevelThatOnlyANewFactorReachesTakesTheOldFirst) {
  const auto totp = EnrolTotp();
  PutPolicy(WithTexts());
  v1::StartSignInRequest request = StartRequest();
  request.set_acr("texted");
  const auto started = MustStart(request);
  EXPECT_EQ(started.sign_in().state(), v1::SIGN_IN_STATE_OPEN);
  EXPECT_THAT(OptionsOf(started.sign_in()), ElementsAre("totp"));
  const auto proven = MustContinue(started.sign_in(), CodeOf(totp));
  EXPECT_TRUE(proven.verified());
  EXPECT_FALSE(proven.has_grant());
  EXPECT_EQ(proven.sign_in().state(), v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED);
  EXPECT_THAT(proven.sign_in().enrollable_factor_types(), ElementsAre("sms"));
}

TEST_F(SignInEnrollmentTest, AStricterPolicyHoldsFromTheNextStepOn) {
  const auto totp = EnrolTotp();
  EnrolSms();
  v1::StartSignInRequest request = StartRequest();
  request.set_factor_type("totp");
  const auto started = MustStart(request);
  v1::Policy policy = DefaultPolicy();
  v1::PolicyLevel& multi = *policy.mutable_levels(1);
  multi.clear_any_of();
  v1::FactorCombination& all = *multi.add_any_of();
  all.add_all_of()->set_factor_type("password");
  all.add_all_of()->set_factor_type("totp");
  all.add_all_of()->set_factor_type("sms");
  PutPolicy(policy);
  const auto second = MustContinue(started.sign_in(), CodeOf(totp));
  EXPECT_TRUE(second.verified());
  EXPECT_FALSE(second.has_grant());
  EXPECT_EQ(second.sign_in().challenge().factor_type(), "sms");
  EXPECT_TRUE(MustContinue(started.sign_in(), TakeTextedCode()).has_grant());
}

TEST_F(SignInEnrollmentTest, APolicyThatDropsTheFactorOfAStepDropsTheStep) {
  const auto totp = EnrolTotp();
  const auto started = MustStart();
  v1::Policy policy = DefaultPolicy();
  for (const char* type : {"totp", "sms", "push"}) {
    policy.add_allowed_factor_types(type);
  }
  PutPolicy(policy);
  const auto second = Continue(started.sign_in(), CodeOf(totp));
  EXPECT_FALSE(second.ok() && second->has_grant());
  EXPECT_THAT(harness_.RawRecords("e/"), IsEmpty());
}

TEST_F(SignInEnrollmentTest, APolicyThatAsksForLessLetsTheNextLookIn) {
  EnrolTotp();
  const auto started = MustStart();
  v1::Policy policy = DefaultPolicy();
  policy.set_sign_in_acr("single_factor");
  PutPolicy(policy);
  const auto looked = MustContinue(started.sign_in());
  ASSERT_TRUE(looked.has_grant());
  EXPECT_EQ(looked.grant().session().acr(), "single_factor");
}

TEST_F(SignInEnrollmentTest, ALevelThatIsGoneEndsTheSignIn) {
  EnrolSms();
  PutPolicy(WithTexts());
  v1::StartSignInRequest request = StartRequest();
  request.set_acr("texted");
  const auto started = MustStart(request);
  const std::string code = TakeTextedCode();
  PutPolicy(DefaultPolicy());
  // It does not end at a lower level than was asked for.
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), code).status()),
            "SIGN_IN_OVER");
  EXPECT_EQ(Get(started.sign_in())->state(), v1::SIGN_IN_STATE_FAILED);
}

TEST_F(SignInEnrollmentTest, AShadowPolicyIsHeardAndChangesNothing) {
  const auto totp = EnrolTotp();
  v1::Policy stricter = DefaultPolicy();
  stricter.mutable_levels(1)->clear_any_of();
  v1::FactorCombination& all = *stricter.mutable_levels(1)->add_any_of();
  all.add_all_of()->set_factor_type("password");
  all.add_all_of()->set_factor_type("sms");
  PutShadowPolicy(stricter);
  const auto started = MustStart();
  ASSERT_TRUE(MustContinue(started.sign_in(), CodeOf(totp)).has_grant());
  EXPECT_THAT(harness_.RawRecords("w/"), Not(IsEmpty()));
}

}  // namespace
}  // namespace cofactor::services
