// Measures whether the time of an answer tells a member that there is from one
// that there is not, and reports Welch's t. It does not gate: a machine that
// others use is too noisy for that. What it does check is that both are
// answered in the same words.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_format.h"
#include "base/stopwatch.h"
#include "gtest/gtest.h"
#include "services/engine/decoys.h"
#include "services/engine/sign_in_fixture.h"
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
  explicit Strangers(const Decoys& decoys) : decoys_(decoys) {}

  std::string Next() {
    while (true) {
      const std::string id = absl::StrFormat("other-%06d", count_++);
      if (keys_.insert(decoys_.KeyOf("acme", id, "totp")).second) return id;
    }
  }

 private:
  const Decoys& decoys_;
  int count_ = 0;
  std::set<std::string> keys_;
};

// Which kind comes first must not tell the kinds apart either.
class Coin {
 public:
  int Toss() {
    state_ = state_ * 1'664'525 + 1'013'904'223;
    return static_cast<int>(state_ >> 31);
  }

 private:
  uint32_t state_ = 1;
};

// Nanoseconds of calls, known members first.
using Samples = std::array<std::vector<double>, 2>;

struct Moments {
  explicit Moments(const std::vector<double>& values) {
    for (const double value : values) mean += value / values.size();
    double squares = 0;
    for (const double value : values) {
      squares += (value - mean) * (value - mean);
    }
    variance_of_mean = squares / (values.size() - 1) / values.size();
  }

  double mean = 0;
  double variance_of_mean = 0;
};

double WelchT(const Samples& samples) {
  const Moments known(samples[0]);
  const Moments unknown(samples[1]);
  return (known.mean - unknown.mean) /
         std::sqrt(known.variance_of_mean + unknown.variance_of_mean);
}

// The value that a share of them does not exceed.
double Quantile(std::vector<double> values, double share) {
  const auto place =
      values.begin() + static_cast<int64_t>(share * (values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

// Without the slowest tenth of all, which tells of the machine's other work.
Samples Cropped(const Samples& samples) {
  std::vector<double> all = samples[0];
  all.insert(all.end(), samples[1].begin(), samples[1].end());
  const double limit = Quantile(std::move(all), 0.9);
  Samples kept;
  for (const int kind : {0, 1}) {
    for (const double value : samples[kind]) {
      if (value <= limit) kept[kind].push_back(value);
    }
  }
  return kept;
}

void Report(const char* what, const Samples& samples) {
  std::printf(
      "%-20s n %zu + %zu, median of known %.0f ns, of unknown %.0f ns, "
      "t %.2f, t of the faster nine tenths %.2f\n",
      what, samples[0].size(), samples[1].size(), Quantile(samples[0], 0.5),
      Quantile(samples[1], 0.5), WelchT(samples), WelchT(Cropped(samples)));
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
  Strangers strangers(harness.decoys());
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

  Samples all;
  Samples first;
  Samples later;
  Coin coin;
  for (int member = 0; member < members; ++member) {
    for (int guess = 0; guess < kGuessesEach; ++guess) {
      const int first_kind = coin.Toss();
      for (const int turn : {0, 1}) {
        const int kind = turn ^ first_kind;
        const std::string& member_id = member_ids[kind][member];
        const Stopwatch stopwatch;
        const auto response =
            harness.Verify("acme", member_id, wrong_codes[member]);
        const double nanos = absl::ToDoubleNanoseconds(stopwatch.Elapsed());
        ASSERT_TRUE(response.ok()) << response.status();
        ASSERT_FALSE(response->verified());
        ASSERT_EQ(response->reason(), v1::VERIFICATION_REASON_WRONG_CODE);
        all[kind].push_back(nanos);
        (guess == 0 ? first : later)[kind].push_back(nanos);
      }
    }
  }
  Report("all guesses", all);
  Report("first of a member", first);
  Report("later of a member", later);
}

class SignInTimingTest : public SignInFixture {};

TEST_F(SignInTimingTest, ReportsHowFarWrongPasswordsDifferInTime) {
  // A password takes tens of milliseconds, so that there are fewer.
  const int members = absl::GetFlag(FLAGS_calls) / 20 / 2 / kGuessesEach;
  std::vector<std::string> member_ids[2];
  for (int i = 0; i < members; ++i) {
    member_ids[0].push_back(absl::StrFormat("known-%06d", i));
    member_ids[1].push_back(absl::StrFormat("other-%06d", i));
    AddMember(member_ids[0][i]);
    EnrolPassword(member_ids[0][i]);
  }
  // A sample is the mean of a member's guesses: what Argon2id reads where
  // follows from the salt, so that each salt has a time of its own.
  Samples means;
  Coin coin;
  for (int member = 0; member < members; ++member) {
    std::array<double, 2> sums{};
    for (int guess = 0; guess < kGuessesEach; ++guess) {
      const int first_kind = coin.Toss();
      for (const int turn : {0, 1}) {
        const int kind = turn ^ first_kind;
        const auto request =
            StartRequest(member_ids[kind][member], kWrongPassword);
        const Stopwatch stopwatch;
        const auto response = Start(request);
        const double nanos = absl::ToDoubleNanoseconds(stopwatch.Elapsed());
        ASSERT_TRUE(response.ok()) << response.status();
        v1::StartSignInResponse expected;
        expected.set_reason(v1::VERIFICATION_REASON_WRONG_CODE);
        ASSERT_EQ(response->SerializeAsString(), expected.SerializeAsString());
        sums[kind] += nanos;
      }
    }
    for (const int kind : {0, 1}) {
      means[kind].push_back(sums[kind] / kGuessesEach);
    }
  }
  Report("wrong passwords", means);
}

}  // namespace
}  // namespace cofactor::services

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  absl::ParseCommandLine(argc, argv);
  return RUN_ALL_TESTS();
}
