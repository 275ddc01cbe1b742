// The story of a sign-in: the password, then whatever the person has.

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "base/errors.h"
#include "cofactor/v1/audit.pb.h"
#include "factors/push/signed_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/sign_in_fixture.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using SignInStoryTest = SignInFixture;

TEST_F(SignInStoryTest, APasswordAndACodeEndInASession) {
  const std::string password = EnrolPassword();
  const auto totp = EnrolTotp();
  const auto started = MustStart();
  EXPECT_TRUE(started.verified());
  EXPECT_FALSE(started.has_grant());
  const v1::SignIn& sign_in = started.sign_in();
  EXPECT_EQ(sign_in.state(), v1::SIGN_IN_STATE_OPEN);
  EXPECT_EQ(sign_in.acr(), "multi_factor");
  EXPECT_EQ(sign_in.attempts_left(), 5u);
  EXPECT_THAT(OptionsOf(sign_in), ElementsAre("totp"));
  // A code needs no challenge.
  EXPECT_FALSE(sign_in.has_challenge());
  ASSERT_EQ(sign_in.steps_size(), 1);
  EXPECT_EQ(sign_in.steps(0).enrollment_id(), password);

  const auto done = MustContinue(sign_in, CodeOf(totp));
  EXPECT_TRUE(done.verified());
  EXPECT_EQ(done.sign_in().state(), v1::SIGN_IN_STATE_COMPLETE);
  EXPECT_THAT(OptionsOf(done.sign_in()), IsEmpty());
  ASSERT_TRUE(done.has_grant());
  const v1::Session& session = done.grant().session();
  EXPECT_EQ(session.acr(), "multi_factor");
  EXPECT_THAT(AmrOf(session), ElementsAre("pwd", "otp", "mfa"));
  EXPECT_EQ(session.client_id(), "web");
  const Receipt receipt = ReceiptOf(done.grant());
  EXPECT_EQ(receipt.account_id, "acme");
  EXPECT_EQ(receipt.member_id, "ada");
  EXPECT_EQ(receipt.acr, "multi_factor");
  EXPECT_THAT(receipt.enrollment_ids,
              ElementsAre(password, totp.enrollment_id));
  const record::v1::AuditRecord event = LastEvent();
  EXPECT_EQ(event.action(), "ContinueSignIn");
  EXPECT_EQ(event.result(), v1::AUDIT_RESULT_VERIFIED);
  EXPECT_EQ(event.member_id(), "ada");
  EXPECT_EQ(event.enrollment_id(), totp.enrollment_id);
  EXPECT_EQ(event.note(), "signs in at multi_factor by password, totp");
}

TEST_F(SignInStoryTest, ATextLeavesByItselfOnceThePasswordIsRight) {
  EnrolPassword();
  const std::string sms = EnrolSms();
  const auto started = MustStart();
  const std::string code = TakeTextedCode();
  ASSERT_TRUE(started.sign_in().has_challenge());
  EXPECT_EQ(started.sign_in().challenge().enrollment_id(), sms);
  ASSERT_THAT(OptionsOf(started.sign_in()), ElementsAre("sms"));
  EXPECT_FALSE(absl::StrContains(
      started.sign_in().options(0).attributes().at("phone_number"), "345"));
  const auto wrong = MustContinue(started.sign_in(), OtherCode(code));
  EXPECT_FALSE(wrong.verified());
  EXPECT_EQ(wrong.reason(), v1::VERIFICATION_REASON_WRONG_CODE);
  EXPECT_EQ(wrong.sign_in().attempts_left(), 4u);
  const auto done = MustContinue(started.sign_in(), code);
  EXPECT_TRUE(done.verified());
  EXPECT_THAT(AmrOf(done.grant().session()), ElementsAre("pwd", "sms", "mfa"));
}

TEST_F(SignInStoryTest, ADeviceApprovesWithTheNumberThatThePageShows) {
  EnrolPassword();
  const PushPhone phone = EnrolPhone();
  v1::StartSignInRequest request = StartRequest();
  request.mutable_details()->set_title("Sign in to the admin panel");
  const auto started = MustStart(request);
  EXPECT_EQ(started.number().size(), 6u);
  const v1::Challenge& challenge = started.sign_in().challenge();
  EXPECT_EQ(challenge.details().title(), "Sign in to the admin panel");
  // The page looks while the person picks up the phone: nothing is written.
  const size_t events = harness_.AuditEvents().size();
  const auto waiting = MustContinue(started.sign_in());
  EXPECT_FALSE(waiting.verified());
  EXPECT_EQ(waiting.sign_in().state(), v1::SIGN_IN_STATE_OPEN);
  EXPECT_EQ(waiting.number(), "");
  EXPECT_EQ(harness_.AuditEvents().size(), events);
  AnswerOn(phone, challenge, started.number());
  const auto done = MustContinue(started.sign_in());
  EXPECT_TRUE(done.verified());
  ASSERT_TRUE(done.has_grant());
  EXPECT_THAT(AmrOf(done.grant().session()), ElementsAre("pwd", "swk", "mfa"));
  // What the person agreed to is in the receipt.
  EXPECT_EQ(ReceiptOf(done.grant()).challenge_digest,
            factors::push::DetailsDigest("sign-in", request.details()));
}

TEST_F(SignInStoryTest, ARefusalOnTheDeviceEndsTheSignIn) {
  EnrolPassword();
  const PushPhone phone = EnrolPhone();
  const auto started = MustStart();
  AnswerOn(phone, started.sign_in().challenge(), "", v1::PUSH_DECISION_DENY);
  const auto looked = MustContinue(started.sign_in());
  EXPECT_FALSE(looked.verified());
  EXPECT_EQ(looked.reason(), v1::VERIFICATION_REASON_DENIED);
  EXPECT_EQ(looked.sign_in().state(), v1::SIGN_IN_STATE_FAILED);
  EXPECT_EQ(ErrorReason(Continue(started.sign_in()).status()), "SIGN_IN_OVER");
}

TEST_F(SignInStoryTest, ARecoveryCodeStandsInForALostPhoneOnce) {
  EnrolPassword();
  EnrolPhone();
  const std::vector<std::string> codes = EnrolRecoveryCodes();
  const auto started = MustStart();
  EXPECT_THAT(OptionsOf(started.sign_in()),
              ElementsAre("push", "recovery_code"));
  const auto done = MustContinue(started.sign_in(), codes[3], "recovery_code");
  ASSERT_TRUE(done.has_grant());
  // The device is not asked any more.
  EXPECT_EQ(StateOfChallenge(started.sign_in().challenge().challenge_id()),
            v1::CHALLENGE_STATE_CANCELLED);
  EXPECT_TRUE(absl::StrContains(LastEvent().note(),
                                "signs in at multi_factor by password, "
                                "recovery_code"));
  const auto again = MustStart();
  const auto used = MustContinue(again.sign_in(), codes[3], "recovery_code");
  EXPECT_FALSE(used.verified());
}

TEST_F(SignInStoryTest, ThePasswordMayComeSecond) {
  EnrolPassword();
  const auto totp = EnrolTotp();
  const auto started = MustStart(StartRequest("ada", ""));
  EXPECT_FALSE(started.verified());
  const auto first = MustContinue(started.sign_in(), CodeOf(totp), "totp");
  EXPECT_TRUE(first.verified());
  EXPECT_THAT(OptionsOf(first.sign_in()), ElementsAre("password"));
  v1::ContinueSignInRequest request = ContinueRequest(started.sign_in());
  request.mutable_response()->set_password(kPassword);
  const auto done = Continue(request);
  ASSERT_TRUE(done.ok()) << done.status();
  ASSERT_TRUE(done->has_grant());
  EXPECT_THAT(AmrOf(done->grant().session()), ElementsAre("otp", "pwd", "mfa"));
}

TEST_F(SignInStoryTest, TheNamedFactorIsAskedBeforeThePreferredOne) {
  EnrolPassword();
  const auto totp = EnrolTotp();
  EnrolSms();
  const PushPhone phone = EnrolPhone();
  const auto preferred = MustStart();
  EXPECT_EQ(preferred.sign_in().challenge().factor_type(), "push");
  EXPECT_THAT(OptionsOf(preferred.sign_in()),
              ElementsAre("push", "totp", "sms"));
  v1::StartSignInRequest request = StartRequest();
  request.set_factor_type("sms");
  const auto named = MustStart(request);
  EXPECT_EQ(named.sign_in().challenge().factor_type(), "sms");
  const std::string texted = TakeTextedCode();
  request.set_factor_type("totp");
  const auto code = MustStart(request);
  EXPECT_FALSE(code.sign_in().has_challenge());
  EXPECT_TRUE(MustContinue(code.sign_in(), CodeOf(totp)).has_grant());
  EXPECT_TRUE(MustContinue(named.sign_in(), texted).has_grant());
}

TEST_F(SignInStoryTest, AnotherFactorTakesThePlaceOfTheOneThatWasAsked) {
  EnrolPassword();
  const auto totp = EnrolTotp();
  const std::string sms = EnrolSms();
  EnrolPhone();
  const auto started = MustStart();
  v1::ContinueSignInRequest request = ContinueRequest(started.sign_in());
  request.set_enrollment_id(sms);
  const auto asked = Continue(request);
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->sign_in().challenge().enrollment_id(), sms);
  EXPECT_EQ(StateOfChallenge(started.sign_in().challenge().challenge_id()),
            v1::CHALLENGE_STATE_CANCELLED);
  TakeTextedCode();
  // One that needs no challenge ends the open one, so that a code is its.
  const auto to_totp = MustContinue(started.sign_in(), "", "totp");
  EXPECT_FALSE(to_totp.sign_in().has_challenge());
  EXPECT_TRUE(MustContinue(started.sign_in(), CodeOf(totp)).has_grant());
}

TEST_F(SignInStoryTest, WhatASignInEndedInIsToldOnceAndToARetry) {
  EnrolPassword();
  const auto totp = EnrolTotp();
  const auto started = MustStart();
  v1::ContinueSignInRequest request =
      ContinueRequest(started.sign_in(), CodeOf(totp));
  request.set_request_id("once");
  const auto done = Continue(request);
  ASSERT_TRUE(done.ok() && done->has_grant());
  const auto retried = Continue(request);
  ASSERT_TRUE(retried.ok()) << retried.status();
  EXPECT_EQ(retried->grant().refresh_token(), done->grant().refresh_token());
  const auto got = Get(started.sign_in());
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->state(), v1::SIGN_IN_STATE_COMPLETE);
  request.set_request_id("twice");
  EXPECT_EQ(ErrorReason(Continue(request).status()), "SIGN_IN_OVER");
}

TEST_F(SignInStoryTest, AStartThatIsRetriedSendsNoSecondText) {
  EnrolPassword();
  EnrolSms();
  v1::StartSignInRequest request = StartRequest();
  request.set_request_id("start");
  const auto started = MustStart(request);
  const std::string code = TakeTextedCode();
  const auto retried = MustStart(request);
  EXPECT_EQ(retried.sign_in().sign_in_id(), started.sign_in().sign_in_id());
  EXPECT_THAT(harness_.TakeMessages(), IsEmpty());
  EXPECT_TRUE(MustContinue(started.sign_in(), code).has_grant());
}

TEST_F(SignInStoryTest, ATextThatMayNotLeaveGivesWayToTheNextFactor) {
  EnrolPassword();
  EnrolSms();
  EnrolRecoveryCodes();
  // Five in ten minutes to one number, and one more was for the enrollment.
  for (int i = 0; i < 4; ++i) {
    MustStart();
    TakeTextedCode();
  }
  const auto last = MustStart();
  EXPECT_TRUE(last.verified());
  EXPECT_FALSE(last.sign_in().has_challenge());
  EXPECT_THAT(harness_.TakeMessages(), IsEmpty());
  EXPECT_THAT(OptionsOf(last.sign_in()), ElementsAre("sms", "recovery_code"));
  // Whoever asks for it by name hears why.
  EXPECT_EQ(ErrorReason(Continue(last.sign_in(), "", "sms").status()),
            "SEND_LIMIT");
}

TEST_F(SignInStoryTest, PromptsThatWereStoppedGiveWayToAText) {
  EnrolPassword();
  const PushPhone phone = EnrolPhone();
  EnrolSms();
  const auto started = MustStart();
  AnswerOn(phone, started.sign_in().challenge(), "", v1::PUSH_DECISION_REPORT);
  const auto next = MustStart();
  EXPECT_EQ(next.sign_in().challenge().factor_type(), "sms");
  EXPECT_TRUE(MustContinue(next.sign_in(), TakeTextedCode()).has_grant());
}

TEST_F(SignInStoryTest, AHigherLevelIsReachedByMoreSteps) {
  v1::Policy policy = DefaultPolicy();
  v1::PolicyLevel& strong = *policy.add_levels();
  strong.set_acr("three");
  v1::FactorCombination& three = *strong.add_any_of();
  three.add_all_of()->set_factor_type("password");
  three.add_all_of()->set_factor_type("totp");
  three.add_all_of()->set_factor_type("sms");
  EnrolPassword();
  const auto totp = EnrolTotp();
  EnrolSms();
  PutPolicy(policy);
  v1::StartSignInRequest request = StartRequest();
  request.set_acr("three");
  const auto started = MustStart(request);
  EXPECT_EQ(started.sign_in().acr(), "three");
  EXPECT_THAT(OptionsOf(started.sign_in()), ElementsAre("totp", "sms"));
  const auto second = MustContinue(started.sign_in(), CodeOf(totp));
  EXPECT_TRUE(second.verified());
  EXPECT_FALSE(second.has_grant());
  const auto done = MustContinue(started.sign_in(), TakeTextedCode());
  ASSERT_TRUE(done.has_grant());
  EXPECT_EQ(done.grant().session().acr(), "three");
  // A level that the policy does not name is an error, and a lower one than
  // that of every sign-in is that.
  request.set_acr("four");
  EXPECT_EQ(ErrorReason(Start(request).status()), "INVALID_FIELD");
  request.set_acr("single_factor");
  EXPECT_EQ(MustStart(request).sign_in().acr(), "multi_factor");
}

// Requirement 29.
TEST_F(SignInStoryTest, TwoThingsThatAPersonHasAreNoTwoKindsOfFactor) {
  v1::Policy policy = DefaultPolicy();
  v1::FactorCombination& two = *policy.mutable_levels(1)->add_any_of();
  two.add_all_of()->set_kind(v1::FACTOR_KIND_POSSESSION);
  two.add_all_of()->set_kind(v1::FACTOR_KIND_POSSESSION);
  const auto first = EnrolTotp();
  const auto second = EnrolTotp();
  PutPolicy(policy);
  const auto started = MustStart(StartRequest("ada", ""));
  // One authenticator counts once, whatever code of it comes next.
  EXPECT_TRUE(MustContinue(started.sign_in(), CodeOf(first)).verified());
  Advance(absl::Seconds(60));
  const auto again = MustContinue(started.sign_in(), CodeOf(first));
  EXPECT_FALSE(again.verified());
  EXPECT_FALSE(again.has_grant());
  Advance(absl::Seconds(60));
  const auto done = MustContinue(started.sign_in(), CodeOf(second));
  ASSERT_TRUE(done.has_grant());
  EXPECT_EQ(done.grant().session().acr(), "multi_factor");
  EXPECT_THAT(AmrOf(done.grant().session()), ElementsAre("otp"));
  EXPECT_THAT(ReceiptOf(done.grant()).amr, ElementsAre("otp"));
}

TEST_F(SignInStoryTest, ACancelledSignInAndItsChallengeAreOver) {
  EnrolPassword();
  EnrolSms();
  const auto started = MustStart();
  const std::string code = TakeTextedCode();
  const auto cancelled = Cancel(started.sign_in());
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->state(), v1::SIGN_IN_STATE_CANCELLED);
  EXPECT_EQ(StateOfChallenge(started.sign_in().challenge().challenge_id()),
            v1::CHALLENGE_STATE_CANCELLED);
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), code).status()),
            "SIGN_IN_OVER");
  EXPECT_EQ(ErrorReason(Cancel(started.sign_in()).status()), "SIGN_IN_OVER");
}

TEST_F(SignInStoryTest, ASignInEndsAfterTenMinutes) {
  EnrolPassword();
  const auto totp = EnrolTotp();
  const auto started = MustStart();
  Advance(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_EQ(Get(started.sign_in())->state(), v1::SIGN_IN_STATE_OPEN);
  Advance(absl::Seconds(1));
  EXPECT_EQ(Get(started.sign_in())->state(), v1::SIGN_IN_STATE_EXPIRED);
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), CodeOf(totp)).status()),
            "SIGN_IN_OVER");
  // Nothing was used up.
  harness_.ActAs(Caller::Server());
  EXPECT_TRUE(harness_.Verify("acme", "ada", CodeOf(totp))->verified());
}

}  // namespace
}  // namespace cofactor::services
