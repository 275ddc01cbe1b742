#include "factors/sms/sms_factor.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errors.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"
#include "gtest/gtest.h"

namespace cofactor::factors::sms {
namespace {

using ::cofactor::record::v1::SmsChallengeRecord;
using ::cofactor::record::v1::SmsStateRecord;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
constexpr absl::Duration kLifetime = absl::Minutes(10);

FactorRegistry MakeRegistry(int code_digits) {
  FactorRegistry::Builder builder;
  EXPECT_TRUE(RegisterSms(builder, {.code_digits = code_digits}).ok());
  return std::move(builder).Build();
}

class SmsFactorTest : public testing::Test {
 protected:
  explicit SmsFactorTest(int code_digits = 6)
      : registry_(MakeRegistry(code_digits)), factor_(*registry_.Find("sms")) {
    SetNumber("+49 151 23456789");
  }

  void SetNumber(const std::string& number, const std::string& region = "") {
    parameters_.mutable_sms()->set_phone_number(number);
    parameters_.mutable_sms()->set_region(region);
  }

  absl::StatusOr<BegunEnrollment> Begin() {
    return factor_.BeginEnrollment({"acme", "ada"}, parameters_, kNow,
                                   randomness_);
  }

  // The path of the field that is refused.
  std::string BadParameter() {
    const absl::Status status = Begin().status();
    EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
    return std::string(status.message().substr(0, status.message().find(':')));
  }

  FactorState ActiveState() {
    const auto begun = Begin();
    EXPECT_TRUE(begun.ok()) << begun.status();
    auto verdict = Confirm(begun->state, CodeOf(begun->messages));
    EXPECT_TRUE(verdict.ok() && verdict->accepted);
    return *std::move(verdict->new_state);
  }

  StartedChallenge Start(const FactorState& state, absl::Time now = kNow) {
    auto started = factor_.StartChallenge(state, now, randomness_);
    EXPECT_TRUE(started.ok()) << started.status();
    return *std::move(started);
  }

  static std::string CodeOf(const std::vector<OutgoingMessage>& messages) {
    return messages.size() == 1 ? std::string(messages[0].code.ExposeSecret())
                                : absl::StrCat(messages.size(), " messages");
  }

  absl::StatusOr<Verdict> Confirm(const FactorState& state,
                                  const std::string& code,
                                  absl::Time now = kNow) const {
    v1::FactorResponse response;
    response.set_code(code);
    return factor_.ConfirmEnrollment({state, response, nullptr, now});
  }

  absl::StatusOr<Verdict> Verify(const FactorState& state,
                                 const Secret& challenge,
                                 const std::string& code,
                                 absl::Time now = kNow) const {
    v1::FactorResponse response;
    response.set_code(code);
    const v1::ChallengeDetails details;
    const ChallengeContext context{"c1", "sign-in", details,
                                   now + absl::Minutes(5), challenge};
    return factor_.Verify({state, response, &context, now});
  }

  static SmsStateRecord Parse(const FactorState& state) {
    SmsStateRecord record;
    EXPECT_TRUE(record.ParseFromString(std::string(state.data.ExposeSecret())));
    return record;
  }

  SeededRandomness randomness_{1};
  v1::FactorParameters parameters_;
  const FactorRegistry registry_;
  const Factor& factor_;
};

TEST_F(SmsFactorTest, SaysWhatItIs) {
  const FactorDescriptor& descriptor = factor_.descriptor();
  EXPECT_EQ(descriptor.type_id, "sms");
  EXPECT_EQ(descriptor.kind, v1::FACTOR_KIND_POSSESSION);
  EXPECT_EQ(descriptor.amr, std::vector<std::string>{"sms"});
  EXPECT_EQ(descriptor.replay_guard, ReplayGuard::kChallenge);
  EXPECT_TRUE(descriptor.needs_challenge);
  EXPECT_FALSE(descriptor.phishing_resistant);
  EXPECT_FALSE(descriptor.identifies_member);
  EXPECT_EQ(descriptor.parameters_type,
            v1::SmsParameters::descriptor()->full_name());
}

TEST_F(SmsFactorTest, SendsACodeToTheNumberInWhateverFormItCame) {
  const struct {
    const char* number;
    const char* region;
  } kForms[] = {{"+49 151 23456789", ""},
                {"+4915123456789", "US"},
                {"0151 2345 6789", "DE"},
                {"(0151) 2345-6789", "DE"},
                {"+４９１５１２３４５６７８９", ""},
                {"０１５１２３４５６７８９", "DE"}};
  for (const auto& form : kForms) {
    SetNumber(form.number, form.region);
    const auto begun = Begin();
    ASSERT_TRUE(begun.ok()) << begun.status();
    ASSERT_EQ(begun->messages.size(), 1u);
    EXPECT_EQ(begun->messages[0].channel, "sms");
    EXPECT_EQ(begun->messages[0].address, "+4915123456789");
    EXPECT_EQ(begun->messages[0].code.size(), 6u);
    EXPECT_EQ(begun->attributes.at("phone_number"), "+49 ••• ••• •• 89");
    EXPECT_EQ(begun->attributes.at("country"), "DE");
    EXPECT_EQ(begun->attributes.size(), 2u);
    EXPECT_EQ(begun->activation.activation_case(),
              v1::FactorActivation::ACTIVATION_NOT_SET);
  }
}

TEST_F(SmsFactorTest, NamesTheFieldOfANumberThatItRefuses) {
  for (const char* number :
       {"", "call me", "+49 151 23456789 ext. 5", "+49 900 1234567",
        "0151 23456789", "+1", "+999 123456789"}) {
    SetNumber(number);
    EXPECT_EQ(BadParameter(), "parameters.sms.phone_number") << number;
  }
  for (const char* region : {"XX", "de", "Germany"}) {
    SetNumber("0151 23456789", region);
    EXPECT_EQ(BadParameter(), "parameters.sms.region") << region;
  }
  parameters_.mutable_totp();
  EXPECT_EQ(BadParameter(), "parameters.sms.phone_number");
  parameters_.mutable_custom();
  EXPECT_EQ(BadParameter(), "parameters.custom");
}

TEST_F(SmsFactorTest, KeepsTheNumberAloneOnceConfirmed) {
  const auto begun = Begin();
  const std::string code = CodeOf(begun->messages);
  EXPECT_FALSE(absl::StrContains(begun->state.data.ExposeSecret(), code));
  EXPECT_TRUE(Parse(begun->state).has_pending_code());
  const auto verdict = Confirm(begun->state, code);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  ASSERT_TRUE(verdict->accepted);
  ASSERT_TRUE(verdict->new_state.has_value());
  SmsStateRecord number_alone;
  number_alone.set_e164("+4915123456789");
  EXPECT_EQ(verdict->new_state->data.ExposeSecret(),
            number_alone.SerializeAsString());
  // The code is used up by that.
  EXPECT_FALSE(Confirm(*verdict->new_state, code)->accepted);
}

TEST_F(SmsFactorTest, ConfirmsWithTheCodeOfTheMessageForTenMinutes) {
  const auto begun = Begin();
  std::string code = CodeOf(begun->messages);
  const absl::Time end = kNow + kLifetime;
  EXPECT_TRUE(
      Confirm(begun->state, code, end - absl::Microseconds(1))->accepted);
  const auto late = Confirm(begun->state, code, end);
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_FALSE(late->accepted);
  EXPECT_FALSE(late->new_state.has_value());
  code[5] = code[5] == '0' ? '1' : '0';
  const auto wrong = Confirm(begun->state, code);
  ASSERT_TRUE(wrong.ok()) << wrong.status();
  EXPECT_FALSE(wrong->accepted);
  EXPECT_FALSE(wrong->new_state.has_value());
}

TEST_F(SmsFactorTest, VerifiesTheCodeOfTheMessageForTenMinutes) {
  const FactorState state = ActiveState();
  const StartedChallenge started = Start(state);
  ASSERT_EQ(started.messages.size(), 1u);
  EXPECT_EQ(started.messages[0].channel, "sms");
  EXPECT_EQ(started.messages[0].address, "+4915123456789");
  std::string code = CodeOf(started.messages);
  EXPECT_FALSE(absl::StrContains(started.state.ExposeSecret(), code));
  const absl::Time end = kNow + kLifetime;
  EXPECT_TRUE(Verify(state, started.state, code)->accepted);
  EXPECT_TRUE(Verify(state, started.state, code, end - absl::Microseconds(1))
                  ->accepted);
  const auto late = Verify(state, started.state, code, end);
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_FALSE(late->accepted);
  code[0] = code[0] == '0' ? '1' : '0';
  const auto wrong = Verify(state, started.state, code);
  ASSERT_TRUE(wrong.ok()) << wrong.status();
  EXPECT_FALSE(wrong->accepted);
}

TEST_F(SmsFactorTest, AResentEnrollmentCodeKillsTheOldOne) {
  const auto begun = Begin();
  const auto resent = factor_.ResendEnrollment(
      begun->state, kNow + absl::Minutes(5), randomness_);
  ASSERT_TRUE(resent.ok()) << resent.status();
  ASSERT_EQ(resent->messages.size(), 1u);
  EXPECT_EQ(resent->messages[0].address, "+4915123456789");
  const absl::Time late = kNow + absl::Minutes(15) - absl::Microseconds(1);
  EXPECT_FALSE(Confirm(resent->state, CodeOf(begun->messages))->accepted);
  EXPECT_TRUE(Confirm(resent->state, CodeOf(resent->messages), late)->accepted);
}

TEST_F(SmsFactorTest, ACodeAnswersItsOwnChallengeAlone) {
  const FactorState state = ActiveState();
  const StartedChallenge a = Start(state);
  const StartedChallenge b = Start(state);
  EXPECT_FALSE(Verify(state, b.state, CodeOf(a.messages))->accepted);
  EXPECT_FALSE(Verify(state, a.state, CodeOf(b.messages))->accepted);
  EXPECT_TRUE(Verify(state, a.state, CodeOf(a.messages))->accepted);
  EXPECT_TRUE(Verify(state, b.state, CodeOf(b.messages))->accepted);
  // Nor does the code that would confirm the enrollment answer a challenge.
  const auto begun = Begin();
  const StartedChallenge c = Start(begun->state);
  EXPECT_FALSE(
      Verify(begun->state, c.state, CodeOf(begun->messages))->accepted);
  EXPECT_FALSE(Confirm(begun->state, CodeOf(c.messages))->accepted);
}

TEST_F(SmsFactorTest, VerifiesNothingWithoutAChallenge) {
  const FactorState state = ActiveState();
  v1::FactorResponse response;
  response.set_code("123456");
  EXPECT_EQ(factor_.Verify({state, response, nullptr, kNow}).status().code(),
            absl::StatusCode::kInternal);
}

TEST_F(SmsFactorTest, KeepsLeadingZerosInTheMessage) {
  const FactorState state = ActiveState();
  int with_zero = 0;
  for (int i = 0; i < 1'000; ++i) {
    const StartedChallenge started = Start(state);
    const std::string code = CodeOf(started.messages);
    ASSERT_EQ(code.size(), 6u);
    if (code[0] != '0') continue;
    ++with_zero;
    EXPECT_TRUE(Verify(state, started.state, code)->accepted);
    EXPECT_FALSE(Verify(state, started.state, code.substr(1)).ok());
  }
  EXPECT_GT(with_zero, 50);
}

TEST_F(SmsFactorTest, RefusesWhatIsNoCode) {
  const FactorState state = ActiveState();
  const StartedChallenge started = Start(state);
  const auto begun = Begin();
  for (const std::string& code :
       {std::string(), std::string("12345"), std::string("1234567"),
        std::string("123 56"), std::string(" 12345"), std::string("12345 "),
        std::string("123 456"), std::string("+12345"),
        std::string("12345\0", 6), std::string("123456\0", 7),
        std::string("１２３４５６"), std::string("１２"), std::string("12345a"),
        std::string(1'000'000, '1')}) {
    v1::FactorResponse response;
    response.set_code(code);
    const absl::Status status = factor_.CheckResponse(response, "the.code");
    EXPECT_EQ(ErrorReason(status), "INVALID_FIELD") << code.substr(0, 20);
    EXPECT_EQ(status.message(),
              "the.code: want the 6 digits of the message, and nothing else");
    EXPECT_FALSE(Verify(state, started.state, code).ok());
    EXPECT_FALSE(Confirm(begun->state, code).ok());
  }
  v1::FactorResponse custom;
  custom.mutable_custom();
  EXPECT_FALSE(factor_.CheckResponse(custom, "the.code").ok());
  v1::FactorResponse good;
  good.set_code("000000");
  EXPECT_TRUE(factor_.CheckResponse(good, "the.code").ok());
}

TEST_F(SmsFactorTest, GuessesNoStateThatItDoesNotKnow) {
  FactorState state = ActiveState();
  const StartedChallenge started = Start(state);
  const auto fails_with = [&](absl::StatusCode code) {
    EXPECT_EQ(Verify(state, started.state, "123456").status().code(), code);
    EXPECT_EQ(Confirm(state, "123456").status().code(), code);
    EXPECT_EQ(factor_.StartChallenge(state, kNow, randomness_).status().code(),
              code);
    EXPECT_EQ(
        factor_.ResendEnrollment(state, kNow, randomness_).status().code(),
        code);
  };
  state.version = 2;
  fails_with(absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(Confirm(state, "123456").status()),
            "UNKNOWN_STATE_VERSION");
  state.version = 1;
  const SmsStateRecord record = Parse(Begin()->state);
  std::vector<std::string> damaged = {"", "\xFF\xFF"};
  const auto damage = [&](auto change) {
    SmsStateRecord changed = record;
    change(changed);
    damaged.push_back(changed.SerializeAsString());
  };
  damage([](auto& changed) { changed.clear_e164(); });
  damage([](auto& changed) { changed.set_e164("4915123456789"); });
  damage([](auto& changed) { changed.set_e164("+49151234567a9"); });
  damage([](auto& changed) { changed.set_e164("+" + std::string(21, '4')); });
  damage([](auto& changed) { changed.set_e164("+0000000000000"); });
  damage([](auto& changed) { changed.set_decoy(true); });
  damage([](auto& changed) { changed.mutable_pending_code()->clear_salt(); });
  damage([](auto& changed) { changed.mutable_pending_code()->clear_hash(); });
  damage([](auto& changed) {
    changed.mutable_pending_code()->clear_expire_micros();
  });
  for (const std::string& bytes : damaged) {
    state.data = Secret(bytes);
    fails_with(absl::StatusCode::kDataLoss);
  }
}

TEST_F(SmsFactorTest, GuessesNoChallengeThatItDoesNotKnow) {
  const FactorState state = ActiveState();
  const StartedChallenge started = Start(state);
  SmsChallengeRecord record;
  ASSERT_TRUE(
      record.ParseFromString(std::string(started.state.ExposeSecret())));
  const auto status_of = [&](const SmsChallengeRecord& changed) {
    return Verify(state, Secret(changed.SerializeAsString()), "123456")
        .status();
  };
  SmsChallengeRecord changed = record;
  changed.set_version(2);
  EXPECT_EQ(ErrorReason(status_of(changed)), "UNKNOWN_STATE_VERSION");
  changed.set_version(0);
  EXPECT_EQ(status_of(changed).code(), absl::StatusCode::kDataLoss);
  changed = record;
  changed.clear_code();
  EXPECT_EQ(status_of(changed).code(), absl::StatusCode::kDataLoss);
  changed = record;
  changed.mutable_code()->set_salt("short");
  EXPECT_EQ(status_of(changed).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Verify(state, Secret(), "123456").status().code(),
            absl::StatusCode::kDataLoss);
}

class FourDigitSmsTest : public SmsFactorTest {
 protected:
  FourDigitSmsTest() : SmsFactorTest(4) {}

  // How many of all codes there are it accepts.
  int Accepted(const FactorState& state, const Secret& challenge) const {
    int accepted = 0;
    for (int i = 0; i < 10'000; ++i) {
      const auto verdict = Verify(state, challenge, absl::StrFormat("%04d", i));
      EXPECT_TRUE(verdict.ok()) << verdict.status();
      if (verdict.ok() && verdict->accepted) ++accepted;
    }
    return accepted;
  }
};

TEST_F(FourDigitSmsTest, ADecoySendsNothingAndAcceptsNothing) {
  const FactorState state = ActiveState();
  const StartedChallenge started = Start(state);
  EXPECT_EQ(Accepted(state, started.state), 1);

  const auto decoy = factor_.DecoyState(randomness_);
  ASSERT_TRUE(decoy.ok()) << decoy.status();
  const StartedChallenge of_nobody = Start(*decoy);
  EXPECT_TRUE(of_nobody.messages.empty());
  EXPECT_EQ(of_nobody.state.size(), started.state.size());
  EXPECT_EQ(Accepted(*decoy, of_nobody.state), 0);
  // Nor if the one or the other is not a decoy.
  EXPECT_EQ(Accepted(*decoy, started.state), 0);
  EXPECT_EQ(Accepted(state, of_nobody.state), 0);
  // A decoy is no pending enrollment, but if it was taken for one:
  const auto resent = factor_.ResendEnrollment(*decoy, kNow, randomness_);
  ASSERT_TRUE(resent.ok()) << resent.status();
  EXPECT_TRUE(resent->messages.empty());
}

TEST(SmsOptionsTest, TakesFourToTenDigits) {
  for (int digits = -1; digits <= 12; ++digits) {
    FactorRegistry::Builder builder;
    const absl::Status status = RegisterSms(builder, {.code_digits = digits});
    if (digits < 4 || digits > 10) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << digits;
      continue;
    }
    ASSERT_TRUE(status.ok()) << status;
    const FactorRegistry registry = std::move(builder).Build();
    const Factor& factor = *registry.Find("sms");
    v1::FactorParameters parameters;
    parameters.mutable_sms()->set_phone_number("+4915123456789");
    SeededRandomness randomness(1);
    const auto begun =
        factor.BeginEnrollment({"acme", "ada"}, parameters, kNow, randomness);
    ASSERT_TRUE(begun.ok()) << begun.status();
    v1::FactorResponse response;
    response.set_code(std::string(begun->messages[0].code.ExposeSecret()));
    EXPECT_EQ(response.code().size(), static_cast<size_t>(digits));
    EXPECT_TRUE(
        factor.ConfirmEnrollment({begun->state, response, nullptr, kNow})
            ->accepted);
  }
  FactorRegistry::Builder builder;
  ASSERT_TRUE(RegisterSms(builder, SmsOptions()).ok());
  EXPECT_EQ(SmsOptions().code_digits, 6);
}

}  // namespace
}  // namespace cofactor::factors::sms
