// What is told of a member before the first right step: nothing.

#include <string>
#include <vector>

#include "base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/sign_in_fixture.h"

namespace cofactor::services {
namespace {

using ::testing::IsEmpty;

// Members: ada has all, bob has no factor, carl is suspended, eve is not there.
class SignInSecrecyTest : public SignInFixture {
 protected:
  SignInSecrecyTest() {
    EnrolPassword();
    EnrolTotp();
    EnrolSms();
    EnrolPhone();
    AddMember("bob");
    AddMember("carl");
    EnrolPassword("carl");
    EnrolTotp("carl");
    harness_.SuspendMember("acme", "carl");
  }

  // What is left of an answer once all that is drawn at random is gone.
  static void Blank(const std::string& member_id, v1::SignIn& sign_in) {
    EXPECT_EQ(sign_in.member_id(), member_id);
    EXPECT_EQ(sign_in.sign_in_id().size(), 32u);
    sign_in.clear_member_id();
    sign_in.clear_sign_in_id();
    if (!sign_in.has_challenge()) return;
    v1::Challenge& challenge = *sign_in.mutable_challenge();
    EXPECT_EQ(challenge.challenge_id().size(), 32u);
    challenge.clear_challenge_id();
    challenge.clear_member_id();
    challenge.set_enrollment_id(
        std::string(challenge.enrollment_id().size(), 'x'));
  }

  std::string ShapeOf(const std::string& member_id,
                      v1::StartSignInResponse response) {
    if (response.has_sign_in()) Blank(member_id, *response.mutable_sign_in());
    response.set_number(std::string(response.number().size(), 'x'));
    return response.DebugString();
  }
  std::string ShapeOf(const std::string& member_id,
                      v1::ContinueSignInResponse response) {
    Blank(member_id, *response.mutable_sign_in());
    response.set_number(std::string(response.number().size(), 'x'));
    return response.DebugString();
  }

  static const std::vector<std::string>& Members() {
    static const auto* const members =
        new std::vector<std::string>{"ada", "bob", "carl", "eve"};
    return *members;
  }
};

TEST_F(SignInSecrecyTest, AWrongPasswordIsTheSameForAll) {
  const std::string of_ada =
      ShapeOf("ada", MustStart(StartRequest("ada", kWrongPassword)));
  EXPECT_EQ(of_ada.find("sign_in"), std::string::npos);
  for (const std::string& member_id : Members()) {
    EXPECT_EQ(
        ShapeOf(member_id, MustStart(StartRequest(member_id, kWrongPassword))),
        of_ada)
        << member_id;
  }
  // Carl's is right, and Carl may not sign in.
  EXPECT_EQ(ShapeOf("carl", MustStart(StartRequest("carl", kPassword))),
            of_ada);
}

TEST_F(SignInSecrecyTest, AWrongPasswordLeavesNoSignInAndIsCounted) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(MustStart(StartRequest("ada", kWrongPassword)).has_sign_in());
  }
  EXPECT_THAT(harness_.RawRecords("n/"), IsEmpty());
  const auto right = Start();
  EXPECT_EQ(ErrorReason(right.status()), "LOCKED");
  // The same for a member that there is not.
  for (int i = 0; i < 5; ++i) MustStart(StartRequest("eve", kWrongPassword));
  EXPECT_EQ(ErrorReason(Start(StartRequest("eve", kPassword)).status()),
            "LOCKED");
}

TEST_F(SignInSecrecyTest, AStartWithNothingIsTheSameForAll) {
  const std::string of_ada = ShapeOf("ada", MustStart(StartRequest("ada", "")));
  for (const std::string& member_id : Members()) {
    EXPECT_EQ(ShapeOf(member_id, MustStart(StartRequest(member_id, ""))),
              of_ada)
        << member_id;
  }
}

TEST_F(SignInSecrecyTest, AStartWithAFactorIsTheSameForAll) {
  for (const char* factor_type : {"sms", "push", "totp"}) {
    std::string of_ada;
    for (const std::string& member_id : Members()) {
      v1::StartSignInRequest request = StartRequest(member_id, "");
      request.set_factor_type(factor_type);
      const auto started = Start(request);
      ASSERT_TRUE(started.ok()) << member_id << started.status();
      const std::string shape = ShapeOf(member_id, *started);
      if (of_ada.empty()) of_ada = shape;
      EXPECT_EQ(shape, of_ada) << member_id << " " << factor_type;
    }
  }
  // One text left, and that to ada.
  EXPECT_EQ(harness_.TakeMessages().size(), 1u);
}

TEST_F(SignInSecrecyTest, WrongAnswersAreTheSameForAll) {
  for (const char* factor_type : {"totp", "recovery_code"}) {
    std::string of_ada;
    for (const std::string& member_id : Members()) {
      const auto started = MustStart(StartRequest(member_id, ""));
      const std::string code =
          factor_type == std::string("totp") ? "000000" : "AAAA-AAAA-AAAA-AAAA";
      const std::string shape = ShapeOf(
          member_id, MustContinue(started.sign_in(), code, factor_type));
      if (of_ada.empty()) of_ada = shape;
      EXPECT_EQ(shape, of_ada) << member_id << " " << factor_type;
    }
  }
}

TEST_F(SignInSecrecyTest, WrongAnswersToATextAreTheSameForAll) {
  std::string of_ada;
  for (const std::string& member_id : Members()) {
    v1::StartSignInRequest request = StartRequest(member_id, "");
    request.set_factor_type("sms");
    const auto started = MustStart(request);
    const std::string code =
        member_id == "ada" ? OtherCode(TakeTextedCode()) : "123456";
    std::string shapes;
    for (int i = 0; i < 5; ++i) {
      shapes += ShapeOf(member_id, MustContinue(started.sign_in(), code));
    }
    const auto after = Continue(started.sign_in(), code);
    EXPECT_EQ(ErrorReason(after.status()), "SIGN_IN_OVER");
    if (of_ada.empty()) of_ada = shapes;
    EXPECT_EQ(shapes, of_ada) << member_id;
  }
}

// Whoever may know members sees reasons, as for all calls; a sign-in tells even
// them no factor before its time.
TEST_F(SignInSecrecyTest, ACallerWhoMayKnowMembersLearnsNoFactorEither) {
  v1::StartSignInRequest request = StartRequest("bob", "");
  request.set_factor_type("sms");
  harness_.ActAs({v1::SCOPE_VERIFY, v1::SCOPE_ENROLL});
  const auto started =
      harness_.Call(engine_, &SignInEngine::StartSignIn, request);
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_TRUE(started->sign_in().has_challenge());
  EXPECT_THAT(started->sign_in().options(), IsEmpty());
}

TEST_F(SignInSecrecyTest, TheFactorHasToBeNamedBeforeTheFirstStep) {
  const auto started = MustStart(StartRequest("ada", ""));
  v1::ContinueSignInRequest request = ContinueRequest(started.sign_in());
  request.set_enrollment_id("0123456789abcdef0123456789abcdef");
  EXPECT_EQ(ErrorReason(Continue(request).status()), "INVALID_FIELD");
}

TEST_F(SignInSecrecyTest, AFactorThatThePolicyDoesNotHaveIsTheSameForAll) {
  v1::Policy policy = DefaultPolicy();
  policy.add_allowed_factor_types("password");
  policy.add_allowed_factor_types("totp");
  PutPolicy(policy);
  for (const std::string& member_id : Members()) {
    v1::StartSignInRequest request = StartRequest(member_id, "");
    request.set_factor_type("sms");
    EXPECT_EQ(ErrorReason(Start(request).status()), "FACTOR_NOT_ALLOWED")
        << member_id;
  }
  EXPECT_THAT(harness_.TakeMessages(), IsEmpty());
}

}  // namespace
}  // namespace cofactor::services
