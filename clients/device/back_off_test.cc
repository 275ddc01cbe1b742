#include "clients/device/back_off.h"

#include <cstdint>
#include <cstring>

#include "base/randomness.h"
#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

// Draws the same byte again and again.
class SameByte final : public Randomness {
 public:
  explicit SameByte(uint8_t byte) : byte_(byte) {}
  void Fill(absl::Span<uint8_t> out) override {
    std::memset(out.data(), byte_, out.size());
  }

 private:
  const uint8_t byte_;
};

bool IsAbout(absl::Duration actual, absl::Duration expected) {
  return absl::AbsDuration(actual - expected) < absl::Milliseconds(1);
}

TEST(BackOffTest, TheBoundDoublesUpToAMinute) {
  SameByte most(0xFF);
  BackOff back_off(most);
  for (const double seconds : {0.5, 1., 2., 4., 8., 16., 32., 60., 60., 60.}) {
    const absl::Duration delay = back_off.AfterFailure(absl::ZeroDuration());
    EXPECT_TRUE(IsAbout(delay, absl::Seconds(seconds))) << delay;
  }
}

TEST(BackOffTest, TheJitterIsFull) {
  SameByte least(0);
  EXPECT_EQ(BackOff(least).AfterFailure(absl::ZeroDuration()),
            absl::ZeroDuration());
  SameByte half(0x80);
  EXPECT_TRUE(IsAbout(BackOff(half).AfterFailure(absl::ZeroDuration()),
                      absl::Milliseconds(251)));
}

TEST(BackOffTest, TwoDevicesDoNotComeBackTogether) {
  SeededRandomness one(1), two(2);
  EXPECT_NE(BackOff(one).AfterFailure(absl::ZeroDuration()),
            BackOff(two).AfterFailure(absl::ZeroDuration()));
}

TEST(BackOffTest, StartsOverOnlyAfterAConnectionThatLasted) {
  SameByte most(0xFF);
  BackOff back_off(most);
  for (int i = 0; i < 5; ++i) back_off.AfterFailure(absl::ZeroDuration());
  EXPECT_TRUE(
      IsAbout(back_off.AfterFailure(BackOff::kGood - absl::Nanoseconds(1)),
              absl::Seconds(16)));
  EXPECT_TRUE(IsAbout(back_off.AfterFailure(BackOff::kGood), BackOff::kFirst));
  EXPECT_TRUE(IsAbout(back_off.AfterFailure(absl::ZeroDuration()),
                      2 * BackOff::kFirst));
}

}  // namespace
}  // namespace cofactor::device
