#include "services/send_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;

TEST(SendPolicyTest, TakesEachNumber) {
  config::v1::Sms sms;
  sms.add_allowed_regions("US");
  sms.add_allowed_regions("DE");
  config::v1::SendBudgets& budgets = *sms.mutable_budgets();
  budgets.set_number_per_10_minutes(1);
  budgets.set_number_per_day(2);
  budgets.set_prefix_per_hour(3);
  budgets.set_prefix_per_day(4);
  budgets.set_client_per_hour(5);
  budgets.set_account_per_hour(6);
  budgets.set_account_per_day(7);
  budgets.set_all_per_hour(8);
  budgets.set_all_per_day(9);
  budgets.set_conversion_sends(10);
  budgets.set_least_conversion_percent(11);
  const SendPolicy policy = SendPolicyOf(sms);
  EXPECT_THAT(policy.allowed_regions, ElementsAre("DE", "US"));
  EXPECT_EQ(policy.number_per_10_minutes, 1u);
  EXPECT_EQ(policy.number_per_day, 2u);
  EXPECT_EQ(policy.prefix_per_hour, 3u);
  EXPECT_EQ(policy.prefix_per_day, 4u);
  EXPECT_EQ(policy.client_per_hour, 5u);
  EXPECT_EQ(policy.account_per_hour, 6u);
  EXPECT_EQ(policy.account_per_day, 7u);
  EXPECT_EQ(policy.all_per_hour, 8u);
  EXPECT_EQ(policy.all_per_day, 9u);
  EXPECT_EQ(policy.breaker.sends, 10u);
  EXPECT_EQ(policy.breaker.least_verified_percent, 11u);
}

}  // namespace
}  // namespace cofactor::services
