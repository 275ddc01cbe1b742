// What whoever guesses the codes of a member can reach: by Verify and by
// challenges, with locks, disablement and the budget of 30 days.

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errors.h"
#include "factors/standard_factors.h"
#include "gtest/gtest.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/verification_engine.h"
#include "tests/doubles/engine_harness.h"
#include "tests/doubles/retry_delay.h"
#include "tests/doubles/signing_factor.h"

namespace cofactor::services {
namespace {

factors::FactorRegistry FactorsWithSigning() {
  factors::FactorRegistry::Builder builder;
  if (!factors::RegisterStandardFactors(builder).ok() ||
      !builder.Add(MakeSigningFactor()).ok()) {
    std::abort();
  }
  return std::move(builder).Build();
}

// A code that none of them shows around that time.
std::string WrongForAll(const std::vector<EngineHarness::Enrolled>& enrolled,
                        absl::Time time, int from = 0) {
  for (int guess = from;; ++guess) {
    const std::string code = absl::StrFormat("%06d", guess);
    bool right = false;
    for (const auto& one : enrolled) {
      for (int step = -2; step <= 2; ++step) {
        right |= code == one.authenticator.CodeAt(time, step);
      }
    }
    if (!right) return code;
  }
}

class GuessingTest : public testing::Test {
 protected:
  GuessingTest() : harness_(FactorsWithSigning()) {
    harness_.CreateMember("acme", "ada");
    harness_.CreateMember("acme", "bob");
  }

  std::string CodeOf(const EngineHarness::Enrolled& enrolled) {
    return enrolled.authenticator.CodeAt(harness_.now());
  }

  // The next time step, whose code nobody has used.
  void NextStep() { harness_.clock().Advance(absl::Seconds(30)); }

  v1::Challenge Challenge(const std::string& member_id,
                          const std::string& factor_type) {
    v1::CreateChallengeRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_factor_type(factor_type);
    request.set_purpose("sign-in");
    const auto created =
        harness_.Call(&ChallengeEngine::CreateChallenge, request);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? created->challenge() : v1::Challenge();
  }

  absl::StatusOr<v1::VerifyChallengeResponse> Answer(
      const v1::Challenge& challenge, v1::FactorResponse response) {
    v1::VerifyChallengeRequest request;
    request.set_challenge_id(challenge.challenge_id());
    request.set_account_id(challenge.account_id());
    request.set_member_id(challenge.member_id());
    request.set_purpose(challenge.purpose());
    *request.mutable_response() = std::move(response);
    return harness_.Call(&ChallengeEngine::VerifyChallenge, request);
  }

  absl::StatusOr<v1::VerifyChallengeResponse> AnswerCode(
      const v1::Challenge& challenge, const std::string& code) {
    v1::FactorResponse response;
    response.set_code(code);
    return Answer(challenge, std::move(response));
  }

  // A hundred wrong codes of the member and a right one after every four, so
  // that nothing is ever locked. Every other wrong code answers a challenge.
  void UseUpBudget(const std::string& member_id,
                   const std::vector<EngineHarness::Enrolled>& enrolled) {
    for (int round = 0; round < 25; ++round) {
      NextStep();
      const std::string wrong = WrongForAll(enrolled, harness_.now());
      for (int i = 0; i < 2; ++i) {
        const auto verified = harness_.Verify("acme", member_id, wrong);
        ASSERT_TRUE(verified.ok()) << verified.status();
        EXPECT_FALSE(verified->verified());
        const auto answered = AnswerCode(Challenge(member_id, "totp"), wrong);
        ASSERT_TRUE(answered.ok()) << answered.status();
        EXPECT_FALSE(answered->verified());
      }
      if (round == 24) return;
      const auto right =
          harness_.Verify("acme", member_id, CodeOf(enrolled[0]));
      ASSERT_TRUE(right.ok()) << round << right.status();
      EXPECT_TRUE(right->verified()) << round;
    }
  }

  std::string EnrollToken(const std::string& member_id) {
    v1::BeginEnrollmentRequest begin;
    begin.set_account_id("acme");
    begin.set_member_id(member_id);
    begin.set_factor_type("signing_test");
    *begin.mutable_parameters()->mutable_custom() = PackString("token");
    const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
    EXPECT_TRUE(begun.ok()) << begun.status();
    v1::ConfirmEnrollmentRequest confirm;
    confirm.set_account_id("acme");
    confirm.set_member_id(member_id);
    confirm.set_enrollment_id(begun->enrollment().enrollment_id());
    *confirm.mutable_response() = Sign("token", "");
    const auto confirmed =
        harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm);
    EXPECT_TRUE(confirmed.ok() && confirmed->verified());
    return begun->enrollment().enrollment_id();
  }

  bool TokenPasses(const std::string& member_id) {
    const v1::Challenge challenge = Challenge(member_id, "signing_test");
    const auto answer =
        Answer(challenge, Sign("token", challenge.challenge_id()));
    return answer.ok() && answer->verified();
  }

  EngineHarness harness_;
};

TEST_F(GuessingTest, SuccessesDoNotClearTheBudgetOfAHundredFailures) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  UseUpBudget("ada", {ada});
  NextStep();
  for (const std::string& code :
       {CodeOf(ada), WrongCode(ada.authenticator, harness_.now())}) {
    const absl::Status status = harness_.Verify("acme", "ada", code).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ErrorReason(status), "BUDGET_EXHAUSTED");
    EXPECT_GE(RetryDelay(status), absl::Hours(30 * 24));
    EXPECT_LE(RetryDelay(status), absl::Hours(31 * 24));
  }
  const v1::Challenge challenge = Challenge("ada", "totp");
  EXPECT_EQ(ErrorReason(AnswerCode(challenge, CodeOf(ada)).status()),
            "BUDGET_EXHAUSTED");
  // Neither does a code that does not say whose it is get around it.
  const auto code_alone = harness_.Verify("acme", "", CodeOf(ada));
  ASSERT_TRUE(code_alone.ok());
  EXPECT_FALSE(code_alone->verified());
}

TEST_F(GuessingTest, IsFreeAgainExactlyWhenTheWindowHasRolledOn) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  UseUpBudget("ada", {ada});
  const absl::Duration delay =
      RetryDelay(harness_.Verify("acme", "ada", CodeOf(ada)).status());
  ASSERT_GT(delay, absl::ZeroDuration());
  harness_.clock().Advance(delay - absl::Microseconds(1));
  EXPECT_EQ(ErrorReason(harness_.Verify("acme", "ada", CodeOf(ada)).status()),
            "BUDGET_EXHAUSTED");
  harness_.clock().Advance(absl::Microseconds(1));
  const auto free = harness_.Verify("acme", "ada", CodeOf(ada));
  ASSERT_TRUE(free.ok()) << free.status();
  EXPECT_TRUE(free->verified());
}

TEST_F(GuessingTest, AUsedUpBudgetStopsNoOtherFactorAndNoOtherMember) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const auto bob = harness_.EnrollTotp("acme", "bob");
  EnrollToken("ada");
  // Each factor is counted by itself, also if another was counted first.
  EXPECT_FALSE(
      Answer(Challenge("ada", "signing_test"), Sign("forged", ""))->verified());
  UseUpBudget("ada", {ada});
  NextStep();
  EXPECT_FALSE(harness_.Verify("acme", "ada", CodeOf(ada)).ok());
  EXPECT_TRUE(TokenPasses("ada"));
  EXPECT_TRUE(harness_.Verify("acme", "bob", CodeOf(bob))->verified());
}

TEST_F(GuessingTest, ALockedFactorStopsNoOtherFactor) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  EnrollToken("ada");
  const std::string wrong = WrongCode(ada.authenticator, harness_.now());
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(harness_.Verify("acme", "ada", wrong).ok());
  }
  EXPECT_EQ(ErrorReason(harness_.Verify("acme", "ada", CodeOf(ada)).status()),
            "LOCKED");
  EXPECT_TRUE(TokenPasses("ada"));
}

TEST_F(GuessingTest, BindingAnewGivesNoBudgetWhileAGuessedSeedStillVerifies) {
  const auto first = harness_.EnrollTotp("acme", "ada");
  UseUpBudget("ada", {first});
  const auto second = harness_.EnrollTotp("acme", "ada");
  NextStep();
  for (const auto* enrolled : {&first, &second}) {
    EXPECT_EQ(
        ErrorReason(harness_.Verify("acme", "ada", CodeOf(*enrolled)).status()),
        "BUDGET_EXHAUSTED");
  }
  // To drop the old one afterwards changes nothing: it could be guessed at
  // while the new one was there.
  harness_.DeleteEnrollment("acme", "ada", first.enrollment_id);
  EXPECT_EQ(
      ErrorReason(harness_.Verify("acme", "ada", CodeOf(second)).status()),
      "BUDGET_EXHAUSTED");
}

TEST_F(GuessingTest, BindingAnewGivesANewBudgetOnceNoGuessedSeedIsLeft) {
  const auto first = harness_.EnrollTotp("acme", "ada");
  UseUpBudget("ada", {first});
  harness_.DeleteEnrollment("acme", "ada", first.enrollment_id);
  const auto second = harness_.EnrollTotp("acme", "ada");
  NextStep();
  const auto passed = harness_.Verify("acme", "ada", CodeOf(second));
  ASSERT_TRUE(passed.ok()) << passed.status();
  EXPECT_TRUE(passed->verified());
  // It is one of a hundred again.
  UseUpBudget("ada", {second});
  NextStep();
  EXPECT_EQ(
      ErrorReason(harness_.Verify("acme", "ada", CodeOf(second)).status()),
      "BUDGET_EXHAUSTED");
}

TEST_F(GuessingTest, FiveEnrollmentsAreLockedAndDisabledAsOneIs) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  std::vector<EngineHarness::Enrolled> bobs;
  for (int i = 0; i < 5; ++i) {
    bobs.push_back(harness_.EnrollTotp("acme", "bob"));
  }
  std::vector<EngineHarness::Enrolled> all = bobs;
  all.push_back(ada);
  int evaluated = 0;
  for (int i = 0; i < 200; ++i) {
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_code(WrongForAll(all, harness_.now()));
    request.set_member_id("ada");
    const auto one = harness_.Call(&VerificationEngine::Verify, request);
    request.set_member_id("bob");
    // Whoever guesses goes from one enrollment to the next, and names none too.
    if (i % 6 != 5) request.set_enrollment_id(bobs[i % 6].enrollment_id);
    const auto five = harness_.Call(&VerificationEngine::Verify, request);
    ASSERT_EQ(one.status(), five.status()) << i;
    if (one.ok()) {
      EXPECT_EQ(one->reason(), five->reason()) << i;
      evaluated += one->reason() == v1::VERIFICATION_REASON_WRONG_CODE;
    }
    harness_.clock().Advance(RetryDelay(one.status()));
  }
  EXPECT_EQ(evaluated, 100);
  for (const auto& bob : bobs) {
    EXPECT_EQ(harness_.GetEnrollment("acme", "bob", bob.enrollment_id).state(),
              v1::ENROLLMENT_STATE_DISABLED);
  }
}

TEST_F(GuessingTest, FiveEnrollmentsShareOneBudget) {
  std::vector<EngineHarness::Enrolled> ada;
  for (int i = 0; i < 5; ++i) ada.push_back(harness_.EnrollTotp("acme", "ada"));
  UseUpBudget("ada", ada);
  NextStep();
  for (const auto& enrolled : ada) {
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_enrollment_id(enrolled.enrollment_id);
    request.set_code(CodeOf(enrolled));
    EXPECT_EQ(ErrorReason(
                  harness_.Call(&VerificationEngine::Verify, request).status()),
              "BUDGET_EXHAUSTED");
  }
}

TEST_F(GuessingTest, NoMoreThanFiveOfAThousandGuessesAtOnceAreEvaluated) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  constexpr int kThreads = 50;
  std::vector<std::vector<std::string>> codes(kThreads);
  int code = 0;
  for (int i = 0; i < 1'000; ++i) {
    codes[i % kThreads].push_back(WrongForAll({ada}, harness_.now(), code));
    code = std::atoi(codes[i % kThreads].back().c_str()) + 1;
  }
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      // Half of them answer challenges.
      const v1::Challenge challenge =
          thread % 2 == 0 ? v1::Challenge() : Challenge("ada", "totp");
      for (const std::string& guess : codes[thread]) {
        const absl::Status status =
            thread % 2 == 0 ? harness_.Verify("acme", "ada", guess).status()
                            : AnswerCode(challenge, guess).status();
        answered += status.ok();
        // A challenge that took all five ended by them.
        refused += ErrorReason(status) == "LOCKED" ||
                   ErrorReason(status) == "CHALLENGE_FINAL";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int evaluated = 0;
  int locks_began = 0;
  for (const record::v1::AuditRecord& event : harness_.AuditEvents()) {
    evaluated += event.reason() == "VERIFICATION_REASON_WRONG_CODE";
    locks_began += event.lock_began();
  }
  EXPECT_EQ(evaluated, 5);
  EXPECT_EQ(answered, 5);
  EXPECT_EQ(locks_began, 1);
  EXPECT_EQ(answered + refused, 1'000);
  EXPECT_EQ(ErrorReason(harness_.Verify("acme", "ada", CodeOf(ada)).status()),
            "LOCKED");
}

TEST_F(GuessingTest, TwentyMembersGetInAtOnceWhileAnotherIsGuessedAt) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  std::vector<std::pair<std::string, EngineHarness::Enrolled>> members;
  for (int i = 0; i < 20; ++i) {
    const std::string member_id = absl::StrCat("m", i);
    harness_.CreateMember("acme", member_id);
    members.emplace_back(member_id, harness_.EnrollTotp("acme", member_id));
  }
  const std::string wrong = WrongCode(ada.authenticator, harness_.now());
  std::atomic<int> verified{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 100; ++j) {
        (void)harness_.Verify("acme", "ada", wrong);
      }
    });
  }
  for (const auto& member : members) {
    threads.emplace_back([&] {
      const auto response =
          harness_.Verify("acme", member.first, CodeOf(member.second));
      verified += response.ok() && response->verified();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 20);
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", ada.enrollment_id).state(),
            v1::ENROLLMENT_STATE_LOCKED);
}

}  // namespace
}  // namespace cofactor::services
