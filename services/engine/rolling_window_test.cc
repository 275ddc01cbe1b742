#include "services/engine/rolling_window.h"

#include "gtest/gtest.h"
#include "services/engine/guess_budgets.h"

namespace cofactor::services {
namespace {

constexpr absl::Duration kTick = absl::Microseconds(1);
constexpr absl::Duration kDay = absl::Hours(24);

// The first moment of a day.
const absl::Time kMidnight = absl::UnixEpoch() + 19'000 * kDay;

TEST(RollingWindowTest, CountsAFailureForItsLengthAtLeast) {
  for (const RollingWindow& window : {kMemberWindow, kAccountWindow}) {
    const absl::Time start = absl::UnixEpoch() + 2'700 * window.span;
    for (const absl::Duration into :
         {absl::ZeroDuration(), window.span / 2, window.span - kTick}) {
      FailureCounts counts;
      AddFailure(window, counts, start + into);
      EXPECT_EQ(FailuresIn(window, counts, start + into), 1u);
      EXPECT_EQ(FailuresIn(window, counts, start + into + window.length()), 1u);
      // It leaves with its span, whenever in the span it was.
      const absl::Time end = start + window.spans * window.span;
      EXPECT_EQ(FailuresIn(window, counts, end - kTick), 1u);
      EXPECT_EQ(FailuresIn(window, counts, end), 0u);
    }
  }
  EXPECT_GE(kMemberWindow.length(), 30 * kDay);
  EXPECT_GE(kAccountWindow.length(), 365 * kDay);
}

TEST(RollingWindowTest, AddsUpSpansAndDropsThemOneByOne) {
  FailureCounts counts;
  for (int day = 0; day < 31; ++day) {
    for (int i = 0; i <= day; ++i) {
      AddFailure(kMemberWindow, counts, kMidnight + day * kDay + i * kTick);
    }
  }
  EXPECT_EQ(counts.size(), 31);
  EXPECT_EQ(FailuresIn(kMemberWindow, counts, kMidnight + 30 * kDay), 496u);
  EXPECT_EQ(FailuresIn(kMemberWindow, counts, kMidnight + 31 * kDay), 495u);
  EXPECT_EQ(FailuresIn(kMemberWindow, counts, kMidnight + 32 * kDay), 493u);
}

TEST(RollingWindowTest, KeepsNoMoreSpansThanTheWindowHas) {
  FailureCounts counts;
  for (int day = 0; day < 1'000; ++day) {
    AddFailure(kMemberWindow, counts, kMidnight + day * kDay);
    ASSERT_LE(counts.size(), 31);
  }
  EXPECT_EQ(FailuresIn(kMemberWindow, counts, kMidnight + 999 * kDay), 31u);
}

TEST(RollingWindowTest, AClockThatIsSetBackForgivesNothing) {
  FailureCounts counts;
  AddFailure(kMemberWindow, counts, kMidnight);
  for (const absl::Duration back : {kTick, 40 * kDay, 10'000 * kDay}) {
    EXPECT_EQ(FailuresIn(kMemberWindow, counts, kMidnight - back), 1u);
  }
  // What fails before the clock is right again is not older than what failed
  // before, so that it does not leave earlier.
  AddFailure(kMemberWindow, counts, kMidnight - 40 * kDay);
  EXPECT_EQ(FailuresIn(kMemberWindow, counts, kMidnight - 40 * kDay), 2u);
  EXPECT_EQ(FailuresIn(kMemberWindow, counts, kMidnight + 31 * kDay - kTick),
            2u);
  EXPECT_EQ(FailuresIn(kMemberWindow, counts, kMidnight + 31 * kDay), 0u);
}

TEST(RollingWindowTest, CountsBeforeTheEpochToo) {
  FailureCounts counts;
  const absl::Time early = absl::UnixEpoch() - 100 * kDay;
  AddFailure(kMemberWindow, counts, early);
  EXPECT_EQ(FailuresIn(kMemberWindow, counts, early), 1u);
  EXPECT_EQ(FailuresIn(kMemberWindow, counts, early + 30 * kDay), 1u);
  EXPECT_EQ(FailuresIn(kMemberWindow, counts, early + 32 * kDay), 0u);
}

TEST(RollingWindowTest, TellsExactlyHowLongUntilThereAreFewer) {
  FailureCounts counts;
  const absl::Time now = kMidnight + 2 * kDay + absl::Hours(5);
  for (int i = 0; i < 3; ++i) AddFailure(kMemberWindow, counts, kMidnight);
  for (int i = 0; i < 2; ++i) {
    AddFailure(kMemberWindow, counts, kMidnight + kDay);
  }
  AddFailure(kMemberWindow, counts, now);
  const auto until = [&](uint32_t limit) {
    return TimeUntilFewer(kMemberWindow, counts, limit, now);
  };
  EXPECT_EQ(until(8), absl::ZeroDuration());
  EXPECT_EQ(until(7), absl::ZeroDuration());
  EXPECT_EQ(until(6), kMidnight + 31 * kDay - now);
  EXPECT_EQ(until(4), kMidnight + 31 * kDay - now);
  EXPECT_EQ(until(3), kMidnight + 32 * kDay - now);
  EXPECT_EQ(until(2), kMidnight + 32 * kDay - now);
  EXPECT_EQ(until(1), kMidnight + 33 * kDay - now);
  for (uint32_t limit = 1; limit <= 6; ++limit) {
    const absl::Time then = now + until(limit);
    EXPECT_GE(FailuresIn(kMemberWindow, counts, then - kTick), limit);
    EXPECT_LT(FailuresIn(kMemberWindow, counts, then), limit);
  }
}

TEST(RollingWindowTest, TellsTheTimeAlsoOfWhatHasLeftInPart) {
  FailureCounts counts;
  for (int day = 0; day < 20; ++day) {
    AddFailure(kMemberWindow, counts, kMidnight + day * kDay);
  }
  const absl::Time now = kMidnight + 40 * kDay;
  ASSERT_EQ(FailuresIn(kMemberWindow, counts, now), 10u);
  EXPECT_EQ(TimeUntilFewer(kMemberWindow, counts, 10, now), kDay);
  EXPECT_EQ(TimeUntilFewer(kMemberWindow, counts, 11, now),
            absl::ZeroDuration());
}

TEST(RollingWindowTest, HoldsNothingAtFirst) {
  EXPECT_EQ(FailuresIn(kMemberWindow, {}, kMidnight), 0u);
  EXPECT_EQ(TimeUntilFewer(kMemberWindow, {}, 1, kMidnight),
            absl::ZeroDuration());
}

}  // namespace
}  // namespace cofactor::services
