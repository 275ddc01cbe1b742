#include "factors/push/push_factor.h"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "base/errors.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/push/device_key.h"
#include "factors/push/push_factor_fixture.h"
#include "factors/push/push_state.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

using ::cofactor::record::v1::PushChallengeRecord;
using ::cofactor::record::v1::PushStateRecord;

class PushFactorTest : public PushFactorFixture {};

INSTANTIATE_TEST_SUITE_P(AllAlgorithms, PushFactorTest,
                         testing::Values(v1::DEVICE_KEY_ALGORITHM_ED25519,
                                         v1::DEVICE_KEY_ALGORITHM_P256));

TEST_P(PushFactorTest, SaysWhatItIs) {
  const FactorDescriptor& descriptor = factor_.descriptor();
  EXPECT_EQ(descriptor.type_id, "push");
  EXPECT_EQ(descriptor.kind, v1::FACTOR_KIND_POSSESSION);
  EXPECT_EQ(descriptor.amr, std::vector<std::string>{"swk"});
  EXPECT_EQ(descriptor.replay_guard, ReplayGuard::kChallenge);
  EXPECT_TRUE(descriptor.needs_challenge);
  EXPECT_TRUE(descriptor.prompts);
  EXPECT_FALSE(descriptor.sends_messages);
  EXPECT_FALSE(descriptor.phishing_resistant);
  EXPECT_FALSE(descriptor.identifies_member);
  EXPECT_EQ(descriptor.parameters_type,
            v1::PushParameters::descriptor()->full_name());
}

TEST_P(PushFactorTest, ApprovesWithTheNumberAlone) {
  const FactorState state = Registered();
  const Asked asked = Ask(state);
  ASSERT_EQ(asked.number.size(), 6u);
  EXPECT_EQ(Says(state, asked, Answer(asked, kApprove, asked.number)), "yes");
  for (int place = 0; place < 6; ++place) {
    std::string wrong = asked.number;
    wrong[place] =
        wrong[place] == '9' ? '0' : static_cast<char>(wrong[place] + 1);
    EXPECT_EQ(Says(state, asked, Answer(asked, kApprove, wrong)), "");
  }
  // The number of another challenge is none of this.
  const Asked next = Ask(state);
  ASSERT_NE(next.number, asked.number);
  EXPECT_EQ(Says(state, asked, Answer(asked, kApprove, next.number)), "");
  EXPECT_EQ(Says(state, next, Answer(next, kApprove, next.number)), "yes");
}

TEST_P(PushFactorTest, NeverApprovesWithoutANumber) {
  const FactorState state = Registered();
  const Asked asked = Ask(state);
  for (const std::string& number :
       {std::string(), asked.number.substr(1), asked.number + "0",
        " " + asked.number, asked.number.substr(0, 5) + " ",
        std::string("12345\0", 6), std::string("１２３４５６")}) {
    EXPECT_EQ(
        BadField(
            Verify(state, asked, Answer(asked, kApprove, number)).status()),
        "response.push.number")
        << number;
  }
  // Not even if what was kept is of an empty one.
  Asked damaged = Ask(state);
  damaged.state = Secret();
  EXPECT_EQ(Verify(state, damaged, Answer(damaged, kApprove, "000000"))
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
}

TEST_P(PushFactorTest, RefusesAndReportsWithTheReasonThatWasSigned) {
  const FactorState state = Registered();
  const Asked asked = Ask(state);
  const auto denied = Verify(state, asked, Answer(asked, kDeny, "", "not now"));
  ASSERT_TRUE(denied.ok()) << denied.status();
  EXPECT_FALSE(denied->accepted);
  ASSERT_TRUE(denied->refusal.has_value());
  EXPECT_FALSE(denied->refusal->reported);
  EXPECT_EQ(denied->refusal->reason, "not now");
  const auto reported = Verify(state, asked, Answer(asked, kReport, "", "Ö"));
  ASSERT_TRUE(reported.ok()) << reported.status();
  EXPECT_FALSE(reported->accepted);
  ASSERT_TRUE(reported->refusal.has_value());
  EXPECT_TRUE(reported->refusal->reported);
  EXPECT_EQ(reported->refusal->reason, "Ö");

  v1::PushAnswer other_words = Answer(asked, kDeny, "", "not now");
  other_words.set_reason("go on");
  EXPECT_EQ(Says(state, asked, other_words), "");
}

TEST_P(PushFactorTest, NoDecisionTurnsIntoAnother) {
  const FactorState state = Registered();
  const Asked asked = Ask(state);
  const std::string number = asked.number;
  for (const v1::PushDecision said : {kApprove, kDeny, kReport}) {
    for (const v1::PushDecision made_of_it : {kApprove, kDeny, kReport}) {
      v1::PushAnswer answer =
          Answer(asked, said, said == kApprove ? number : "");
      answer.set_decision(made_of_it);
      answer.set_number(made_of_it == kApprove ? number : "");
      EXPECT_EQ(Says(state, asked, answer).empty(), said != made_of_it)
          << said << " " << made_of_it;
    }
  }
}

TEST_P(PushFactorTest, AnAnswerIsForWhatWasShownAlone) {
  const FactorState state = Registered();
  const Asked asked = Ask(state);
  const std::vector<v1::PushAnswer> answers = {
      Answer(asked, kApprove, asked.number), Answer(asked, kDeny),
      Answer(asked, kReport)};
  const std::vector<std::function<void(Asked&)>> changes = {
      [](Asked& a) { a.challenge_id = "c2"; },
      [](Asked& a) { a.purpose = "payment"; },
      [](Asked& a) { a.details.set_title("Sign in to the bank"); },
      [](Asked& a) { a.details.set_amount("9,250.00 EUR"); },
      [](Asked& a) { a.details.set_payee("Eve GmbH"); },
      [](Asked& a) { (*a.details.mutable_fields())["City"] = "Bonn"; },
      [](Asked& a) { (*a.details.mutable_fields())["Risk"] = "high"; },
      [](Asked& a) { a.details.clear_fields(); },
      [](Asked& a) { a.expire_time += absl::Microseconds(1); },
      [](Asked& a) { a.expire_time -= absl::Seconds(1); },
  };
  for (const v1::PushAnswer& answer : answers) {
    ASSERT_NE(Says(state, asked, answer), "");
    for (size_t i = 0; i < changes.size(); ++i) {
      Asked changed{asked.challenge_id, asked.purpose,       asked.details,
                    asked.expire_time,  asked.state.Clone(), asked.number};
      changes[i](changed);
      EXPECT_EQ(Says(state, changed, answer), "") << i;
    }
    EXPECT_EQ(Says(state, asked, answer, {"acmf", "ada", "e1"}), "");
    EXPECT_EQ(Says(state, asked, answer, {"acme", "eve", "e1"}), "");
    EXPECT_EQ(Says(state, asked, answer, {"acme", "ada", "e2"}), "");
  }
}

TEST_P(PushFactorTest, NobodyElseAnswers) {
  const FactorState state = Registered();
  const Asked asked = Ask(state);
  const v1::PushAnswer right = Answer(asked, kApprove, asked.number);
  for (const auto algorithm :
       {v1::DEVICE_KEY_ALGORITHM_ED25519, v1::DEVICE_KEY_ALGORITHM_P256}) {
    const DeviceSigner other = *DeviceSigner::Generate(algorithm);
    v1::PushAnswer forged = right;
    forged.set_signature(
        *other.Sign(AnswerBytes(IdsOf(kSubject), asked.shown(), right)));
    EXPECT_EQ(Says(state, asked, forged), "");
    const auto other_key = WithKey(state, other.key());
    ASSERT_TRUE(other_key.ok());
    EXPECT_EQ(Says(*other_key, asked, right), "");
    EXPECT_EQ(Says(*other_key, asked, forged), "yes");
  }
}

TEST_P(PushFactorTest, ASignatureForAnotherUseIsNoAnswer) {
  const FactorState state = Registered();
  const Asked asked = Ask(state);
  const DeviceIds ids = IdsOf(kSubject);
  v1::PushAnswer answer = Answer(asked, kApprove, asked.number);
  const std::string bytes = AnswerBytes(ids, asked.shown(), answer);
  for (const std::string& other :
       {ListBytes(ids, asked.challenge_id), ChannelBytes(ids, bytes),
        RotationBytes(ids, bytes, signer_.key()),
        RegistrationBytes(ids, v1::DeviceRegistration()),
        bytes.substr(0, bytes.size() - 1), bytes + '\0', std::string()}) {
    answer.set_signature(*signer_.Sign(other));
    EXPECT_EQ(Says(state, asked, answer), "");
  }
  EXPECT_FALSE(IsSignedBy(signer_.key(), ChannelBytes(ids, "nonce"),
                          *signer_.Sign(ListBytes(ids, "nonce"))));
}

TEST_P(PushFactorTest, EachKindOfResponseHasItsPlace) {
  const BegunEnrollment begun = Begin();
  const FactorState state = Registered();
  const Asked asked = Ask(state);
  v1::FactorResponse answer;
  *answer.mutable_push() = Answer(asked, kApprove, asked.number);
  v1::FactorResponse registration;
  *registration.mutable_device() = Registration(begun);
  v1::FactorResponse code;
  code.set_code("123456");

  EXPECT_TRUE(factor_.CheckResponse(answer, "response.code").ok());
  EXPECT_TRUE(factor_.CheckResponse(registration, "response.code").ok());
  const absl::Status status = factor_.CheckResponse(code, "response.code");
  EXPECT_EQ(BadField(status), "response.code");
  EXPECT_TRUE(
      absl::StrContains(status.message(), "push is answered on the device"));
  EXPECT_EQ(BadField(factor_.CheckResponse({}, "code")), "code");

  EXPECT_EQ(BadField(factor_
                         .ConfirmEnrollment(
                             {begun.state, answer, nullptr, kNow, kSubject})
                         .status()),
            "response.push");
  const ChallengeContext context{asked.challenge_id, asked.purpose,
                                 asked.details, asked.expire_time, asked.state};
  EXPECT_EQ(
      BadField(factor_.Verify({state, registration, &context, kNow, kSubject})
                   .status()),
      "response.device");
  EXPECT_EQ(
      factor_.Verify({state, answer, nullptr, kNow, kSubject}).status().code(),
      absl::StatusCode::kInternal);
}

TEST_P(PushFactorTest, DrawsAnotherNumberEachTimeAndKeepsAHash) {
  const FactorState state = Registered();
  std::set<std::string> numbers;
  std::set<std::string> salts;
  for (int i = 0; i < 100; ++i) {
    const Asked asked = Ask(state);
    EXPECT_FALSE(absl::StrContains(asked.state.ExposeSecret(), asked.number));
    PushChallengeRecord record;
    ASSERT_TRUE(
        record.ParseFromString(std::string(asked.state.ExposeSecret())));
    numbers.insert(asked.number);
    salts.insert(record.salt());
  }
  EXPECT_GT(numbers.size(), 98u);
  EXPECT_EQ(salts.size(), 100u);
}

TEST_P(PushFactorTest, WakesADeviceUpAndTellsItNothing) {
  const FactorState state = Registered();
  const auto message = factor_.WakeUp(state);
  ASSERT_TRUE(message.ok()) << message.status();
  ASSERT_TRUE(message->has_value());
  EXPECT_EQ((*message)->channel, "wake_up");
  EXPECT_TRUE((*message)->code.empty());
  v1::WakeUpAddress address;
  ASSERT_TRUE(address.ParseFromString((*message)->address));
  EXPECT_EQ(address.fcm_token(), "token");

  EXPECT_EQ(*factor_.WakeUp(Begin().state), std::nullopt);
  EXPECT_EQ(*factor_.WakeUp(*factor_.DecoyState(randomness_)), std::nullopt);
  const auto unreachable = WithoutWakeUp(state, (*message)->address);
  EXPECT_EQ(*factor_.WakeUp(**unreachable), std::nullopt);
}

TEST_P(PushFactorTest, ADecoyIsAskedAndNeverAnswers) {
  const auto decoy = factor_.DecoyState(randomness_);
  ASSERT_TRUE(decoy.ok()) << decoy.status();
  const FactorState state = Registered();
  const Asked of_nobody = Ask(*decoy);
  const Asked of_ada = Ask(state);
  EXPECT_EQ(of_nobody.number.size(), of_ada.number.size());
  EXPECT_EQ(of_nobody.state.size(), of_ada.state.size());
  for (const v1::PushDecision decision : {kApprove, kDeny, kReport}) {
    EXPECT_EQ(Says(*decoy, of_nobody,
                   Answer(of_nobody, decision,
                          decision == kApprove ? of_nobody.number : "")),
              "");
  }
  // Nor with a key that somebody has, if it was written into one.
  PushStateRecord record;
  ASSERT_TRUE(record.ParseFromString(std::string(decoy->data.ExposeSecret())));
  v1::DeviceKey key;
  key.set_algorithm(
      static_cast<v1::DeviceKeyAlgorithm>(record.key_algorithm()));
  key.set_public_key(record.public_key());
  EXPECT_TRUE(CheckDeviceKey("key", key).ok());
  record.set_key_algorithm(static_cast<uint32_t>(signer_.key().algorithm()));
  record.set_public_key(signer_.key().public_key());
  const FactorState forged{1, Secret(record.SerializeAsString())};
  EXPECT_EQ(Says(forged, of_ada, Answer(of_ada, kApprove, of_ada.number)), "");
  EXPECT_EQ(Says(forged, of_ada, Answer(of_ada, kReport)), "");
  EXPECT_FALSE(Registers(forged, Registration(Begin())));
}

TEST_P(PushFactorTest, AnEnrollmentWithoutADeviceAnswersNothing) {
  const BegunEnrollment begun = Begin();
  const Asked asked = Ask(begun.state);
  EXPECT_EQ(Says(begun.state, asked, Answer(asked, kApprove, asked.number)),
            "");
  EXPECT_EQ(Says(begun.state, asked, Answer(asked, kReport)), "");
}

TEST_P(PushFactorTest, GuessesNoStateThatItDoesNotKnow) {
  const BegunEnrollment begun = Begin();
  const v1::DeviceRegistration registration = Registration(begun);
  FactorState state = Registered();
  const Asked asked = Ask(state);
  const v1::PushAnswer answer = Answer(asked, kApprove, asked.number);
  const auto fails_with = [&](const FactorState& changed,
                              absl::StatusCode code) {
    EXPECT_EQ(Verify(changed, asked, answer).status().code(), code);
    EXPECT_EQ(Confirm(changed, registration).status().code(), code);
    EXPECT_EQ(
        factor_.StartChallenge(changed, kNow, randomness_).status().code(),
        code);
    EXPECT_EQ(factor_.WakeUp(changed).status().code(), code);
  };
  state.version = 2;
  fails_with(state, absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(Verify(state, asked, answer).status()),
            "UNKNOWN_STATE_VERSION");
  state.version = 1;
  state.data = Secret(absl::string_view("\xFF\xFF"));
  fails_with(state, absl::StatusCode::kDataLoss);
  state.data = Secret();
  fails_with(state, absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace cofactor::factors::push
