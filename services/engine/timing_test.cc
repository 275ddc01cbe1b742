// Measures whether the time of an answer tells a member that there is from one
// that there is not, and reports Welch's t. It does not gate: a machine that
// others use is too noisy for that. What it does check is that both are
// answered in the same words.

#include <cmath>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_format.h"
#include "base/stopwatch.h"
#include "gtest/gtest.h"
#include "services/engine/keys.h"
#include "services/engine/verification_engine.h"
#include "tests/doubles/engine_harness.h"

ABSL_FLAG(int, calls, 2'000, "calls to measure, half of each kind");

namespace cofactor::services {
namespace {

// Guesses at one member before the next one has its turn: fewer than lock.
constexpr int kGuessesEach = 4;

// Ids of members that there are not. No two of them share what is counted, so
// that none is locked by the guesses at another.
class Strangers {
 public:
  std::string Next() {
    while (true) {
      const std::string id = absl::StrFormat("other-%06d", count_++);
      if (keys_.insert(DecoyKey("acme", id, "totp")).second) return id;
    }
  }

 private:
  int count_ = 0;
  std::set<std::string> keys_;
};

struct Sample {
  double count = 0;
  double mean = 0;
  double squares = 0;

  // Welford's way, which loses no digits.
  void Add(double value) {
    ++count;
    const double delta = value - mean;
    mean += delta / count;
    squares += delta * (value - mean);
  }
  double VarianceOfMean() const { return squares / (count - 1) / count; }
};

double WelchT(const Sample& one, const Sample& other) {
  return (one.mean - other.mean) /
         std::sqrt(one.VarianceOfMean() + other.VarianceOfMean());
}

void Report(const char* what, const Sample& known, const Sample& unknown) {
  std::printf("%-22s known %.0f ns, unknown %.0f ns, n %.0f + %.0f, t %.2f\n",
              what, known.mean, unknown.mean, known.count, unknown.count,
              WelchT(known, unknown));
}

TEST(TimingTest, ReportsHowFarKnownAndUnknownMembersDifferInTime) {
  const int members = absl::GetFlag(FLAGS_calls) / 2 / kGuessesEach;
  EngineHarness harness;
  // So that the first call of a kind is no member's.
  harness.CreateMember("acme", "warm-up");
  const auto warm_up = harness.EnrollTotp("acme", "warm-up");
  const std::string wrong = WrongCode(warm_up.authenticator, harness.now());
  // By kind, known ones first.
  std::vector<std::string> member_ids[2];
  std::vector<std::string> wrong_codes;
  Strangers strangers;
  for (int i = 0; i < members; ++i) {
    member_ids[0].push_back(absl::StrFormat("known-%06d", i));
    member_ids[1].push_back(strangers.Next());
    harness.CreateMember("acme", member_ids[0][i]);
    const auto known = harness.EnrollTotp("acme", member_ids[0][i]);
    wrong_codes.push_back(WrongCode(known.authenticator, harness.now()));
  }
  harness.ActAs({v1::SCOPE_VERIFY});
  for (int i = 0; i < 1'000; ++i) {
    (void)harness.Verify("acme", strangers.Next(), wrong);
  }

  Sample all[2];
  Sample first[2];
  Sample later[2];
  uint32_t coin = 1;
  for (int member = 0; member < members; ++member) {
    for (int guess = 0; guess < kGuessesEach; ++guess) {
      // Which kind comes first must not tell them apart either.
      coin = coin * 1'664'525 + 1'013'904'223;
      for (const int turn : {0, 1}) {
        const int kind = turn ^ static_cast<int>(coin >> 31);
        const std::string& member_id = member_ids[kind][member];
        const Stopwatch stopwatch;
        const auto response =
            harness.Verify("acme", member_id, wrong_codes[member]);
        const double nanos = absl::ToDoubleNanoseconds(stopwatch.Elapsed());
        ASSERT_TRUE(response.ok()) << response.status();
        ASSERT_FALSE(response->verified());
        ASSERT_EQ(response->reason(), v1::VERIFICATION_REASON_WRONG_CODE);
        all[kind].Add(nanos);
        (guess == 0 ? first : later)[kind].Add(nanos);
      }
    }
  }
  Report("all guesses", all[0], all[1]);
  Report("first of a member", first[0], first[1]);
  Report("later of a member", later[0], later[1]);
}

}  // namespace
}  // namespace cofactor::services

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  absl::ParseCommandLine(argc, argv);
  return RUN_ALL_TESTS();
}
