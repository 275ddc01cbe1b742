#include "factors/sms/sms_code.h"

#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "gtest/gtest.h"

namespace cofactor::factors::sms {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

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

TEST(SmsCodeTest, DrawsEveryCodeWithTheSameOdds) {
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

TEST(SmsCodeTest, DrawsAgainForBytesThatWouldFavourSomeDigits) {
  ScriptedRandomness randomness({249, 250, 0, 255, 251, 19, 254, 10});
  EXPECT_EQ(Draw(4, randomness), "9090");
  EXPECT_EQ(randomness.used(), 8u);
}

TEST(SmsCodeTest, KeepsLeadingZeros) {
  ScriptedRandomness randomness({0, 10, 20, 30, 40, 7});
  EXPECT_EQ(Draw(6, randomness), "000007");
}

TEST(SmsCodeTest, DrawsAsManyDigitsAsAreWanted) {
  SeededRandomness randomness(1);
  for (int digits = 4; digits <= 10; ++digits) {
    EXPECT_EQ(Draw(digits, randomness).size(), static_cast<size_t>(digits));
  }
}

TEST(SmsCodeTest, KeepsASaltedHashAndNotTheCode) {
  SeededRandomness randomness(1);
  const Secret code{absl::string_view("0123456789")};
  std::set<std::string> salts;
  std::set<std::string> hashes;
  for (int i = 0; i < 100; ++i) {
    const record::v1::SmsCodeRecord kept = KeepCode(code, kNow, randomness);
    EXPECT_TRUE(IsWhole(kept));
    EXPECT_EQ(kept.salt().size(), 16u);
    EXPECT_EQ(kept.hash().size(), 32u);
    EXPECT_FALSE(
        absl::StrContains(kept.SerializeAsString(), code.ExposeSecret()));
    salts.insert(kept.salt());
    hashes.insert(kept.hash());
  }
  EXPECT_EQ(salts.size(), 100u);
  EXPECT_EQ(hashes.size(), 100u);
}

TEST(SmsCodeTest, FitsTheKeptCodeAloneForTenMinutes) {
  SeededRandomness randomness(1);
  const record::v1::SmsCodeRecord kept =
      KeepCode(Secret(absl::string_view("012345")), kNow, randomness);
  const absl::Time end = kNow + absl::Seconds(600);
  EXPECT_TRUE(Fits(kept, "012345", kNow));
  EXPECT_TRUE(Fits(kept, "012345", end - absl::Microseconds(1)));
  EXPECT_FALSE(Fits(kept, "012345", end));
  for (const char* other : {"012346", "12345", "0123450", "", "01234"}) {
    EXPECT_FALSE(Fits(kept, other, kNow)) << other;
  }
  EXPECT_FALSE(Fits(record::v1::SmsCodeRecord(), "", kNow));
}

TEST(SmsCodeTest, FitsNoCodeToADeadOne) {
  SeededRandomness randomness(1);
  const Secret code{absl::string_view("012345")};
  const record::v1::SmsCodeRecord living = KeepCode(code, kNow, randomness);
  const record::v1::SmsCodeRecord dead = KeepDeadCode(code, kNow, randomness);
  EXPECT_TRUE(IsWhole(dead));
  EXPECT_EQ(dead.ByteSizeLong(), living.ByteSizeLong());
  EXPECT_EQ(dead.expire_micros(), living.expire_micros());
  EXPECT_FALSE(Fits(dead, "012345", kNow));
}

}  // namespace
}  // namespace cofactor::factors::sms
