// Sign-ins that start from a session, and devices that are remembered.

#include <string>

#include "absl/time/time.h"
#include "base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/sign_in_fixture.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SignInStepUpTest : public SignInFixture {
 protected:
  SignInStepUpTest() : password_(EnrolPassword()), totp_(EnrolTotp()) {}

  // The default policy with a level above it, that a text message makes, and
  // remembered devices.
  static v1::Policy Policy() {
    v1::Policy policy = DefaultPolicy();
    v1::PolicyLevel& level = *policy.add_levels();
    level.set_acr("payout");
    v1::FactorCombination& all = *level.add_any_of();
    all.add_all_of()->set_factor_type("password");
    all.add_all_of()->set_factor_type("totp");
    all.add_all_of()->set_factor_type("sms");
    policy.mutable_remembered_devices()->mutable_lifetime()->set_seconds(
        absl::ToInt64Seconds(absl::Hours(24 * 30)));
    return policy;
  }

  static v1::StartSignInRequest StepUpRequest(const v1::Grant& grant,
                                              const std::string& acr = "") {
    v1::StartSignInRequest request = StartRequest("", "");
    request.set_receipt(grant.receipt());
    request.set_acr(acr);
    return request;
  }

  // Signs ada in and has the device remembered: its token.
  std::string Remember() {
    v1::StartSignInRequest request = StartRequest();
    request.set_remember_device_name("Firefox on Linux");
    const auto started = MustStart(request);
    const auto done = MustContinue(started.sign_in(), CodeOf(totp_));
    EXPECT_NE(done.grant().remembered_device_token(), "");
    Advance(absl::Minutes(1));
    return done.grant().remembered_device_token();
  }

  v1::StartSignInRequest DeviceRequest(const std::string& token) {
    v1::StartSignInRequest request = StartRequest();
    request.set_remembered_device_token(token);
    return request;
  }

  const std::string password_;
  const EngineHarness::Enrolled totp_;
};

TEST_F(SignInStepUpTest, AStrongerLevelIsReachedInTheSameSession) {
  EnrolSms();
  PutPolicy(Policy());
  const v1::Grant grant = SignIn(totp_);
  const auto started = MustStart(StepUpRequest(grant, "payout"));
  EXPECT_TRUE(started.verified());
  EXPECT_EQ(started.sign_in().member_id(), "ada");
  EXPECT_EQ(started.sign_in().steps_size(), 2);
  EXPECT_THAT(OptionsOf(started.sign_in()), ElementsAre("sms"));
  const auto done = MustContinue(started.sign_in(), TakeTextedCode());
  ASSERT_TRUE(done.has_grant());
  EXPECT_EQ(done.grant().session().session_id(), grant.session().session_id());
  EXPECT_EQ(done.grant().session().acr(), "payout");
  EXPECT_NE(done.grant().refresh_token(), grant.refresh_token());
  EXPECT_EQ(LastEvent().note(), "steps up to payout by password, totp, sms");
}

TEST_F(SignInStepUpTest, WhatWasProvenTooLongAgoIsAskedAnew) {
  const v1::Grant grant = SignIn(totp_);  // A minute ago.
  v1::StartSignInRequest request = StepUpRequest(grant);
  request.mutable_max_age()->set_seconds(30);
  const auto started = MustStart(request);
  EXPECT_EQ(started.sign_in().steps_size(), 0);
  // The receipt shows that the person has been here: the factors are told.
  EXPECT_THAT(OptionsOf(started.sign_in()), ElementsAre("totp", "password"));
  EXPECT_FALSE(MustContinue(started.sign_in(), CodeOf(totp_)).has_grant());
  v1::ContinueSignInRequest password = ContinueRequest(started.sign_in());
  password.mutable_response()->set_password(kPassword);
  const auto done = Continue(password);
  ASSERT_TRUE(done.ok()) << done.status();
  ASSERT_TRUE(done->has_grant());
  EXPECT_EQ(done->grant().session().session_id(), grant.session().session_id());
  EXPECT_GT(done->grant().session().auth_time().seconds(),
            grant.session().auth_time().seconds());
}

TEST_F(SignInStepUpTest, WhatIsNewEnoughCounts) {
  EnrolSms();
  PutPolicy(Policy());
  const v1::Grant grant = SignIn(totp_);
  v1::StartSignInRequest request = StepUpRequest(grant, "payout");
  request.mutable_max_age()->set_seconds(60);
  EXPECT_THAT(OptionsOf(MustStart(request).sign_in()), ElementsAre("sms"));
  TakeTextedCode();
  request.mutable_max_age()->set_seconds(0);
  EXPECT_THAT(OptionsOf(MustStart(request).sign_in()),
              ElementsAre("totp", "sms", "password"));
  request.mutable_max_age()->set_seconds(-1);
  EXPECT_EQ(ErrorReason(Start(request).status()), "INVALID_FIELD");
}

TEST_F(SignInStepUpTest, WhatThePolicyFindsTooOldIsAskedAnew) {
  EnrolSms();
  v1::Policy policy = Policy();
  for (v1::PolicyLevel& level : *policy.mutable_levels()) {
    if (level.acr() == "payout") level.mutable_max_age()->set_seconds(60);
  }
  PutPolicy(policy);
  const v1::Grant grant = SignIn(totp_);  // A minute ago.
  v1::StartSignInRequest request = StepUpRequest(grant, "payout");
  EXPECT_EQ(MustStart(request).sign_in().steps_size(), 2);
  Advance(absl::Seconds(1));
  request.mutable_max_age()->set_seconds(3600);
  EXPECT_EQ(MustStart(request).sign_in().steps_size(), 0);
}

TEST_F(SignInStepUpTest, AReceiptAloneBringsNoNewTokens) {
  const v1::Grant grant = SignIn(totp_);
  EXPECT_EQ(ErrorReason(Start(StepUpRequest(grant)).status()),
            "NOTHING_TO_STEP_UP");
  EXPECT_THAT(harness_.RawRecords("e/").size(), 1u);
}

TEST_F(SignInStepUpTest, AReceiptIsOfThisClientAndOfThisMember) {
  PutPolicy(Policy());
  const v1::Grant grant = SignIn(totp_);
  v1::StartSignInRequest request = StepUpRequest(grant, "payout");
  ActAs("other");
  EXPECT_EQ(ErrorReason(Start(request).status()), "RECEIPT_REFUSED");
  ActAs("web");
  request.set_member_id("bob");
  EXPECT_EQ(ErrorReason(Start(request).status()), "INVALID_FIELD");
  request.clear_member_id();
  request.set_password(kPassword);
  EXPECT_EQ(ErrorReason(Start(request).status()), "INVALID_FIELD");
  request.clear_password();
  request.set_receipt(grant.receipt() + "x");
  EXPECT_EQ(ErrorReason(Start(request).status()), "RECEIPT_REFUSED");
}

TEST_F(SignInStepUpTest, AStepUpOfASessionThatEndedMeanwhileFails) {
  EnrolSms();
  PutPolicy(Policy());
  const v1::Grant grant = SignIn(totp_);
  const auto started = MustStart(StepUpRequest(grant, "payout"));
  const std::string code = TakeTextedCode();
  SignOut();
  EXPECT_EQ(ErrorReason(Continue(started.sign_in(), code).status()),
            "SIGN_IN_OVER");
}

TEST_F(SignInStepUpTest, ASessionsProofByARevokedFactorCountsNoMore) {
  EnrolSms();
  const auto other = EnrolTotp();
  const v1::Grant grant = SignIn(totp_);
  Revoke(totp_.enrollment_id);
  const auto started = MustStart(StepUpRequest(grant));
  EXPECT_EQ(started.sign_in().steps_size(), 1);
  EXPECT_THAT(OptionsOf(started.sign_in()), ElementsAre("totp", "sms"));
  EXPECT_TRUE(MustContinue(started.sign_in(), CodeOf(other)).has_grant());
}

TEST_F(SignInStepUpTest, ARememberedDeviceStandsInForTheSecondFactor) {
  PutPolicy(Policy());
  const std::string token = Remember();
  const auto started = MustStart(DeviceRequest(token));
  EXPECT_EQ(started.sign_in().state(), v1::SIGN_IN_STATE_COMPLETE);
  ASSERT_TRUE(started.has_grant());
  // What was reached is stated, not what was wished.
  EXPECT_EQ(started.grant().session().acr(), "single_factor");
  EXPECT_THAT(AmrOf(started.grant().session()), ElementsAre("pwd"));
  EXPECT_TRUE(ReceiptOf(started.grant()).remembered_device);
  EXPECT_EQ(LastEvent().note(),
            "signs in at single_factor by password, remembered device");
}

TEST_F(SignInStepUpTest, ARememberedDeviceIsNoFirstStep) {
  PutPolicy(Policy());
  const std::string token = Remember();
  v1::StartSignInRequest request = DeviceRequest(token);
  request.set_password(kWrongPassword);
  EXPECT_FALSE(MustStart(request).verified());
  request.clear_password();
  const auto started = MustStart(request);
  EXPECT_EQ(started.sign_in().steps_size(), 0);
  EXPECT_FALSE(MustContinue(started.sign_in(), CodeOf(totp_)).has_grant());
}

TEST_F(SignInStepUpTest, ARememberedDeviceServesNoHigherLevelAndNoStepUp) {
  EnrolSms();
  PutPolicy(Policy());
  const std::string token = Remember();
  v1::StartSignInRequest higher = DeviceRequest(token);
  higher.set_acr("payout");
  const auto started = MustStart(higher);
  EXPECT_FALSE(started.has_grant());
  EXPECT_EQ(started.sign_in().steps_size(), 1);
  EXPECT_THAT(OptionsOf(started.sign_in()), ElementsAre("totp", "sms"));

  const auto known = MustStart(DeviceRequest(token));
  ASSERT_TRUE(known.has_grant());
  Advance(absl::Minutes(1));
  v1::StartSignInRequest step_up = StepUpRequest(known.grant());
  step_up.set_remembered_device_token(token);
  const auto stepping = MustStart(step_up);
  EXPECT_FALSE(stepping.has_grant());
  // The step of the device did not come along.
  EXPECT_EQ(stepping.sign_in().steps_size(), 1);
  EXPECT_THAT(OptionsOf(stepping.sign_in()), ElementsAre("totp", "sms"));
}

TEST_F(SignInStepUpTest, ARememberedDeviceDoesNotMakeItselfRememberedAnew) {
  PutPolicy(Policy());
  v1::StartSignInRequest request = DeviceRequest(Remember());
  request.set_remember_device_name("For ever");
  const auto started = MustStart(request);
  ASSERT_TRUE(started.has_grant());
  EXPECT_EQ(started.grant().remembered_device_token(), "");
  // An unknown token is as good as none.
  request.set_remembered_device_token("cfd_nothing");
  const auto unknown = MustStart(request);
  EXPECT_FALSE(unknown.has_grant());
  const auto done = MustContinue(unknown.sign_in(), CodeOf(totp_));
  EXPECT_NE(done.grant().remembered_device_token(), "");
}

TEST_F(SignInStepUpTest, NoDeviceIsRememberedUnlessThePolicySaysSo) {
  v1::StartSignInRequest request = StartRequest();
  request.set_remember_device_name("Firefox on Linux");
  const auto plain = MustContinue(MustStart(request).sign_in(), CodeOf(totp_));
  ASSERT_TRUE(plain.has_grant());
  EXPECT_EQ(plain.grant().remembered_device_token(), "");
  Advance(absl::Minutes(1));
  PutPolicy(Policy());
  const std::string token = Remember();
  v1::Policy policy = Policy();
  policy.clear_remembered_devices();
  PutPolicy(policy);
  EXPECT_FALSE(MustStart(DeviceRequest(token)).has_grant());
}

TEST_F(SignInStepUpTest, ADeviceTokenIsGoodForItsClientAlone) {
  PutPolicy(Policy());
  const std::string token = Remember();
  ActAs("other");
  EXPECT_FALSE(MustStart(DeviceRequest(token)).has_grant());
}

}  // namespace
}  // namespace cofactor::services
