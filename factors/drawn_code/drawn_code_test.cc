#include "factors/drawn_code/drawn_code.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace cofactor::factors {
namespace {

// Gives the bytes that it is told.
class ScriptedRandomness final : public Randomness {
 public:
  explicit ScriptedRandomness(std::vector<uint8_t> bytes)
      : bytes_(std::move(bytes)) {}

  void Fill(absl::Span<uint8_t> out) override {
    for (uint8_t& byte : out) byte = bytes_.at(next_++);
  }

  size_t used() const { return next_; }

 private:
  const std::vector<uint8_t> bytes_;
  size_t next_ = 0;
};

std::string Draw(int digits, Randomness& randomness) {
  return std::string(DrawCode(digits, randomness).ExposeSecret());
}

// Pearson's statistic against even odds.
template <typename Counts>
double ChiSquare(const Counts& counts) {
  double drawn = 0;
  for (const double count : counts) drawn += count;
  const double expected = drawn / static_cast<double>(counts.size());
  double sum = 0;
  for (const double count : counts) {
    sum += (count - expected) * (count - expected) / expected;
  }
  return sum;
}

TEST(DrawnCodeTest, DrawsEveryCodeWithTheSameOdds) {
  SeededRandomness randomness(20);
  std::array<std::array<double, 10>, 6> digits{};
  std::array<double, 1'000> heads{};
  std::array<double, 1'000> tails{};
  for (int i = 0; i < 100'000; ++i) {
    const std::string code = Draw(6, randomness);
    ASSERT_EQ(code.size(), 6u);
    for (size_t place = 0; place < 6; ++place) {
      ++digits[place].at(static_cast<size_t>(code[place] - '0'));
    }
    ++heads[std::stoul(code.substr(0, 3))];
    ++tails[std::stoul(code.substr(3))];
  }
  // Thresholds that fair draws pass 9,999 times of 10,000. 54 degrees of
  // freedom: the remainder of a byte as it is would add 220.
  double all_places = 0;
  for (const auto& place : digits) {
    all_places += ChiSquare(place);
    EXPECT_LT(ChiSquare(place), 33.7);  // 9 degrees of freedom.
  }
  EXPECT_LT(all_places, 99.0);
  // 999 degrees of freedom: digits do not depend on each other.
  EXPECT_LT(ChiSquare(heads), 1'174.0);
  EXPECT_LT(ChiSquare(tails), 1'174.0);
}

TEST(DrawnCodeTest, DrawsAgainForBytesThatWouldFavourSomeDigits) {
  ScriptedRandomness randomness({249, 250, 0, 255, 251, 19, 254, 10});
  EXPECT_EQ(Draw(4, randomness), "9090");
  EXPECT_EQ(randomness.used(), 8u);
}

TEST(DrawnCodeTest, KeepsLeadingZeros) {
  ScriptedRandomness randomness({0, 10, 20, 30, 40, 7});
  EXPECT_EQ(Draw(6, randomness), "000007");
}

TEST(DrawnCodeTest, DrawsAsManyDigitsAsAreWanted) {
  SeededRandomness randomness(1);
  for (int digits = 4; digits <= 10; ++digits) {
    EXPECT_EQ(Draw(digits, randomness).size(), static_cast<size_t>(digits));
  }
}

}  // namespace
}  // namespace cofactor::factors
