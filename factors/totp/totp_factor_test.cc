#include "factors/totp/totp_factor.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/randomness.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/totp/hotp.h"
#include "gtest/gtest.h"

namespace cofactor::factors::totp {
namespace {

constexpr char kSeed[] = "12345678901234567890";
constexpr int64_t kStep = 50'000'000;

absl::Time StartOf(int64_t step) { return absl::FromUnixSeconds(step * 30); }

FactorRegistry MakeRegistry() {
  FactorRegistry::Builder builder;
  EXPECT_TRUE(RegisterTotp(builder).ok());
  return std::move(builder).Build();
}

class TotpFactorTest : public testing::Test {
 protected:
  TotpFactorTest()
      : registry_(MakeRegistry()), factor_(*registry_.Find("totp")) {
    parameters_.mutable_totp()->set_secret(kSeed);
  }

  absl::StatusOr<BegunEnrollment> Begin() {
    return factor_.BeginEnrollment({"acme", "ada"}, parameters_, StartOf(kStep),
                                   randomness_);
  }

  FactorState NewState() {
    auto begun = Begin();
    EXPECT_TRUE(begun.ok()) << begun.status();
    return std::move(begun->state);
  }

  absl::StatusOr<Verdict> Verify(const FactorState& state,
                                 const std::string& code, absl::Time now) {
    v1::FactorResponse response;
    response.set_code(code);
    return factor_.Verify({state, response, nullptr, now});
  }

  static std::string CodeOf(int64_t step) {
    return std::string(
        HotpCode(HashAlgorithm::kSha1, kSeed, static_cast<uint64_t>(step), 6)
            .ExposeSecret());
  }

  // Accepts a code and takes the new state over.
  bool Use(FactorState& state, int64_t step, absl::Time now) {
    absl::StatusOr<Verdict> verdict = Verify(state, CodeOf(step), now);
    if (!verdict.ok() || !verdict->accepted) return false;
    if (verdict->new_state.has_value()) {
      state = *std::move(verdict->new_state);
    }
    return true;
  }

  std::string BadParameter() {
    const absl::Status status = Begin().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message().substr(0, status.message().find(':')));
  }

  SeededRandomness randomness_{1};
  v1::FactorParameters parameters_;
  const FactorRegistry registry_;
  const Factor& factor_;
};

TEST_F(TotpFactorTest, AcceptsThreeStepsExactlyToTheirEdges) {
  const FactorState state = NewState();
  for (const absl::Time now :
       {StartOf(kStep), StartOf(kStep + 1) - absl::Nanoseconds(1)}) {
    for (int64_t step = kStep - 3; step <= kStep + 3; ++step) {
      const absl::StatusOr<Verdict> verdict = Verify(state, CodeOf(step), now);
      ASSERT_TRUE(verdict.ok());
      EXPECT_EQ(verdict->accepted, step >= kStep - 1 && step <= kStep + 1)
          << step - kStep;
      EXPECT_EQ(verdict->counter.value_or(step), step);
    }
  }
}

TEST_F(TotpFactorTest, AcceptsThePresentStepAloneWhenStrict) {
  parameters_.mutable_totp()->set_strict_window(true);
  FactorState state = NewState();
  EXPECT_FALSE(Verify(state, CodeOf(kStep - 1), StartOf(kStep))->accepted);
  EXPECT_TRUE(Verify(state, CodeOf(kStep), StartOf(kStep))->accepted);
  EXPECT_FALSE(Verify(state, CodeOf(kStep + 1), StartOf(kStep))->accepted);
}

TEST_F(TotpFactorTest, FollowsAClockThatIsOff) {
  FactorState state = NewState();
  int64_t now = kStep;
  // Two accepted codes in a row one step late move the window by one.
  ASSERT_TRUE(Use(state, now - 1, StartOf(now)));
  EXPECT_FALSE(Verify(state, CodeOf(now - 2), StartOf(now))->accepted);
  ++now;
  ASSERT_TRUE(Use(state, now - 1, StartOf(now)));
  ++now;
  EXPECT_TRUE(Verify(state, CodeOf(now - 2), StartOf(now))->accepted);
  EXPECT_TRUE(Verify(state, CodeOf(now), StartOf(now))->accepted);
  EXPECT_FALSE(Verify(state, CodeOf(now + 1), StartOf(now))->accepted);
}

TEST_F(TotpFactorTest, TakesOneLateCodeForASlowTypist) {
  FactorState state = NewState();
  int64_t now = kStep;
  for (const int64_t late : {1, 0, 1, 0, 1, 0}) {
    ASSERT_TRUE(Use(state, now - late, StartOf(now)));
    now += 2;
  }
  EXPECT_FALSE(Verify(state, CodeOf(now - 2), StartOf(now))->accepted);
  EXPECT_TRUE(Verify(state, CodeOf(now + 1), StartOf(now))->accepted);
}

TEST_F(TotpFactorTest, FollowsNoFurtherThanTenSteps) {
  FactorState state = NewState();
  int64_t now = kStep;
  int64_t off = 0;  // How far the app's clock is ahead.
  while (off < 40 && Use(state, now + off + 1, StartOf(now))) {
    ++now;
    if (!Use(state, now + off + 1, StartOf(now))) break;
    ++now;
    ++off;
  }
  record::v1::TotpStateRecord record;
  ASSERT_TRUE(record.ParseFromString(std::string(state.data.ExposeSecret())));
  EXPECT_EQ(record.drift_steps(), 10);
  EXPECT_FALSE(Verify(state, CodeOf(now + 12), StartOf(now))->accepted);
}

TEST_F(TotpFactorTest, TellsTheGreatestStepOfACodeThatTwoStepsShare) {
  // Two neighbours that show the same code, found by search.
  int64_t step = kStep;
  while (CodeOf(step) != CodeOf(step + 1) && CodeOf(step) != CodeOf(step + 2)) {
    ++step;
  }
  const FactorState state = NewState();
  const auto verdict = Verify(state, CodeOf(step), StartOf(step + 1));
  ASSERT_TRUE(verdict->accepted);
  EXPECT_EQ(verdict->counter,
            CodeOf(step) == CodeOf(step + 2) ? step + 2 : step + 1);
}

TEST_F(TotpFactorTest, ListsTheCodesThatVerifyAccepts) {
  FactorState state = NewState();
  const absl::Time now = StartOf(kStep) + absl::Seconds(7);
  const auto acceptable = factor_.ListAcceptableCodes(state, now);
  ASSERT_TRUE(acceptable.ok());
  ASSERT_EQ(acceptable->codes.size(), 3u);
  for (const Secret& code : acceptable->codes) {
    EXPECT_TRUE(Verify(state, std::string(code.ExposeSecret()), now)->accepted);
  }
  EXPECT_EQ(acceptable->valid_until, StartOf(kStep + 1));
}

TEST_F(TotpFactorTest, SaysWhenTheAcceptableCodesHaveChanged) {
  FactorState state = NewState();
  auto first = Verify(state, CodeOf(kStep + 1), StartOf(kStep));
  EXPECT_FALSE(first->acceptable_codes_changed);
  auto second =
      Verify(*first->new_state, CodeOf(kStep + 2), StartOf(kStep + 1));
  EXPECT_TRUE(second->acceptable_codes_changed);
}

TEST_F(TotpFactorTest, LeavesTheStateAloneWhenItLearnsNothing) {
  const FactorState state = NewState();
  EXPECT_FALSE(Verify(state, CodeOf(kStep), StartOf(kStep))->new_state);
  EXPECT_TRUE(Verify(state, CodeOf(kStep + 1), StartOf(kStep))->new_state);
}

TEST_F(TotpFactorTest, DrawsASeedAsLongAsTheHash) {
  for (const auto& [algorithm, base32_digits] :
       std::vector<std::pair<v1::TotpAlgorithm, size_t>>{
           {v1::TOTP_ALGORITHM_UNSPECIFIED, 32},
           {v1::TOTP_ALGORITHM_SHA1, 32},
           {v1::TOTP_ALGORITHM_SHA256, 52},
           {v1::TOTP_ALGORITHM_SHA512, 103}}) {
    parameters_.Clear();
    parameters_.mutable_totp()->set_algorithm(algorithm);
    const auto begun = Begin();
    ASSERT_TRUE(begun.ok());
    EXPECT_EQ(begun->activation.totp().base32_secret().size(), base32_digits);
  }
}

TEST_F(TotpFactorTest, UsesDefaultsWithoutParameters) {
  parameters_.Clear();
  const auto begun = Begin();
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_EQ(begun->attributes.at("algorithm"), "SHA1");
  EXPECT_EQ(begun->attributes.at("digits"), "6");
  EXPECT_EQ(begun->attributes.at("period"), "30s");
  EXPECT_EQ(begun->activation.totp().key_uri().rfind(
                "otpauth://totp/acme:ada?secret=", 0),
            0u);
  EXPECT_EQ(begun->activation.totp().qr_png().substr(1, 3), "PNG");
  EXPECT_EQ(begun->activation.totp().qr_svg().substr(0, 4), "<svg");
}

TEST_F(TotpFactorTest, RefusesParametersOutOfRange) {
  v1::TotpParameters& totp = *parameters_.mutable_totp();
  const v1::TotpParameters good = totp;
  totp.set_digits(5);
  EXPECT_EQ(BadParameter(), "parameters.totp.digits");
  totp.set_digits(9);
  EXPECT_EQ(BadParameter(), "parameters.totp.digits");
  for (const int64_t seconds : {0, 14, 121, -30}) {
    totp = good;
    totp.mutable_period()->set_seconds(seconds);
    EXPECT_EQ(BadParameter(), "parameters.totp.period");
  }
  totp = good;
  totp.mutable_period()->set_seconds(30);
  totp.mutable_period()->set_nanos(1);
  EXPECT_EQ(BadParameter(), "parameters.totp.period");
  for (const size_t bytes : {1, 15, 65}) {
    totp = good;
    totp.set_secret(std::string(bytes, 's'));
    EXPECT_EQ(BadParameter(), "parameters.totp.secret");
  }
  totp = good;
  totp.set_algorithm(static_cast<v1::TotpAlgorithm>(9));
  EXPECT_EQ(BadParameter(), "parameters.totp.algorithm");
  totp = good;
  totp.set_issuer("A:B");
  EXPECT_EQ(BadParameter(), "parameters.totp.issuer");
  totp = good;
  totp.set_account_name(std::string(65, 'x'));
  EXPECT_EQ(BadParameter(), "parameters.totp.account_name");
  totp = good;
  totp.set_account_name("a\nb");
  EXPECT_EQ(BadParameter(), "parameters.totp.account_name");
  parameters_.mutable_custom();
  EXPECT_EQ(BadParameter(), "parameters.custom");
}

TEST_F(TotpFactorTest, RefusesWhatIsNoCode) {
  for (const std::string& code :
       {std::string(), std::string("12345"), std::string("123456789"),
        std::string("12 456"), std::string(" 123456"), std::string("+123456"),
        std::string("12345\0", 6), std::string("１２３４５６")}) {
    v1::FactorResponse response;
    response.set_code(code);
    EXPECT_EQ(factor_.CheckResponse(response, "code").code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(Verify(NewState(), code, StartOf(kStep)).ok());
  }
}

TEST_F(TotpFactorTest, TakesACodeOfAnotherLengthForWrong) {
  const auto verdict = Verify(NewState(), CodeOf(kStep) + "0", StartOf(kStep));
  ASSERT_TRUE(verdict.ok());
  EXPECT_FALSE(verdict->accepted);
}

TEST_F(TotpFactorTest, GuessesNoStateThatItDoesNotKnow) {
  FactorState state = NewState();
  state.version = 2;
  EXPECT_EQ(ErrorReason(Verify(state, CodeOf(kStep), StartOf(kStep)).status()),
            "UNKNOWN_STATE_VERSION");
  state.version = 1;
  record::v1::TotpStateRecord record;
  ASSERT_TRUE(record.ParseFromString(std::string(state.data.ExposeSecret())));
  std::vector<std::string> damaged = {"", "\xFF\xFF"};
  const auto damage = [&](auto change) {
    record::v1::TotpStateRecord changed = record;
    change(changed);
    damaged.push_back(changed.SerializeAsString());
  };
  damage([](auto& changed) { changed.set_secret("short"); });
  damage([](auto& changed) { changed.set_secret(std::string(65, 's')); });
  damage([](auto& changed) { changed.set_digits(5); });
  damage([](auto& changed) { changed.set_period_seconds(0); });
  damage([](auto& changed) { changed.set_algorithm(4); });
  damage([](auto& changed) { changed.set_drift_steps(11); });
  damage([](auto& changed) { changed.set_drift_steps(-11); });
  damage([](auto& changed) { changed.set_last_offset(2); });
  damage([](auto& changed) {
    changed.set_strict_window(true);
    changed.set_drift_steps(1);
  });
  for (const std::string& bytes : damaged) {
    state.data = Secret(bytes);
    EXPECT_EQ(Verify(state, CodeOf(kStep), StartOf(kStep)).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST_F(TotpFactorTest, WorksBeforeTheEpochWithoutAcceptingNegativeSteps) {
  const FactorState state = NewState();
  const absl::Time before = absl::FromUnixSeconds(-1);
  EXPECT_FALSE(Verify(state, CodeOf(-1), before)->accepted);
  EXPECT_TRUE(Verify(state, CodeOf(0), before)->accepted);
}

TEST_F(TotpFactorTest, ShowsNoSecretInItsAttributes) {
  const auto begun = Begin();
  for (const auto& [name, value] : begun->attributes) {
    EXPECT_EQ(value.find(kSeed), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace cofactor::factors::totp
