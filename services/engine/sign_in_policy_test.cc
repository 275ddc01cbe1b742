#include "services/engine/sign_in_policy.h"

#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "services/engine/policy_fixture.h"
#include "services/engine/prompts.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;

constexpr absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class SignInPolicyTest : public testing::Test {
 protected:
  // An enrollment of the factor has the name of it, or one that is given.
  void Prove(const std::string& factor_type, std::string enrollment_id = "",
             absl::Time time = kNow) {
    if (enrollment_id.empty()) enrollment_id = factor_type;
    *steps_.Add() =
        StepOf(enrollment_id, registry_.Find(factor_type)->descriptor(), time);
  }
  void ProveDevice() {
    auto& step = *steps_.Add();
    step.set_remembered_device_id("laptop");
    step.set_time_micros(absl::ToUnixMicros(kNow));
  }
  EnrollmentRecord& Enroll(const std::string& factor_type,
                           std::string enrollment_id = "") {
    EnrollmentRecord& enrollment = *member_.add_enrollments();
    enrollment.set_enrollment_id(enrollment_id.empty() ? factor_type
                                                       : enrollment_id);
    enrollment.set_factor_type(factor_type);
    enrollment.set_confirmed(true);
    return enrollment;
  }
  std::vector<Candidate> Candidates() {
    return CandidatesOf(policy_, registry_, member_, kNow);
  }
  static std::string Names(const std::vector<Candidate>& candidates) {
    std::string names;
    for (const Candidate& candidate : candidates) {
      names += candidate.enrollment_id + " ";
    }
    return names;
  }
  // The ids of those of the member's enrollments that can go on.
  std::string Useful(int level) {
    const std::vector<Candidate> candidates = Candidates();
    std::vector<Candidate> useful;
    for (const size_t i : UsefulNext(policy_, steps_, candidates, level)) {
      useful.push_back(candidates[i]);
    }
    return Names(useful);
  }
  int Reached() { return ReachedLevel(policy_, steps_); }

  const factors::FactorRegistry registry_ = MakePolicyRegistry();
  v1::Policy policy_ = DefaultPolicy();
  MemberRecord member_;
  Steps steps_;
};

TEST_F(SignInPolicyTest, ReachesTheDefaultByTwoKinds) {
  EXPECT_EQ(SignInLevel(policy_), 1);
  EXPECT_EQ(BindingLevel(policy_), 1);
  EXPECT_EQ(Reached(), kNoLevel);
  Prove("password");
  EXPECT_EQ(AcrOf(policy_, Reached()), "single_factor");
  Prove("sms");
  EXPECT_EQ(AcrOf(policy_, Reached()), "multi_factor");
}

// Requirement 29: two of a kind are no two factors.
TEST_F(SignInPolicyTest, TakesTwoOfAKindForOne) {
  Prove("totp");
  Prove("sms");
  Prove("push");
  Prove("recovery_code");
  Prove("webauthn");
  EXPECT_EQ(AcrOf(policy_, Reached()), "single_factor");
}

TEST_F(SignInPolicyTest, CountsAnEnrollmentOnce) {
  policy_.clear_levels();
  AddCombination(AddLevel(policy_, "two"), {"has", "has"});
  Prove("totp", "phone");
  Prove("totp", "phone");
  EXPECT_EQ(Reached(), kNoLevel);
  Prove("totp", "tablet");
  EXPECT_EQ(Reached(), 0);
}

// Whichever demand a proof is tried on first, all ways are tried.
TEST_F(SignInPolicyTest, FindsADemandForEachProof) {
  policy_.clear_levels();
  AddCombination(AddLevel(policy_, "four"),
                 {"has", "resistant", "totp", "has"});
  Prove("webauthn");
  Prove("totp");
  Prove("sms");
  EXPECT_EQ(Reached(), kNoLevel);
  Prove("push");
  EXPECT_EQ(Reached(), 0);
  std::swap(*steps_.Mutable(0), *steps_.Mutable(3));
  EXPECT_EQ(Reached(), 0);
  std::swap(*steps_.Mutable(1), *steps_.Mutable(2));
  EXPECT_EQ(Reached(), 0);
}

TEST_F(SignInPolicyTest, ReachesAWeakerLevelByAStrongerOne) {
  policy_.clear_levels();
  AddCombination(AddLevel(policy_, "low"), {"password"});
  AddCombination(AddLevel(policy_, "high"), {"webauthn"});
  Prove("webauthn");
  EXPECT_EQ(Reached(), 1);
}

TEST_F(SignInPolicyTest, CountsAllowedFactorsAlone) {
  policy_.add_allowed_factor_types("password");
  policy_.add_allowed_factor_types("totp");
  EXPECT_TRUE(IsAllowed(policy_, "totp"));
  EXPECT_FALSE(IsAllowed(policy_, "sms"));
  Prove("password");
  Prove("sms");
  EXPECT_EQ(Reached(), 0);
  Prove("totp");
  EXPECT_EQ(Reached(), 1);
}

TEST_F(SignInPolicyTest, BelievesTheFactorUnlessThePolicyNamesTheResistant) {
  policy_.clear_levels();
  AddCombination(AddLevel(policy_, "high"), {"resistant"});
  Prove("push");
  EXPECT_EQ(Reached(), kNoLevel);
  Prove("webauthn");
  EXPECT_EQ(Reached(), 0);
  policy_.add_phishing_resistant_factor_types("totp");
  EXPECT_EQ(Reached(), kNoLevel);
  policy_.add_phishing_resistant_factor_types("push");
  EXPECT_EQ(Reached(), 0);
}

TEST_F(SignInPolicyTest, LeavesOutOldSteps) {
  Prove("password", "", kNow - absl::Minutes(10));
  Prove("totp");
  EXPECT_EQ(Reached(), 1);
  EXPECT_EQ(ReachedLevel(policy_, steps_, kNow - absl::Minutes(10)), 1);
  EXPECT_EQ(ReachedLevel(policy_, steps_, kNow - absl::Minutes(9)), 0);
  // An enrollment that is proven anew counts by its newer proof.
  Prove("password");
  EXPECT_EQ(ReachedLevel(policy_, steps_, kNow), 1);
}

TEST_F(SignInPolicyTest, DemandsNothingOfAnUnsetDemand) {
  policy_.clear_levels();
  v1::PolicyLevel& level = AddLevel(policy_, "odd");
  level.add_any_of();
  EXPECT_EQ(Reached(), kNoLevel);
  level.add_any_of()->add_all_of();
  Prove("password");
  EXPECT_EQ(Reached(), kNoLevel);
}

TEST_F(SignInPolicyTest, CountsNoDeviceAsAFactor) {
  policy_.mutable_remembered_devices();
  Prove("password");
  ProveDevice();
  steps_.Mutable(1)->set_factor_type("totp");
  steps_.Mutable(1)->set_kind(v1::FACTOR_KIND_POSSESSION);
  EXPECT_EQ(Reached(), 0);
  EXPECT_EQ(AmrOf(steps_), std::vector<std::string>{"pwd"});
}

TEST_F(SignInPolicyTest, TakesADeviceForTheRestOfASignIn) {
  policy_.mutable_remembered_devices();
  Prove("password");
  EXPECT_FALSE(IsRememberedEnough(policy_, steps_, 1));
  ProveDevice();
  EXPECT_TRUE(IsRememberedEnough(policy_, steps_, 1));
  EXPECT_TRUE(IsRememberedEnough(policy_, steps_, 0));
  EXPECT_FALSE(IsRememberedEnough(policy_, steps_, kNoLevel));
  policy_.clear_remembered_devices();
  EXPECT_FALSE(IsRememberedEnough(policy_, steps_, 1));
}

TEST_F(SignInPolicyTest, TakesNoDeviceAboveTheSignIn) {
  policy_.mutable_remembered_devices();
  AddCombination(AddLevel(policy_, "high"), {"knows", "resistant"});
  Prove("password");
  ProveDevice();
  EXPECT_TRUE(IsRememberedEnough(policy_, steps_, 1));
  EXPECT_FALSE(IsRememberedEnough(policy_, steps_, 2));
}

TEST_F(SignInPolicyTest, TakesNoDeviceAlone) {
  policy_.mutable_remembered_devices();
  ProveDevice();
  EXPECT_FALSE(IsRememberedEnough(policy_, steps_, 1));
}

// Who took a laptop and a phone knows nothing.
TEST_F(SignInPolicyTest, TakesNoDeviceBesideAPossession) {
  policy_.mutable_remembered_devices();
  Prove("sms");
  ProveDevice();
  EXPECT_FALSE(IsRememberedEnough(policy_, steps_, 1));
}

TEST_F(SignInPolicyTest, TakesNoDeviceWhereTheBeginningIsNone) {
  policy_.mutable_remembered_devices();
  policy_.clear_levels();
  AddCombination(AddLevel(policy_, "multi_factor"), {"is", "has"});
  Prove("password");
  ProveDevice();
  EXPECT_FALSE(IsRememberedEnough(policy_, steps_, 0));
  Prove("fingerprint");
  EXPECT_TRUE(IsRememberedEnough(policy_, steps_, 0));
}

TEST_F(SignInPolicyTest, GoesOnWithWhatIsMissing) {
  Enroll("password");
  Enroll("totp");
  Enroll("sms");
  EXPECT_EQ(Useful(1), "totp sms password ");
  Prove("password");
  EXPECT_EQ(Useful(1), "totp sms ");
  Prove("totp");
  EXPECT_EQ(Useful(1), "");
}

TEST_F(SignInPolicyTest, GoesOnOnlyWhereAWayLeads) {
  policy_.clear_levels();
  AddCombination(AddLevel(policy_, "low"), {"password"});
  v1::PolicyLevel& high = AddLevel(policy_, "high");
  AddCombination(high, {"password", "webauthn"});
  AddCombination(high, {"password", "totp", "sms"});
  Enroll("password");
  Enroll("sms");
  Enroll("push");
  Prove("password");
  EXPECT_EQ(Useful(1), "");
  Enroll("totp");
  EXPECT_EQ(Useful(1), "totp sms ");
  Enroll("webauthn");
  EXPECT_EQ(Useful(1), "webauthn totp sms ");
}

TEST_F(SignInPolicyTest, GoesOnByAStrongerLevel) {
  policy_.clear_levels();
  AddCombination(AddLevel(policy_, "low"), {"password"});
  AddCombination(AddLevel(policy_, "high"), {"webauthn"});
  Enroll("webauthn");
  EXPECT_EQ(Useful(0), "webauthn ");
  EXPECT_EQ(Useful(kNoLevel), "");
}

TEST_F(SignInPolicyTest, PrefersWhatIsSafestAndEasiest) {
  for (const char* type :
       {"recovery_code", "password", "sms", "totp", "push", "webauthn"}) {
    Enroll(type);
  }
  Enroll("totp", "totp2");
  EXPECT_EQ(Names(Candidates()),
            "webauthn push totp totp2 sms password recovery_code ");
  policy_.add_phishing_resistant_factor_types("sms");
  EXPECT_EQ(Names(Candidates()),
            "sms push totp webauthn totp2 password recovery_code ");
}

TEST_F(SignInPolicyTest, LeavesOutWhatCannotAnswerNow) {
  Enroll("password");
  Enroll("totp", "pending").set_confirmed(false);
  Enroll("totp", "disabled").set_disabled(true);
  Enroll("totp", "locked")
      .set_lock_until_micros(absl::ToUnixMicros(kNow + absl::Seconds(1)));
  Enroll("totp", "unlocked").set_lock_until_micros(absl::ToUnixMicros(kNow));
  Enroll("gone");
  Enroll("push");
  EXPECT_EQ(Names(Candidates()), "push unlocked password ");
  StopPrompts(member_, "push");
  EXPECT_EQ(Names(Candidates()), "unlocked password ");
  policy_.add_allowed_factor_types("password");
  EXPECT_EQ(Names(Candidates()), "password ");
}

// Wrong answers lock, so that locks must not make a demand smaller.
TEST_F(SignInPolicyTest, KnowsWhatWasLockedOut) {
  Enroll("password");
  EnrollmentRecord& totp = Enroll("totp");
  EXPECT_EQ(ReachableLevel(policy_, Candidates()), 1);
  totp.set_lock_until_micros(absl::ToUnixMicros(kNow + absl::Hours(1)));
  EXPECT_EQ(ReachableLevel(policy_, Candidates()), 0);
  EXPECT_EQ(ReachableLevel(policy_, ConfirmedOf(policy_, registry_, member_)),
            1);
  totp.set_disabled(true);
  EXPECT_EQ(ReachableLevel(policy_, ConfirmedOf(policy_, registry_, member_)),
            1);
  totp.set_confirmed(false);
  EXPECT_EQ(ReachableLevel(policy_, ConfirmedOf(policy_, registry_, member_)),
            0);
}

TEST_F(SignInPolicyTest, ReachesNothingWithNothing) {
  EXPECT_EQ(ReachableLevel(policy_, {}), kNoLevel);
  EXPECT_EQ(AcrOf(policy_, kNoLevel), "");
  EXPECT_EQ(AcrOf(policy_, 2), "");
  EXPECT_EQ(LevelOf(policy_, "other"), kNoLevel);
  EXPECT_EQ(LevelOf(policy_, ""), kNoLevel);
}

TEST_F(SignInPolicyTest, BindsAtALevelOfItsOwn) {
  policy_.set_binding_acr("single_factor");
  EXPECT_EQ(BindingLevel(policy_), 0);
}

TEST_F(SignInPolicyTest, SaysMfaForDifferentKindsAlone) {
  using Amr = std::vector<std::string>;
  EXPECT_EQ(AmrOf(steps_), Amr());
  Prove("totp");
  Prove("recovery_code");
  EXPECT_EQ(AmrOf(steps_), Amr({"otp"}));
  // Not even if a factor says it of itself.
  steps_.Mutable(0)->add_amr("mfa");
  EXPECT_EQ(AmrOf(steps_), Amr({"otp"}));
  Prove("password");
  EXPECT_EQ(AmrOf(steps_), Amr({"otp", "pwd", "mfa"}));
}

TEST_F(SignInPolicyTest, TakesTheNewestProofForTheTime) {
  EXPECT_EQ(AuthTimeOf(steps_), absl::InfinitePast());
  Prove("password", "", kNow - absl::Minutes(1));
  Prove("totp", "", kNow - absl::Minutes(2));
  ProveDevice();
  EXPECT_EQ(AuthTimeOf(steps_), kNow - absl::Minutes(1));
}

TEST_F(SignInPolicyTest, MakesAStepOfAFactor) {
  const auto step =
      StepOf("key", registry_.Find("webauthn")->descriptor(), kNow);
  EXPECT_EQ(step.enrollment_id(), "key");
  EXPECT_EQ(step.factor_type(), "webauthn");
  EXPECT_EQ(step.kind(), static_cast<uint32_t>(v1::FACTOR_KIND_POSSESSION));
  ASSERT_EQ(step.amr_size(), 1);
  EXPECT_EQ(step.amr(0), "hwk");
  EXPECT_TRUE(step.phishing_resistant());
  EXPECT_EQ(step.time_micros(), absl::ToUnixMicros(kNow));
}

TEST_F(SignInPolicyTest, SaysWhatAStepUpHasToReach) {
  const auto info_of = [](const absl::Status& status) {
    google::rpc::ErrorInfo info;
    EXPECT_TRUE(info.ParseFromString(std::string(
        status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo")
            .value_or(absl::Cord()))));
    return info;
  };
  const absl::Status both = StepUpRequired("high", absl::Milliseconds(90'999));
  EXPECT_EQ(both.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(both), "STEP_UP_REQUIRED");
  EXPECT_EQ(info_of(both).metadata().at("acr_values"), "high");
  EXPECT_EQ(info_of(both).metadata().at("max_age"), "90");
  EXPECT_EQ(info_of(StepUpRequired("", absl::ZeroDuration())).metadata_size(),
            1);
  EXPECT_EQ(info_of(StepUpRequired("high", absl::InfiniteDuration()))
                .metadata()
                .count("max_age"),
            0u);
}

}  // namespace
}  // namespace cofactor::services
