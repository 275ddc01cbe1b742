// 10,000 random cases of the HOTP code against oathtool, which shares nothing
// with it.

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/randomness.h"
#include "factors/totp/hotp.h"
#include "gtest/gtest.h"

namespace cofactor::factors::totp {
namespace {

constexpr int kSeeds = 500;
constexpr int kStepsPerSeed = 20;

uint64_t Draw(Randomness& randomness, uint64_t below) {
  uint64_t number = 0;
  randomness.Fill(
      absl::MakeSpan(reinterpret_cast<uint8_t*>(&number), sizeof(number)));
  return number % below;
}

std::vector<std::string> LinesOf(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  size_t got = 0;
  while ((got = fread(buffer, 1, sizeof(buffer), pipe)) > 0) {
    output.append(buffer, got);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  return absl::StrSplit(absl::StripAsciiWhitespace(output), '\n');
}

TEST(OathtoolTest, AgreesInTenThousandRandomCases) {
  SeededRandomness randomness(20261124);
  int cases = 0;
  for (int i = 0; i < kSeeds; ++i) {
    const Secret seed = randomness.DrawSecret(16 + Draw(randomness, 49));
    const int digits = 6 + static_cast<int>(Draw(randomness, 3));
    const uint64_t period = 15 + Draw(randomness, 106);
    const uint64_t time = Draw(randomness, uint64_t{1} << 33);
    const uint64_t algorithm = Draw(randomness, 3);
    const char* const names[] = {"sha1", "sha256", "sha512"};
    const std::vector<std::string> expected = LinesOf(absl::StrCat(
        "oathtool --totp=", names[algorithm], " --digits=", digits,
        " --time-step-size=", period, "s --window=", kStepsPerSeed - 1,
        " --now=@", time, " ", absl::BytesToHexString(seed.ExposeSecret())));
    ASSERT_EQ(expected.size(), static_cast<size_t>(kStepsPerSeed));
    for (int step = 0; step < kStepsPerSeed; ++step) {
      EXPECT_EQ(
          HotpCode(static_cast<HashAlgorithm>(algorithm), seed.ExposeSecret(),
                   time / period + static_cast<uint64_t>(step), digits)
              .ExposeSecret(),
          expected[static_cast<size_t>(step)]);
      ++cases;
    }
  }
  EXPECT_EQ(cases, 10'000);
}

}  // namespace
}  // namespace cofactor::factors::totp
