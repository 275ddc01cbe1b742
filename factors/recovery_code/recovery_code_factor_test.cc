#include "factors/recovery_code/recovery_code_factor.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/errors.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/factor_registry.h"
#include "gtest/gtest.h"

namespace cofactor::factors::recovery_code {
namespace {

using ::cofactor::record::v1::RecoveryCodeStateRecord;

constexpr absl::Time kNow = absl::UnixEpoch();

v1::FactorResponse Typed(const std::string& code) {
  v1::FactorResponse response;
  response.set_code(code);
  return response;
}

class RecoveryCodeFactorTest : public testing::Test {
 protected:
  RecoveryCodeFactorTest()
      : registry_([] {
          FactorRegistry::Builder builder;
          EXPECT_TRUE(RegisterRecoveryCode(builder).ok());
          return std::move(builder).Build();
        }()),
        factor_(*registry_.Find("recovery_code")) {}

  BegunEnrollment Begin() {
    auto begun =
        factor_.BeginEnrollment({"acme", "ada", "e1"}, {}, kNow, randomness_);
    EXPECT_TRUE(begun.ok()) << begun.status();
    return *std::move(begun);
  }

  absl::StatusOr<Verdict> Confirm(const FactorState& state,
                                  const std::string& code) const {
    return factor_.ConfirmEnrollment({state, Typed(code), nullptr, kNow});
  }
  absl::StatusOr<Verdict> Verify(const FactorState& state,
                                 const std::string& code) const {
    return factor_.Verify({state, Typed(code), nullptr, kNow});
  }

  // A confirmed set.
  struct Set {
    FactorState state;
    std::vector<std::string> codes;
  };
  Set Enrol() {
    const BegunEnrollment begun = Begin();
    const auto& codes = begun.activation.recovery_code().codes();
    auto confirmed = Confirm(begun.state, codes[0]);
    EXPECT_TRUE(confirmed.ok() && confirmed->accepted);
    return {*std::move(confirmed->new_state), {codes.begin(), codes.end()}};
  }

  static RecoveryCodeStateRecord Open(const FactorState& state) {
    RecoveryCodeStateRecord record;
    EXPECT_TRUE(record.ParseFromString(std::string(state.data.ExposeSecret())));
    return record;
  }
  static FactorState Close(const RecoveryCodeStateRecord& record) {
    return {1, Secret(record.SerializeAsString())};
  }

  SeededRandomness randomness_{1};
  const FactorRegistry registry_;
  const Factor& factor_;
};

TEST_F(RecoveryCodeFactorTest, GivesTenCodesOfEightyBits) {
  std::set<std::string> seen;
  for (int i = 0; i < 3; ++i) {
    const BegunEnrollment begun = Begin();
    const auto& codes = begun.activation.recovery_code().codes();
    ASSERT_EQ(codes.size(), 10);
    for (const std::string& code : codes) {
      EXPECT_EQ(code.size(), 19u);
      seen.insert(code);
    }
    EXPECT_EQ(begun.attributes.at("remaining"), "10");
  }
  EXPECT_EQ(seen.size(), 30u);
}

TEST_F(RecoveryCodeFactorTest, KeepsNoCodeButAHash) {
  const Set set = Enrol();
  const absl::string_view stored = set.state.data.ExposeSecret();
  for (const std::string& code : set.codes) {
    const std::string plain = absl::StrReplaceAll(code, {{"-", ""}});
    for (const std::string& form : {code, plain, absl::AsciiStrToLower(plain),
                                    plain.substr(0, 8), plain.substr(8)}) {
      EXPECT_FALSE(absl::StrContains(stored, form));
    }
  }
  const RecoveryCodeStateRecord record = Open(set.state);
  EXPECT_EQ(record.salt().size(), 16u);
  EXPECT_EQ(record.hashes_size(), 10);
  EXPECT_NE(Open(Enrol().state).salt(), record.salt());
}

TEST_F(RecoveryCodeFactorTest, ConfirmsByAnyCodeAndUsesNoneUp) {
  for (int i = 0; i < 10; ++i) {
    const BegunEnrollment begun = Begin();
    const auto& codes = begun.activation.recovery_code().codes();
    const auto confirmed = Confirm(begun.state, codes[i]);
    ASSERT_TRUE(confirmed.ok() && confirmed->accepted);
    EXPECT_EQ(confirmed->new_attributes->at("remaining"), "10");
    EXPECT_TRUE(Verify(*confirmed->new_state, codes[i])->accepted);
    // Once confirmed it cannot be confirmed by it again.
    EXPECT_FALSE(Confirm(*confirmed->new_state, codes[i])->accepted);
  }
}

TEST_F(RecoveryCodeFactorTest, VerifiesNothingBeforeItIsConfirmed) {
  const BegunEnrollment begun = Begin();
  EXPECT_FALSE(
      Verify(begun.state, begun.activation.recovery_code().codes(3))->accepted);
}

TEST_F(RecoveryCodeFactorTest, TakesEachCodeOnceInAnyOrder) {
  Set set = Enrol();
  std::vector<std::string> used;
  for (const int place : {4, 0, 9, 1, 8, 2, 7, 3, 6, 5}) {
    const std::string& code = set.codes[static_cast<size_t>(place)];
    auto verdict = Verify(set.state, code);
    ASSERT_TRUE(verdict.ok() && verdict->accepted) << place;
    set.state = *std::move(verdict->new_state);
    used.push_back(code);
    EXPECT_EQ(verdict->new_attributes->at("remaining"),
              absl::StrCat(10 - used.size()));
    EXPECT_EQ(verdict->note,
              absl::StrCat("recovery codes that remain: ", 10 - used.size()));
    for (const std::string& old : used) {
      EXPECT_FALSE(Verify(set.state, old)->accepted);
    }
  }
  EXPECT_EQ(Open(set.state).hashes_size(), 0);
}

TEST_F(RecoveryCodeFactorTest, TakesNoSpellingOfAUsedCode) {
  Set set = Enrol();
  const std::string& code = set.codes[0];
  auto first = Verify(set.state, code);
  ASSERT_TRUE(first.ok() && first->accepted);
  set.state = *std::move(first->new_state);
  std::string look_alike = code;
  for (char& c : look_alike) {
    if (c == '0') c = 'o';
    if (c == '1') c = 'l';
  }
  for (const std::string& spelling :
       {code, absl::AsciiStrToLower(code),
        absl::StrReplaceAll(code, {{"-", ""}}),
        absl::AsciiStrToLower(absl::StrReplaceAll(code, {{"-", ""}})),
        look_alike}) {
    const auto verdict = Verify(set.state, spelling);
    ASSERT_TRUE(verdict.ok()) << spelling;
    EXPECT_FALSE(verdict->accepted) << spelling;
    EXPECT_FALSE(verdict->new_state.has_value());
  }
  for (const std::string& spelling :
       {absl::StrCat(" ", code), absl::StrCat(code, " "),
        absl::StrReplaceAll(code, {{"-", " "}}), absl::StrCat(code, "-"),
        absl::StrCat("-", code), code.substr(0, 18)}) {
    EXPECT_EQ(Verify(set.state, spelling).status().code(),
              absl::StatusCode::kInvalidArgument)
        << spelling;
    EXPECT_EQ(factor_.CheckResponse(Typed(spelling), "response.code").code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(RecoveryCodeFactorTest, TakesNoCodeOfAnotherSet) {
  const Set ada = Enrol();
  const Set bob = Enrol();
  for (const std::string& code : bob.codes) {
    EXPECT_FALSE(Verify(ada.state, code)->accepted);
  }
}

TEST_F(RecoveryCodeFactorTest, HashesByWhatTheStateSays) {
  // A set of a server that spends more, or less, on a hash.
  Set set = Enrol();
  RecoveryCodeStateRecord record = Open(set.state);
  record.set_passes(record.passes() + 1);
  EXPECT_FALSE(Verify(Close(record), set.codes[0])->accepted);
}

TEST_F(RecoveryCodeFactorTest, RefusesADamagedState) {
  const Set set = Enrol();
  const auto code_of = [&](const RecoveryCodeStateRecord& record) {
    return Verify(Close(record), set.codes[0]).status().code();
  };
  const RecoveryCodeStateRecord whole = Open(set.state);
  ASSERT_EQ(code_of(whole), absl::StatusCode::kOk);
  RecoveryCodeStateRecord damaged = whole;
  damaged.set_salt("short");
  EXPECT_EQ(code_of(damaged), absl::StatusCode::kDataLoss);
  damaged = whole;
  damaged.set_hashes(9, "");
  EXPECT_EQ(code_of(damaged), absl::StatusCode::kDataLoss);
  damaged = whole;
  damaged.add_hashes(whole.hashes(0));
  EXPECT_EQ(code_of(damaged), absl::StatusCode::kDataLoss);
  damaged = whole;
  damaged.set_memory_kib(1 << 30);
  EXPECT_EQ(code_of(damaged), absl::StatusCode::kDataLoss);
  damaged = whole;
  damaged.set_passes(0);
  EXPECT_EQ(code_of(damaged), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Verify({1, Secret(absl::string_view("\xff"))}, set.codes[0])
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(
      ErrorReason(Verify({2, set.state.data.Clone()}, set.codes[0]).status()),
      "UNKNOWN_STATE_VERSION");
}

TEST_F(RecoveryCodeFactorTest, ADecoyLooksLikeASetAndTakesNothing) {
  const auto decoy = factor_.DecoyState(randomness_);
  ASSERT_TRUE(decoy.ok());
  const Set set = Enrol();
  // As long, and hashed at the same cost: the same work.
  EXPECT_EQ(decoy->data.size(), set.state.data.size());
  EXPECT_EQ(Open(*decoy).memory_kib(), Open(set.state).memory_kib());
  EXPECT_EQ(Open(*decoy).passes(), Open(set.state).passes());
  const auto verdict = Verify(*decoy, set.codes[0]);
  ASSERT_TRUE(verdict.ok());
  EXPECT_FALSE(verdict->accepted);
}

TEST_F(RecoveryCodeFactorTest, RefusesParametersOfOthers) {
  v1::FactorParameters parameters;
  parameters.mutable_recovery_code();
  EXPECT_TRUE(
      factor_
          .BeginEnrollment({"acme", "ada", "e1"}, parameters, kNow, randomness_)
          .ok());
  parameters.mutable_totp();
  EXPECT_EQ(
      factor_
          .BeginEnrollment({"acme", "ada", "e1"}, parameters, kNow, randomness_)
          .status()
          .code(),
      absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cofactor::factors::recovery_code
