// What every factor gets from the host, whatever it is. Runs over every factor
// that is registered, and over a plugin that the API knows nothing of.

#include <atomic>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/errors.h"
#include "base/randomness.h"
#include "factors/factor.h"
#include "factors/factor_registry.h"
#include "factors/standard_factors.h"
#include "gtest/gtest.h"
#include "services/engine/keys.h"
#include "tests/conformance/factor_driver.h"
#include "tests/doubles/engine_harness.h"
#include "tests/doubles/mailbox.h"
#include "tests/doubles/signing_factor.h"

namespace cofactor {
namespace {

using services::AccountEngine;
using services::ChallengeEngine;
using services::EnrollmentEngine;

factors::FactorRegistry AllFactors() {
  factors::FactorRegistry::Builder builder;
  if (!factors::RegisterStandardFactors(builder).ok() ||
      !builder.Add(MakeSigningFactor()).ok()) {
    std::abort();
  }
  return std::move(builder).Build();
}

TEST(FactorDriversTest, ThereIsOneForEveryRegisteredFactor) {
  std::set<std::string> driven;
  for (const auto& driver : AllFactorDrivers()) {
    driven.insert(driver->factor_type());
  }
  const factors::FactorRegistry registry = AllFactors();
  for (const factors::Factor* factor : registry.All()) {
    EXPECT_EQ(driven.count(factor->descriptor().type_id), 1u)
        << factor->descriptor().type_id << " needs a FactorDriver";
  }
}

// The parameter is the place of a driver in AllFactorDrivers.
// What a suite sends to one number is more than a person gets.
services::SendPolicy Unlimited() {
  services::SendPolicy policy;
  policy.allowed_regions = {"DE", "US"};
  policy.number_per_10_minutes = policy.number_per_day = 1'000'000;
  policy.prefix_per_hour = policy.prefix_per_day = 1'000'000;
  policy.breaker.sends = 0;
  return policy;
}

class FactorConformanceTest : public testing::TestWithParam<size_t> {
 protected:
  FactorConformanceTest()
      : driver_(std::move(AllFactorDrivers()[GetParam()])),
        factors_(AllFactors()),
        harness_(CopyMessages(factors_, mailbox_), Unlimited()) {
    harness_.CreateMember("acme", "ada");
  }

  void Begin() {
    v1::BeginEnrollmentRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_factor_type(driver_->factor_type());
    *request.mutable_parameters() = driver_->Parameters();
    const auto begun =
        harness_.Call(&EnrollmentEngine::BeginEnrollment, request);
    ASSERT_TRUE(begun.ok()) << begun.status();
    // Something to set up, or a message.
    EXPECT_EQ(begun->activation().activation_case() !=
                      v1::FactorActivation::ACTIVATION_NOT_SET ||
                  !mailbox_.codes().empty(),
              driver_->HasSomethingToSetUp());
    enrollment_id_ = begun->enrollment().enrollment_id();
    device_ = driver_->SetUp(begun->activation(), mailbox_);
  }

  absl::StatusOr<v1::ConfirmEnrollmentResponse> Confirm(
      const v1::FactorResponse& response) {
    v1::ConfirmEnrollmentRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_enrollment_id(enrollment_id_);
    *request.mutable_response() = response;
    return harness_.Call(&EnrollmentEngine::ConfirmEnrollment, request);
  }

  // Begins and confirms, and lets some time pass so that the device has
  // something new to show.
  void Enrol() {
    Begin();
    const auto confirmed = Confirm(Right());
    ASSERT_TRUE(confirmed.ok()) << confirmed.status();
    ASSERT_TRUE(confirmed->verified());
    harness_.clock().Advance(absl::Minutes(2));
  }

  FactorDriver::Question CreateChallenge() {
    v1::CreateChallengeRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_enrollment_id(enrollment_id_);
    request.set_purpose("sign-in");
    const auto created =
        harness_.Call(&ChallengeEngine::CreateChallenge, request);
    EXPECT_TRUE(created.ok()) << created.status();
    if (!created.ok()) return {};
    return {created->challenge(), created->number()};
  }

  absl::StatusOr<v1::VerifyChallengeResponse> Answer(
      const FactorDriver::Question& question,
      const v1::FactorResponse& response) {
    v1::VerifyChallengeRequest request;
    request.set_challenge_id(question.challenge.challenge_id());
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_purpose("sign-in");
    *request.mutable_response() = response;
    return harness_.Call(&ChallengeEngine::VerifyChallenge, request);
  }

  v1::FactorResponse Right(const FactorDriver::Question& question = {}) const {
    return device_->RightResponse(question, harness_.now());
  }
  v1::FactorResponse Wrong(const FactorDriver::Question& question) const {
    return device_->WrongResponse(question, harness_.now());
  }

  v1::Enrollment Enrollment() {
    return harness_.GetEnrollment("acme", "ada", enrollment_id_);
  }

  const factors::Factor& factor() const {
    return *factors_.Find(driver_->factor_type());
  }

  const std::unique_ptr<FactorDriver> driver_;
  const factors::FactorRegistry factors_;
  Mailbox mailbox_;
  EngineHarness harness_;
  std::string enrollment_id_;
  std::unique_ptr<FactorDriver::Device> device_;
};

TEST_P(FactorConformanceTest, EnrolsConfirmsAndVerifies) {
  Begin();
  EXPECT_EQ(Enrollment().state(), v1::ENROLLMENT_STATE_PENDING);
  ASSERT_TRUE(Confirm(Right())->verified());
  EXPECT_EQ(Enrollment().state(), v1::ENROLLMENT_STATE_ACTIVE);
  harness_.clock().Advance(absl::Minutes(2));
  const FactorDriver::Question question = CreateChallenge();
  const auto answer = Answer(question, Right(question));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->verified());
  EXPECT_EQ(answer->enrollment().enrollment_id(), enrollment_id_);
}

TEST_P(FactorConformanceTest, RefusesAReplay) {
  Enrol();
  const FactorDriver::Question first = CreateChallenge();
  const v1::FactorResponse response = Right(first);
  ASSERT_TRUE(Answer(first, response)->verified());
  EXPECT_EQ(ErrorReason(Answer(first, response).status()), "CHALLENGE_FINAL");
  const auto elsewhere = Answer(CreateChallenge(), response);
  ASSERT_TRUE(elsewhere.ok());
  // Nothing but what says that it has no guard may be used again.
  EXPECT_EQ(elsewhere->verified(),
            factor().descriptor().replay_guard == factors::ReplayGuard::kNone);
}

TEST_P(FactorConformanceTest, RefusesAnExpiredChallenge) {
  Enrol();
  const FactorDriver::Question question = CreateChallenge();
  harness_.clock().Advance(absl::Minutes(5));
  EXPECT_EQ(ErrorReason(Answer(question, Right(question)).status()),
            "CHALLENGE_FINAL");
}

TEST_P(FactorConformanceTest, RefusesAnExpiredPendingEnrollment) {
  Begin();
  harness_.clock().Advance(absl::Minutes(10));
  EXPECT_EQ(ErrorReason(Confirm(Right()).status()), "ENROLLMENT_NOT_FOUND");
}

TEST_P(FactorConformanceTest, CountsAWrongResponseAndLocks) {
  Enrol();
  FactorDriver::Question question;
  for (uint32_t i = 1; i <= 5; ++i) {
    question = CreateChallenge();
    const auto answer = Answer(question, Wrong(question));
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_FALSE(answer->verified());
    EXPECT_EQ(answer->challenge().attempts_left(), 4u);
    EXPECT_EQ(Enrollment().consecutive_failures(), i);
  }
  EXPECT_EQ(Enrollment().state(), v1::ENROLLMENT_STATE_LOCKED);
  EXPECT_EQ(ErrorReason(Answer(question, Right(question)).status()), "LOCKED");
  // There is no sixth of those that appear on devices by themselves.
  if (factor().descriptor().prompts) return;
  question = CreateChallenge();
  EXPECT_EQ(ErrorReason(Answer(question, Right(question)).status()), "LOCKED");
}

TEST_P(FactorConformanceTest, EndsAChallengeAfterFiveWrongResponses) {
  Enrol();
  const FactorDriver::Question question = CreateChallenge();
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(Answer(question, Wrong(question))->verified());
  }
  harness_.clock().Advance(absl::Seconds(30));
  EXPECT_EQ(ErrorReason(Answer(question, Right(question)).status()),
            "CHALLENGE_FINAL");
}

TEST_P(FactorConformanceTest, AcceptsOneOfSixtyFourAtOnce) {
  Enrol();
  const FactorDriver::Question question = CreateChallenge();
  const v1::FactorResponse response = Right(question);
  std::atomic<int> verified{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      const auto answer = Answer(question, response);
      if (answer.ok() && answer->verified()) ++verified;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 1);
}

TEST_P(FactorConformanceTest, RefusesAStateOfALaterVersion) {
  Enrol();
  const FactorDriver::Question question = CreateChallenge();
  const std::string key = services::MemberKey("acme", "ada");
  record::v1::MemberRecord member;
  ASSERT_TRUE(
      member.ParseFromString(harness_.store().GetSnapshot()->Get(key)->value));
  member.mutable_enrollments(0)->set_factor_state_version(1'000);
  storage::Transaction transaction;
  transaction.Put(key, member.SerializeAsString());
  ASSERT_TRUE(
      storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  EXPECT_EQ(ErrorReason(Answer(question, Right(question)).status()),
            "UNKNOWN_STATE_VERSION");
}

TEST_P(FactorConformanceTest, RefusesAResponseOfAnotherShape) {
  Enrol();
  const FactorDriver::Question question = CreateChallenge();
  EXPECT_EQ(Answer(question, v1::FactorResponse()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Enrollment().consecutive_failures(), 0u);
}

TEST_P(FactorConformanceTest, TellsNoPrivateStateOfItself) {
  Enrol();
  record::v1::MemberRecord member;
  ASSERT_TRUE(
      member.ParseFromString(harness_.store()
                                 .GetSnapshot()
                                 ->Get(services::MemberKey("acme", "ada"))
                                 ->value));
  const std::string& state = member.enrollments(0).factor_state();
  ASSERT_FALSE(state.empty());
  if (driver_->factor_type() != "signing_test") {  // Its state is its name.
    EXPECT_EQ(Enrollment().SerializeAsString().find(state), std::string::npos);
  }
}

TEST_P(FactorConformanceTest, KeepsNoCodeThatItSentOrShowedInClear) {
  Begin();
  const auto expect_no_code_in_the_store = [this](std::string number) {
    std::vector<std::string> codes = mailbox_.codes();
    if (!number.empty()) codes.push_back(std::move(number));
    for (const storage::Entry& entry : harness_.RawRecords()) {
      for (const std::string& code : codes) {
        EXPECT_FALSE(absl::StrContains(entry.record.value, code)) << entry.key;
      }
    }
  };
  const size_t sent = mailbox_.codes().size();
  expect_no_code_in_the_store("");
  ASSERT_TRUE(Confirm(Right())->verified());
  const FactorDriver::Question question = CreateChallenge();
  // Who sends for the one sends for the other.
  EXPECT_EQ(mailbox_.codes().size(), 2 * sent);
  expect_no_code_in_the_store(question.number);
}

// By the factor itself, for want of a host that sends once more.
TEST_P(FactorConformanceTest, AResendKillsTheOldCode) {
  SeededRandomness randomness(7);
  const absl::Time now = harness_.now();
  auto begun = factor().BeginEnrollment({"acme", "ada"}, driver_->Parameters(),
                                        now, randomness);
  ASSERT_TRUE(begun.ok()) << begun.status();
  auto resent = factor().ResendEnrollment(begun->state, now, randomness);
  if (begun->messages.empty()) {
    EXPECT_EQ(resent.status().code(), absl::StatusCode::kUnimplemented);
    return;
  }
  ASSERT_TRUE(resent.ok()) << resent.status();
  const auto device = driver_->SetUp(begun->activation, mailbox_);
  const auto read = [&](const std::vector<factors::OutgoingMessage>& messages) {
    mailbox_.Put(messages);
    return device->RightResponse({}, now);
  };
  const auto confirm = [&](const v1::FactorResponse& response) {
    return *factor().ConfirmEnrollment({resent->state, response, nullptr, now});
  };
  EXPECT_FALSE(confirm(read(begun->messages)).accepted);
  factors::Verdict confirmed = confirm(read(resent->messages));
  ASSERT_TRUE(confirmed.accepted);
  const factors::FactorState state = confirmed.new_state
                                         ? *std::move(confirmed.new_state)
                                         : resent->state.Clone();

  const auto first = factor().StartChallenge(state, now, randomness);
  const auto second = factor().StartChallenge(state, now, randomness);
  const v1::ChallengeDetails details;
  const factors::ChallengeContext challenge{
      "c1", "sign-in", details, absl::InfiniteFuture(), second->state};
  const auto verify = [&](const v1::FactorResponse& response) {
    return factor().Verify({state, response, &challenge, now})->accepted;
  };
  EXPECT_FALSE(verify(read(first->messages)));
  EXPECT_TRUE(verify(read(second->messages)));
}

TEST_P(FactorConformanceTest, SendsNothingForADecoy) {
  Enrol();
  const size_t sent = mailbox_.codes().size();
  harness_.ActAs({v1::SCOPE_VERIFY});
  v1::CreateChallengeRequest request;
  request.set_account_id("acme");
  request.set_member_id("eve");
  request.set_factor_type(driver_->factor_type());
  request.set_purpose("sign-in");
  const auto created =
      harness_.Call(&ChallengeEngine::CreateChallenge, request);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(mailbox_.codes().size(), sent);
}

INSTANTIATE_TEST_SUITE_P(AllFactors, FactorConformanceTest,
                         testing::Range(size_t{0}, AllFactorDrivers().size()),
                         [](const testing::TestParamInfo<size_t>& info) {
                           return AllFactorDrivers()[info.param]->factor_type();
                         });

}  // namespace
}  // namespace cofactor
