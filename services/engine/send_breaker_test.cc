// When messages stop because few codes are typed back.

#include "services/engine/send_breaker.h"

#include <string>

#include "absl/strings/match.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/send_limits_fixture.h"
#include "tests/doubles/retry_delay.h"

namespace cofactor::services {
namespace {

class SendBreakerTest : public SendLimitsFixture {
 protected:
  static SendPolicy Policy() {
    SendPolicy policy = OpenPolicy();
    policy.breaker = SendPolicy().breaker;
    return policy;
  }

  // As many messages to as many prefixes, of which the first were verified.
  void SendAndVerify(const Sender& sender, int count, int verified) {
    for (int i = 0; i < count; ++i) {
      const std::string number = Number(next_prefix_++ % 1'000, 1);
      const absl::Status status = Send(sender, number);
      ASSERT_TRUE(status.ok()) << i << status;
      if (i < verified) Verify(sender, number);
    }
  }

  absl::Status SendNext(const Sender& sender) {
    return Send(sender, Number(next_prefix_++ % 1'000, 1));
  }

  int next_prefix_ = 0;
};

TEST_F(SendBreakerTest, OpensForACountryBelowTwentyPercentOfAHundred) {
  const Sender sender(Policy());
  SendAndVerify(sender, 100, 19);
  const absl::Status status = SendNext(sender);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorReason(status), "SEND_LIMIT");
  EXPECT_EQ(RetryDelay(status), absl::Hours(1));
  EXPECT_TRUE(absl::StrContains(
      status.message(), "only 19 of the last 100 were typed back, until "))
      << status;
}

TEST_F(SendBreakerTest, StaysClosedAtTwentyPercentAndBeforeAHundred) {
  const Sender sender(Policy());
  SendAndVerify(sender, 100, 20);
  EXPECT_TRUE(SendNext(sender).ok());
}

TEST_F(SendBreakerTest, JudgesTheLastHundredAlone) {
  const Sender sender(Policy());
  // All verified, then none: the eighty-first of those is one too many.
  SendAndVerify(sender, 100, 100);
  SendAndVerify(sender, 81, 0);
  EXPECT_FALSE(SendNext(sender).ok());
}

TEST_F(SendBreakerTest, OpensForAPrefixAlone) {
  const Sender sender(Policy());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Send(sender, Number(999, i)).ok());
    // The country converts well.
    SendAndVerify(sender, 1, 1);
  }
  EXPECT_FALSE(Send(sender, Number(999, 100)).ok());
  EXPECT_TRUE(SendNext(sender).ok());
}

TEST_F(SendBreakerTest, ClosesAfterItsTimeAndDoublesUpToADay) {
  const Sender sender(Policy());
  for (const int hours : {1, 2, 4, 8, 16, 24, 24}) {
    SendAndVerify(sender, 100, 19);
    EXPECT_EQ(RetryDelay(SendNext(sender)), absl::Hours(hours));
    harness_.clock().Advance(absl::Hours(hours) - absl::Microseconds(1));
    EXPECT_FALSE(SendNext(sender).ok());
    harness_.clock().Advance(absl::Microseconds(1));
  }
}

TEST_F(SendBreakerTest, StartsAtAnHourAgainOnceAHundredWentWell) {
  const Sender sender(Policy());
  SendAndVerify(sender, 100, 0);
  harness_.clock().Advance(absl::Hours(1));
  SendAndVerify(sender, 100, 100);
  SendAndVerify(sender, 81, 0);
  EXPECT_EQ(RetryDelay(SendNext(sender)), absl::Hours(1));
}

TEST_F(SendBreakerTest, EndsEarlyWhenCodesAreTypedBackLate) {
  const Sender sender(Policy());
  SendAndVerify(sender, 100, 19);
  ASSERT_FALSE(SendNext(sender).ok());
  Verify(sender, Number(99, 1));
  EXPECT_TRUE(SendNext(sender).ok());
}

TEST_F(SendBreakerTest, CountsNoMoreVerifiedThanSent) {
  const Sender sender(Policy());
  SendAndVerify(sender, 2, 1);
  for (int i = 0; i < 50; ++i) Verify(sender, Number(0, 1));
  v1::ListSendLimitsRequest request;
  request.set_region("DE");
  const v1::SendConversion conversion = List(sender, request)[0].conversion();
  EXPECT_EQ(conversion.sent(), 2u);
  EXPECT_EQ(conversion.verified(), 2u);
}

TEST_F(SendBreakerTest, ListsAndResetsABreak) {
  const Sender sender(Policy());
  SendAndVerify(sender, 100, 3);
  v1::ListSendLimitsRequest request;
  request.set_region("DE");
  const auto limits = List(sender, request);
  ASSERT_EQ(limits.size(), 2u);
  EXPECT_EQ(limits[0].conversion().sent(), 100u);
  EXPECT_EQ(limits[0].conversion().verified(), 3u);
  EXPECT_EQ(limits[0].conversion().break_until().seconds(),
            absl::ToUnixSeconds(harness_.now() + absl::Hours(1)));
  v1::ResetSendLimitRequest reset;
  reset.set_subject(v1::SEND_SUBJECT_REGION);
  reset.set_region("DE");
  ASSERT_TRUE(Reset(sender, reset).ok());
  EXPECT_TRUE(SendNext(sender).ok());
}

}  // namespace
}  // namespace cofactor::services
