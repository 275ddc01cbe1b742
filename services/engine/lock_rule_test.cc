#include "services/engine/lock_rule.h"

#include "cofactor/record/v1/record.pb.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

TEST(LockRuleTest, LocksAtEveryMultipleAndDoubles) {
  EXPECT_EQ(LockAfter(kEnrollmentLockRule, 0), absl::ZeroDuration());
  EXPECT_EQ(LockAfter(kEnrollmentLockRule, 4), absl::ZeroDuration());
  EXPECT_EQ(LockAfter(kEnrollmentLockRule, 5), absl::Seconds(30));
  EXPECT_EQ(LockAfter(kEnrollmentLockRule, 6), absl::ZeroDuration());
  EXPECT_EQ(LockAfter(kEnrollmentLockRule, 10), absl::Minutes(1));
  EXPECT_EQ(LockAfter(kEnrollmentLockRule, 35), absl::Minutes(32));
  EXPECT_EQ(LockAfter(kEnrollmentLockRule, 40), absl::Hours(1));
  EXPECT_EQ(LockAfter(kEnrollmentLockRule, 95), absl::Hours(1));
  EXPECT_EQ(LockAfter(kCodeOnlyLockRule, 4'000'000'000), absl::Hours(1));
}

TEST(LockRuleTest, TellsHowLongALockHolds) {
  record::v1::CodeOnlyRecord record;
  const absl::Time now = absl::FromUnixSeconds(1'000'000);
  EXPECT_EQ(RemainingLock(record, now), absl::ZeroDuration());
  for (int i = 0; i < 10; ++i) CountFailure(kCodeOnlyLockRule, record, now);
  EXPECT_EQ(RemainingLock(record, now), absl::Seconds(30));
  EXPECT_EQ(RemainingLock(record, now + absl::Seconds(30)),
            absl::ZeroDuration());
  ForgetFailures(record);
  EXPECT_EQ(RemainingLock(record, now), absl::ZeroDuration());
}

}  // namespace
}  // namespace cofactor::services
