// How a sign-in can go on, without a server around it.

#include "services/engine/sign_in_ways.h"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/policy_fixture.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kBirth = 1'700'000'000'000'000;

class SignInWaysTest : public testing::Test {
 protected:
  SignInWaysTest() {
    member_.set_create_micros(kBirth);
    policy_.mutable_enrollment_grace()->set_seconds(3600);
    policy_.set_sign_in_acr("multi");
  }

  EnrollmentRecord& Enrol(const std::string& factor_type) {
    EnrollmentRecord& enrollment = *member_.add_enrollments();
    enrollment.set_enrollment_id(factor_type + "-id");
    enrollment.set_factor_type(factor_type);
    enrollment.set_confirmed(true);
    return enrollment;
  }

  void Prove(const std::string& factor_type) {
    *steps_.Add() = StepOf(factor_type + "-id",
                           registry_.Find(factor_type)->descriptor(), now_);
  }

  SignInScene Scene(const std::string& acr = "multi") const {
    return {policy_, registry_, member_, steps_, LevelOf(policy_, acr), now_};
  }

  static std::vector<std::string> TypesOf(
      const std::vector<Candidate>& candidates) {
    std::vector<std::string> types;
    for (const Candidate& candidate : candidates) {
      types.push_back(candidate.factor->descriptor().type_id);
    }
    return types;
  }

  const factors::FactorRegistry registry_ = MakePolicyRegistry();
  absl::Time now_ = absl::FromUnixMicros(kBirth) + absl::Minutes(5);
  v1::Policy policy_;
  MemberRecord member_;
  Steps steps_;
};

TEST_F(SignInWaysTest, OffersWhatHelpsAndNothingThatHasAnswered) {
  AddCombination(AddLevel(policy_, "multi"), {"knows", "has"});
  for (const char* type : {"password", "totp", "push"}) Enrol(type);
  Prove("password");
  EXPECT_THAT(TypesOf(FindWays(Scene()).enrollments),
              ElementsAre("push", "totp"));
  EXPECT_THAT(FindWays(Scene()).enrollable_factor_types, IsEmpty());
}

TEST_F(SignInWaysTest, OffersALockedOneOnlyIfThereIsNoOther) {
  AddCombination(AddLevel(policy_, "multi"), {"knows", "has"});
  Enrol("password");
  Enrol("totp").set_lock_until_micros(
      absl::ToUnixMicros(now_ + absl::Seconds(30)));
  Prove("password");
  EXPECT_THAT(TypesOf(FindWays(Scene()).enrollments), ElementsAre("totp"));
  Enrol("sms");
  EXPECT_THAT(TypesOf(FindWays(Scene()).enrollments), ElementsAre("sms"));
  EXPECT_THAT(TypesOf(FindAnswerable(Scene())), ElementsAre("totp", "sms"));
}

TEST_F(SignInWaysTest, OffersNoDisabledOne) {
  AddCombination(AddLevel(policy_, "multi"), {"knows", "has"});
  Enrol("password");
  Enrol("totp").set_disabled(true);
  Prove("password");
  EXPECT_TRUE(FindWays(Scene()).none());
  EXPECT_THAT(FindAnswerable(Scene()), IsEmpty());
}

TEST_F(SignInWaysTest, WhatIsMissingMayBeBoundInTheGrace) {
  AddCombination(AddLevel(policy_, "multi"), {"knows", "has"});
  Enrol("password");
  Prove("password");
  EXPECT_THAT(FindWays(Scene()).enrollable_factor_types,
              ElementsAre("push", "sms", "totp", "webauthn"));
  now_ = absl::FromUnixMicros(kBirth) + absl::Hours(1);
  EXPECT_TRUE(FindWays(Scene()).none());
}

TEST_F(SignInWaysTest, AnOldReceiptAloneBindsNothing) {
  AddCombination(AddLevel(policy_, "multi"), {"resistant"});
  Enrol("password");
  EXPECT_TRUE(FindWays(Scene()).none());
  Prove("password");
  EXPECT_THAT(FindWays(Scene()).enrollable_factor_types,
              ElementsAre("webauthn"));
}

TEST_F(SignInWaysTest, WhatTheMemberCanReachIsProvenBeforeMoreIsBound) {
  AddCombination(AddLevel(policy_, "multi"), {"knows", "has"});
  AddCombination(AddLevel(policy_, "strong"), {"resistant"});
  Enrol("password");
  EnrollmentRecord& totp = Enrol("totp");
  Prove("password");
  EXPECT_THAT(TypesOf(FindWays(Scene("strong")).enrollments),
              ElementsAre("totp"));
  // Nor does it help to make its factor useless.
  totp.set_disabled(true);
  EXPECT_TRUE(FindWays(Scene("strong")).none());
  totp.set_disabled(false);
  Prove("totp");
  EXPECT_THAT(FindWays(Scene("strong")).enrollable_factor_types,
              ElementsAre("webauthn"));
}

TEST_F(SignInWaysTest, OwnFactorsThatBelongToTheWayComeBeforeNewOnes) {
  AddCombination(AddLevel(policy_, "multi"), {"password", "totp", "sms"});
  Enrol("password");
  Enrol("totp");
  Prove("password");
  EXPECT_THAT(TypesOf(FindWays(Scene()).enrollments), ElementsAre("totp"));
  EXPECT_THAT(FindWays(Scene()).enrollable_factor_types, IsEmpty());
  Prove("totp");
  EXPECT_THAT(FindWays(Scene()).enrollable_factor_types, ElementsAre("sms"));
}

TEST_F(SignInWaysTest, NothingIsBoundThatWouldReplaceWhatThereIs) {
  AddCombination(AddLevel(policy_, "multi"), {"password", "totp"});
  Enrol("password").set_disabled(true);
  Enrol("totp");
  Prove("totp");
  EXPECT_TRUE(FindWays(Scene()).none());
}

TEST_F(SignInWaysTest, ARememberedDeviceReachesNothingInAStepUp) {
  AddCombination(AddLevel(policy_, "multi"), {"knows", "has"});
  policy_.mutable_remembered_devices()->mutable_lifetime()->set_seconds(3600);
  Enrol("password");
  Enrol("totp");
  Prove("password");
  steps_.Add()->set_remembered_device_id("laptop");
  EXPECT_TRUE(IsReached(Scene(), /*is_step_up=*/false));
  EXPECT_FALSE(IsReached(Scene(), /*is_step_up=*/true));
}

}  // namespace
}  // namespace cofactor::services
