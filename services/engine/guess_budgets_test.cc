#include "services/engine/guess_budgets.h"

#include <string>

#include "absl/strings/match.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "tests/doubles/retry_delay.h"

namespace cofactor::services {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

// The first moment of a span of both windows.
const absl::Time kStart = absl::UnixEpoch() + 2'700 * kAccountWindow.span;

// That a guess hits any of so many seeds, with codes of so many digits in so
// many time steps.
uint64_t Chance(uint64_t seeds, size_t digits, uint64_t steps) {
  return seeds * steps * ChanceOfCode(digits);
}

TEST(GuessBudgetsTest, KnowsTheChanceOfOneCode) {
  EXPECT_EQ(ChanceOfCode(6), kChanceUnits / 1'000'000);
  EXPECT_EQ(ChanceOfCode(7), kChanceUnits / 10'000'000);
  EXPECT_EQ(ChanceOfCode(8), kChanceUnits / 100'000'000);
  EXPECT_EQ(ChanceOfCode(8), 1u);
  // Never less than there is, so that no code counts for nothing.
  EXPECT_EQ(ChanceOfCode(9), 1u);
  EXPECT_EQ(ChanceOfCode(100), 1u);
}

TEST(GuessBudgetsTest, AllowsAnAccountLessTheMoreSeedsItHas) {
  EXPECT_EQ(AccountFailures(Chance(1, 6, 3)), 1'666u);
  EXPECT_EQ(AccountFailures(Chance(2, 6, 3)), 833u);
  EXPECT_EQ(AccountFailures(Chance(69, 6, 3)), 24u);
  EXPECT_EQ(AccountFailures(Chance(70, 6, 3)), 23u);
  EXPECT_EQ(AccountFailures(Chance(208, 6, 1)), 24u);
  EXPECT_EQ(AccountFailures(Chance(209, 6, 1)), 23u);
  EXPECT_EQ(AccountFailures(Chance(6'944, 8, 3)), 24u);
  EXPECT_EQ(AccountFailures(Chance(6'945, 8, 3)), 23u);
  EXPECT_EQ(AccountFailures(Chance(1'000'000, 6, 3)), 0u);
}

TEST(GuessBudgetsTest, AllowsAnAccountWithoutSeedsAnyNumber) {
  EXPECT_EQ(AccountFailures(0), 4'294'967'295u);
  EXPECT_TRUE(CheckAccountBudget({}, 0, kStart).ok());
}

TEST(GuessBudgetsTest, KeepsTheYearlyChanceBelowHalfAPercent) {
  for (const uint64_t seeds : {1, 3, 10, 50, 69}) {
    const uint64_t chance = Chance(seeds, 6, 3);
    EXPECT_LE(AccountFailures(chance) * chance, kChanceUnits / 200);
  }
}

TEST(GuessBudgetsTest, RefusesAnAccountExactlyFromTooManySeedsOn) {
  struct Case {
    uint64_t served;
    size_t digits;
    uint64_t steps;
  };
  for (const Case& one : {Case{69, 6, 3}, Case{208, 6, 1}, Case{6'944, 8, 3}}) {
    EXPECT_TRUE(CheckAccountBudget(
                    {}, Chance(one.served, one.digits, one.steps), kStart)
                    .ok());
    const absl::Status status = CheckAccountBudget(
        {}, Chance(one.served + 1, one.digits, one.steps), kStart);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ErrorReason(status), "CODE_ONLY_UNSAFE");
  }
}

TEST(GuessBudgetsTest, UsesUpAnAccountsBudgetForAYear) {
  record::v1::CodeOnlyRecord code_only;
  const uint64_t chance = Chance(69, 6, 3);
  for (int i = 0; i < 24; ++i) {
    EXPECT_TRUE(CheckAccountBudget(code_only, chance, kStart).ok()) << i;
    AddFailure(kAccountWindow, *code_only.mutable_counts(), kStart);
  }
  const absl::Status status = CheckAccountBudget(code_only, chance, kStart);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorReason(status), "BUDGET_EXHAUSTED");
  EXPECT_EQ(RetryDelay(status), 54 * 7 * kDay);
  EXPECT_FALSE(CheckAccountBudget(code_only, chance, kStart + 365 * kDay).ok());
  EXPECT_TRUE(
      CheckAccountBudget(code_only, chance, kStart + RetryDelay(status)).ok());
  // Fewer seeds are allowed more.
  EXPECT_TRUE(CheckAccountBudget(code_only, Chance(60, 6, 3), kStart).ok());
}

TEST(GuessBudgetsTest, UsesUpAMembersBudgetForThirtyDays) {
  record::v1::MemberRecord member;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(CheckMemberBudget(member, "totp", kStart).ok()) << i;
    CountMemberFailure(member, "totp", kStart);
  }
  const absl::Status status = CheckMemberBudget(member, "totp", kStart);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorReason(status), "BUDGET_EXHAUSTED");
  EXPECT_EQ(RetryDelay(status), 31 * kDay);
  EXPECT_TRUE(absl::StrContains(status.message(), "another factor"));
  EXPECT_FALSE(CheckMemberBudget(member, "totp", kStart + 30 * kDay).ok());
  EXPECT_TRUE(CheckMemberBudget(member, "totp", kStart + 31 * kDay).ok());
  // Neither does a clock that is set back.
  EXPECT_FALSE(CheckMemberBudget(member, "totp", kStart - 60 * kDay).ok());
}

TEST(GuessBudgetsTest, CountsEachFactorByItself) {
  record::v1::MemberRecord member;
  CountMemberFailure(member, "sms", kStart);
  for (int i = 0; i < 100; ++i) CountMemberFailure(member, "totp", kStart);
  EXPECT_FALSE(CheckMemberBudget(member, "totp", kStart).ok());
  EXPECT_TRUE(CheckMemberBudget(member, "sms", kStart).ok());
  EXPECT_EQ(FailuresIn(kMemberWindow, FailuresOf(member, "sms"), kStart), 1u);
  EXPECT_EQ(FailuresIn(kMemberWindow, FailuresOf(member, "push"), kStart), 0u);
  ForgetMemberFailures(member, "totp");
  EXPECT_TRUE(CheckMemberBudget(member, "totp", kStart).ok());
  EXPECT_EQ(FailuresIn(kMemberWindow, FailuresOf(member, "sms"), kStart), 1u);
  EXPECT_EQ(member.failures_size(), 2);
}

}  // namespace
}  // namespace cofactor::services
