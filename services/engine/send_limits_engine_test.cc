#include "services/engine/send_limits_engine.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/engine/send_limits_fixture.h"

namespace cofactor::services {
namespace {

class SendLimitsEngineTest : public SendLimitsFixture {};

TEST_F(SendLimitsEngineTest, ListsWhatApplies) {
  const Sender sender(StandardPolicy());
  const std::string number = "+4915112345678";
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Send(sender, number).ok());
  Verify(sender, number);
  v1::ListSendLimitsRequest request;
  // As it is dialled there.
  request.set_phone_number("0151 12345678");
  request.set_region("DE");
  request.set_account_id("acme");
  request.set_client_id(Caller::Server().client_id());
  const auto limits = List(sender, request);
  ASSERT_EQ(limits.size(), 6u);
  const std::vector<v1::SendSubject> subjects = {
      v1::SEND_SUBJECT_NUMBER,  v1::SEND_SUBJECT_PREFIX,
      v1::SEND_SUBJECT_REGION,  v1::SEND_SUBJECT_CLIENT,
      v1::SEND_SUBJECT_ACCOUNT, v1::SEND_SUBJECT_ALL};
  for (size_t i = 0; i < limits.size(); ++i) {
    EXPECT_EQ(limits[i].subject(), subjects[i]);
  }
  ASSERT_EQ(limits[0].budgets_size(), 2);
  const v1::SendBudget& budget = limits[0].budgets(0);
  EXPECT_EQ(budget.window().seconds(), 600);
  EXPECT_EQ(budget.used(), 5u);
  EXPECT_EQ(budget.allowed(), 5u);
  EXPECT_EQ(budget.exhausted_until().seconds(),
            absl::ToUnixSeconds(harness_.now() + absl::Seconds(625)));
  EXPECT_FALSE(limits[0].budgets(1).has_exhausted_until());
  EXPECT_FALSE(limits[0].has_conversion());
  for (const int with_conversion : {1, 2}) {
    EXPECT_EQ(limits[with_conversion].conversion().sent(), 5u);
    EXPECT_EQ(limits[with_conversion].conversion().verified(), 1u);
    EXPECT_FALSE(limits[with_conversion].conversion().has_break_until());
  }
  EXPECT_EQ(limits[2].budgets_size(), 0);
  EXPECT_EQ(limits[3].budgets(0).allowed(), 5'000u);
  EXPECT_EQ(limits[4].budgets(1).allowed(), 1'000u);
  EXPECT_EQ(limits[5].budgets(1).allowed(), 20'000u);

  EXPECT_EQ(List(sender, {}).size(), 1u);
  request.clear_phone_number();
  EXPECT_EQ(List(sender, request).size(), 4u);
}

TEST_F(SendLimitsEngineTest, ResetsOneLimitOnce) {
  SendPolicy policy = StandardPolicy();
  policy.number_per_10_minutes = policy.prefix_per_hour = 1;
  policy.client_per_hour = policy.account_per_hour = policy.all_per_hour = 1;
  const Sender sender(policy);
  const std::string number = "+4915112345678";
  ASSERT_TRUE(Send(sender, number).ok());
  const std::vector<v1::SendSubject> subjects = {
      v1::SEND_SUBJECT_NUMBER, v1::SEND_SUBJECT_PREFIX, v1::SEND_SUBJECT_CLIENT,
      v1::SEND_SUBJECT_ACCOUNT, v1::SEND_SUBJECT_ALL};
  for (const v1::SendSubject subject : subjects) {
    // Each of them is in the way until all are reset.
    EXPECT_FALSE(Send(sender, number).ok());
    v1::ResetSendLimitRequest reset;
    reset.set_request_id(absl::StrCat("r", subject));
    reset.set_subject(subject);
    reset.set_phone_number(number);
    reset.set_account_id("acme");
    reset.set_client_id(Caller::Server().client_id());
    const auto response = Reset(sender, reset);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->limit().subject(), subject);
    ASSERT_GE(response->limit().budgets_size(), 1);
    EXPECT_EQ(response->limit().budgets(0).used(), 0u);
  }
  EXPECT_TRUE(Send(sender, number).ok());
  EXPECT_EQ(harness_.AuditEvents().rbegin()[1].action(), "ResetSendLimit");
  // A retry of the last reset is the same call, and forgets nothing.
  v1::ResetSendLimitRequest retry;
  retry.set_request_id(absl::StrCat("r", v1::SEND_SUBJECT_ALL));
  retry.set_subject(v1::SEND_SUBJECT_ALL);
  retry.set_phone_number(number);
  retry.set_account_id("acme");
  retry.set_client_id(Caller::Server().client_id());
  ASSERT_TRUE(Reset(sender, retry).ok());
  EXPECT_EQ(List(sender, {})[0].budgets(0).used(), 1u);
}

TEST_F(SendLimitsEngineTest, ResetNeedsToKnowWhichLimit) {
  const Sender sender(StandardPolicy());
  v1::ResetSendLimitRequest reset;
  for (int subject = 0; subject < v1::SEND_SUBJECT_ALL; ++subject) {
    reset.set_subject(static_cast<v1::SendSubject>(subject));
    EXPECT_EQ(Reset(sender, reset).status().code(),
              absl::StatusCode::kInvalidArgument)
        << subject;
  }
  reset.set_subject(v1::SEND_SUBJECT_REGION);
  for (const char* region : {"de", "D", "DEU", "01", "D/"}) {
    reset.set_region(region);
    EXPECT_EQ(Reset(sender, reset).status().code(),
              absl::StatusCode::kInvalidArgument)
        << region;
  }
}

TEST_F(SendLimitsEngineTest, AClientOfSomeAccountsSeesAndResetsTheirsAlone) {
  const Sender sender(StandardPolicy());
  ASSERT_TRUE(Send(sender, Number(1, 1)).ok());
  ActAsClient("tenant", {"acme"});
  const auto limits = List(sender, RequestFor(Number(1, 1), "acme"));
  ASSERT_EQ(limits.size(), 1u);
  EXPECT_EQ(limits[0].subject(), v1::SEND_SUBJECT_ACCOUNT);
  v1::ResetSendLimitRequest reset;
  reset.set_account_id("acme");
  reset.set_subject(v1::SEND_SUBJECT_ALL);
  EXPECT_EQ(Reset(sender, reset).status().code(),
            absl::StatusCode::kPermissionDenied);
  reset.set_subject(v1::SEND_SUBJECT_ACCOUNT);
  EXPECT_TRUE(Reset(sender, reset).ok());
}

}  // namespace
}  // namespace cofactor::services
