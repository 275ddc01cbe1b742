#include "services/engine/shadow_policy.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cofactor/v1/policy_service.pb.h"
#include "gtest/gtest.h"
#include "services/engine/keys.h"
#include "services/engine/policy_fixture.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {
namespace {

constexpr absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// The default holds; the one that is tried wants something resistant at the
// sign-in.
class ShadowPolicyTest : public ::testing::Test {
 protected:
  ShadowPolicyTest() {
    policies_.enforced = DefaultPolicy();
    policies_.enforced.set_account_id("acme");
    v1::Policy shadow = DefaultPolicy();
    shadow.set_version(7);
    AddCombination(AddLevel(shadow, "high"), {"resistant"});
    shadow.set_sign_in_acr("high");
    policies_.shadow = shadow;
  }

  void Prove(const std::string& factor_type, absl::Time time = kNow) {
    *steps_.Add() =
        StepOf(factor_type, registry_.Find(factor_type)->descriptor(), time);
  }

  // The decision is noted, and the shadow policy would not have let in.
  void ExpectRefused(bool complete, absl::string_view wanted_acr) {
    const auto difference = Note(complete, wanted_acr);
    ASSERT_TRUE(difference.has_value()) << wanted_acr;
    EXPECT_FALSE(difference->shadow_complete()) << wanted_acr;
  }

  // What is written of a decision, if anything is.
  std::optional<v1::ShadowDifference> Note(const SignInDecision& decision) {
    Plan plan(*snapshot_, kNow, caller_);
    NoteShadowDifference(plan, policies_, steps_, decision);
    const storage::Transaction transaction = plan.TakeTransaction();
    EXPECT_TRUE(transaction.conditions().empty());
    if (transaction.writes().empty()) return std::nullopt;
    EXPECT_EQ(transaction.writes().size(), 1u);
    const storage::Transaction::Write& write = transaction.writes()[0];
    EXPECT_EQ(write.key, ShadowDifferenceKey("acme", kNow, "sign-in"));
    EXPECT_EQ(write.expire_time, kNow + absl::Hours(24 * 30));
    record::v1::ShadowDifferenceRecord record;
    EXPECT_TRUE(record.ParseFromString(write.value));
    EXPECT_EQ(record.version(), kRecordVersion);
    v1::ShadowDifference difference;
    EXPECT_TRUE(difference.ParseFromString(record.difference()));
    return difference;
  }
  std::optional<v1::ShadowDifference> Note(bool complete,
                                           absl::string_view wanted_acr = "") {
    SignInDecision decision;
    decision.sign_in_id = "sign-in";
    decision.member_id = "ada";
    decision.wanted_acr = wanted_acr;
    decision.complete = complete;
    return Note(decision);
  }

  const factors::FactorRegistry registry_ = MakePolicyRegistry();
  SystemClock clock_;
  storage::MemoryStore store_{clock_};
  const std::unique_ptr<const storage::Snapshot> snapshot_ =
      store_.GetSnapshot();
  const Caller caller_ = Caller::Server();
  Policies policies_;
  Steps steps_;
};

TEST_F(ShadowPolicyTest, NotesWhomItWouldNotLetIn) {
  Prove("password");
  EXPECT_FALSE(Note(false).has_value());
  Prove("totp");
  const auto difference = Note(true);
  ASSERT_TRUE(difference.has_value());
  EXPECT_EQ(difference->time().seconds(), absl::ToUnixSeconds(kNow));
  EXPECT_EQ(difference->sign_in_id(), "sign-in");
  EXPECT_EQ(difference->member_id(), "ada");
  EXPECT_EQ(difference->policy_version(), 7u);
  ASSERT_EQ(difference->factor_types_size(), 2);
  EXPECT_EQ(difference->factor_types(0), "password");
  EXPECT_EQ(difference->factor_types(1), "totp");
  EXPECT_TRUE(difference->enforced_complete());
  EXPECT_FALSE(difference->shadow_complete());
  EXPECT_EQ(difference->enforced_acr(), "multi_factor");
  EXPECT_EQ(difference->shadow_acr(), "multi_factor");
}

TEST_F(ShadowPolicyTest, NotesWhomItWouldLetIn) {
  Prove("webauthn");
  const auto difference = Note(false);
  ASSERT_TRUE(difference.has_value());
  EXPECT_FALSE(difference->enforced_complete());
  EXPECT_TRUE(difference->shadow_complete());
  EXPECT_EQ(difference->enforced_acr(), "single_factor");
  EXPECT_EQ(difference->shadow_acr(), "high");
}

TEST_F(ShadowPolicyTest, NotesAnotherAcr) {
  Prove("password");
  Prove("webauthn");
  const auto difference = Note(true);
  ASSERT_TRUE(difference.has_value());
  EXPECT_TRUE(difference->enforced_complete());
  EXPECT_TRUE(difference->shadow_complete());
  EXPECT_EQ(difference->enforced_acr(), "multi_factor");
  EXPECT_EQ(difference->shadow_acr(), "high");
}

TEST_F(ShadowPolicyTest, NotesNothingWhereBothAgree) {
  policies_.shadow->set_sign_in_acr("multi_factor");
  EXPECT_FALSE(Note(false).has_value());
  Prove("password");
  EXPECT_FALSE(Note(false).has_value());
  Prove("totp");
  EXPECT_FALSE(Note(true).has_value());
  policies_.shadow.reset();
  EXPECT_FALSE(Note(false).has_value());
}

// Names of levels are no decision.
TEST_F(ShadowPolicyTest, NotesNoAcrOfAnUnfinishedSignIn) {
  policies_.shadow->mutable_levels(0)->set_acr("one");
  Prove("password");
  EXPECT_FALSE(Note(false).has_value());
}

TEST_F(ShadowPolicyTest, JudgesWhatTheClientAskedFor) {
  policies_.shadow->set_sign_in_acr("multi_factor");
  Prove("password");
  Prove("totp");
  EXPECT_FALSE(Note(true).has_value());
  EXPECT_FALSE(Note(true, "multi_factor").has_value());
  ExpectRefused(true, "high");
  // Less than the policy wants is not to be had.
  policies_.shadow->set_sign_in_acr("high");
  ExpectRefused(true, "multi_factor");
}

TEST_F(ShadowPolicyTest, NeverReachesWhatItDoesNotName) {
  policies_.shadow = DefaultPolicy();
  policies_.shadow->mutable_levels(1)->set_acr("two");
  policies_.shadow->set_sign_in_acr("two");
  Prove("password");
  Prove("totp");
  ExpectRefused(true, "multi_factor");
  EXPECT_FALSE(Note(false, "multi_factor").has_value());
}

TEST_F(ShadowPolicyTest, LeavesOutOldSteps) {
  policies_.shadow->set_sign_in_acr("multi_factor");
  Prove("password", kNow - absl::Hours(1));
  Prove("totp");
  SignInDecision decision;
  decision.sign_in_id = "sign-in";
  decision.not_before = kNow;
  EXPECT_FALSE(Note(decision).has_value());
  decision.complete = true;
  EXPECT_TRUE(Note(decision).has_value());
}

TEST_F(ShadowPolicyTest, JudgesRememberedDevices) {
  policies_.shadow = DefaultPolicy();
  Prove("password");
  steps_.Add()->set_remembered_device_id("laptop");
  // The one that holds takes the device, the one that is tried does not.
  const auto difference = Note(true);
  ASSERT_TRUE(difference.has_value());
  EXPECT_FALSE(difference->shadow_complete());
  EXPECT_EQ(difference->factor_types_size(), 1);
  policies_.shadow->mutable_remembered_devices();
  EXPECT_FALSE(Note(true).has_value());
}

}  // namespace
}  // namespace cofactor::services
