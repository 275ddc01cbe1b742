#include "services/engine/policies.h"

#include <memory>

#include "base/clock.h"
#include "gtest/gtest.h"
#include "services/engine/keys.h"
#include "services/engine/sign_in_policy.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {
namespace {

class PoliciesTest : public ::testing::Test {
 protected:
  SystemClock clock_;
  storage::MemoryStore store_{clock_};
  const std::unique_ptr<const storage::Snapshot> snapshot_ =
      store_.GetSnapshot();
  const Caller caller_ = Caller::Server();
  Plan plan_{*snapshot_, absl::UnixEpoch(), caller_};
};

TEST_F(PoliciesTest, IsTheDefaultWhereNoneWasSet) {
  const auto policies = ReadPolicies(plan_, "acme");
  ASSERT_TRUE(policies.ok()) << policies.status();
  EXPECT_FALSE(policies->is_set);
  EXPECT_FALSE(policies->shadow.has_value());
  EXPECT_EQ(policies->enforced.account_id(), "acme");
  EXPECT_EQ(policies->enforced.version(), 0u);
  EXPECT_EQ(policies->enforced.sign_in_acr(), DefaultPolicy().sign_in_acr());
}

TEST_F(PoliciesTest, IsAConditionOfThePlan) {
  ASSERT_TRUE(ReadPolicies(plan_, "acme").ok());
  const storage::Transaction transaction = plan_.TakeTransaction();
  ASSERT_EQ(transaction.conditions().size(), 1u);
  EXPECT_EQ(transaction.conditions()[0].key, PolicyKey("acme"));
}

TEST_F(PoliciesTest, TriesOneBesideTheDefault) {
  v1::Policy shadow;
  shadow.set_sign_in_acr("high");
  record::v1::PolicyRecord record;
  record.set_shadow(shadow.SerializeAsString());
  plan_.Write(PolicyKey("acme"), record);
  const auto policies = ReadPolicies(plan_, "acme");
  ASSERT_TRUE(policies.ok()) << policies.status();
  EXPECT_FALSE(policies->is_set);
  EXPECT_EQ(policies->enforced.sign_in_acr(), DefaultPolicy().sign_in_acr());
  ASSERT_TRUE(policies->shadow.has_value());
  EXPECT_EQ(policies->shadow->sign_in_acr(), "high");
}

TEST_F(PoliciesTest, ReadsTheOneOfTheAccount) {
  v1::Policy policy;
  policy.set_sign_in_acr("high");
  record::v1::PolicyRecord record;
  record.set_policy(policy.SerializeAsString());
  plan_.Write(PolicyKey("acme"), record);
  EXPECT_TRUE(ReadPolicies(plan_, "acme")->is_set);
  EXPECT_EQ(ReadPolicies(plan_, "acme")->enforced.sign_in_acr(), "high");
  EXPECT_FALSE(ReadPolicies(plan_, "other")->is_set);
}

// Nothing weaker is taken in the place of what cannot be read.
TEST_F(PoliciesTest, RefusesADamagedPolicy) {
  record::v1::PolicyRecord record;
  record.set_policy("\x01");
  plan_.Write(PolicyKey("acme"), record);
  EXPECT_EQ(ReadPolicies(plan_, "acme").status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(PoliciesTest, HasValuesWhereNoneAreSet) {
  v1::Policy policy;
  EXPECT_EQ(ReceiptLifetime(policy), absl::Minutes(5));
  EXPECT_EQ(IdleTimeout(policy), absl::Hours(12));
  EXPECT_EQ(SessionLifetime(policy), absl::Hours(24 * 7));
  EXPECT_EQ(BindingMaxAge(policy), absl::Minutes(5));
  EXPECT_EQ(TicketLifetime(policy), absl::Minutes(15));
  policy.add_levels();
  EXPECT_EQ(LevelMaxAge(policy, 0), absl::InfiniteDuration());
  EXPECT_EQ(LevelMaxAge(policy, kNoLevel), absl::InfiniteDuration());
  policy.mutable_levels(0)->mutable_max_age()->set_seconds(64);
  EXPECT_EQ(LevelMaxAge(policy, 0), absl::Seconds(64));
  policy.mutable_sessions()->mutable_receipt_lifetime()->set_seconds(30);
  policy.mutable_sessions()->mutable_idle_timeout()->set_seconds(60);
  policy.mutable_sessions()->mutable_lifetime()->set_seconds(61);
  policy.mutable_binding_max_age()->set_seconds(62);
  policy.mutable_recovery()->mutable_ticket_lifetime()->set_seconds(63);
  EXPECT_EQ(ReceiptLifetime(policy), absl::Seconds(30));
  EXPECT_EQ(IdleTimeout(policy), absl::Seconds(60));
  EXPECT_EQ(SessionLifetime(policy), absl::Seconds(61));
  EXPECT_EQ(BindingMaxAge(policy), absl::Seconds(62));
  EXPECT_EQ(TicketLifetime(policy), absl::Seconds(63));
}

}  // namespace
}  // namespace cofactor::services
