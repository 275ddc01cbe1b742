// Changing a password takes the old one, and asking for it is no way to guess.

#include "services/engine/current_secret.h"

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "factors/factor_registry.h"
#include "factors/standard_factors.h"
#include "gtest/gtest.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/lookup.h"
#include "services/engine/plan.h"
#include "services/engine/verification_engine.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

constexpr char kOld[] = "nine lamps, no attic";
constexpr char kNew[] = "two cellars, eight doors";
constexpr char kWrong[] = "ten lamps, no cellar";

class CurrentSecretTest : public testing::Test {
 protected:
  CurrentSecretTest() { harness_.CreateMember("acme", "ada"); }

  absl::StatusOr<v1::BeginEnrollmentResponse> Begin(
      const std::string& password, const std::string& current,
      const std::string& request_id = "") {
    v1::BeginEnrollmentRequest begin;
    begin.set_request_id(request_id);
    begin.set_account_id("acme");
    begin.set_member_id("ada");
    begin.set_factor_type("password");
    begin.mutable_parameters()->mutable_password()->set_password(password);
    begin.mutable_parameters()->mutable_password()->set_current_password(
        current);
    return harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
  }

  absl::StatusOr<v1::ConfirmEnrollmentResponse> Confirm(
      const v1::BeginEnrollmentResponse& begun, const std::string& password) {
    v1::ConfirmEnrollmentRequest confirm;
    confirm.set_account_id("acme");
    confirm.set_member_id("ada");
    confirm.set_enrollment_id(begun.enrollment().enrollment_id());
    confirm.mutable_response()->set_password(password);
    return harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm);
  }

  // Returns the id of the enrollment.
  std::string Enrol(const std::string& password) {
    const auto begun = Begin(password, "");
    EXPECT_TRUE(begun.ok()) << begun.status();
    EXPECT_TRUE(Confirm(*begun, password)->verified());
    return begun->enrollment().enrollment_id();
  }

  std::string ReasonOf(const std::string& password,
                       const std::string& current) {
    return ErrorReason(Begin(password, current).status());
  }

  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& password) {
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_factor_type("password");
    request.mutable_response()->set_password(password);
    return harness_.Call(&VerificationEngine::Verify, request);
  }

  uint32_t Failures(const std::string& enrollment_id) {
    return harness_.GetEnrollment("acme", "ada", enrollment_id)
        .consecutive_failures();
  }

  int CountEnrollments() {
    v1::ListEnrollmentsRequest list;
    list.set_account_id("acme");
    list.set_member_id("ada");
    return harness_.Call(&EnrollmentEngine::ListEnrollments, list)
        ->enrollments_size();
  }

  // Guesses until the enrollment is disabled.
  void Disable(const std::string& enrollment_id) {
    for (int i = 0; i < 1'000; ++i) {
      if (harness_.GetEnrollment("acme", "ada", enrollment_id).state() ==
          v1::ENROLLMENT_STATE_DISABLED) {
        return;
      }
      (void)Verify(kWrong);
      harness_.clock().Advance(absl::Hours(24 * 30));
    }
    FAIL() << "it is not disabled yet";
  }

  EngineHarness harness_;
};

TEST_F(CurrentSecretTest, IsNotAskedForWhereThereIsNone) {
  Enrol(kOld);
  EXPECT_TRUE(Verify(kOld)->verified());
}

TEST_F(CurrentSecretTest, IsAskedForOnceThereIsOne) {
  const std::string old_id = Enrol(kOld);
  const auto refused = Begin(kNew, "");
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_EQ(ErrorReason(refused.status()), "CURRENT_SECRET_REQUIRED");
  EXPECT_EQ(CountEnrollments(), 1);
  EXPECT_EQ(Failures(old_id), 0u);
}

TEST_F(CurrentSecretTest, ARightOneLetsANewOneTakeItsPlace) {
  Enrol(kOld);
  const auto begun = Begin(kNew, kOld);
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_TRUE(Confirm(*begun, kNew)->verified());
  EXPECT_TRUE(Verify(kNew)->verified());
  EXPECT_FALSE(Verify(kOld)->verified());
}

TEST_F(CurrentSecretTest, AHashFromElsewhereIsNoWayAroundIt) {
  Enrol(kOld);
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id("ada");
  begin.set_factor_type("password");
  begin.mutable_parameters()->mutable_password()->set_imported_hash(
      "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i");
  EXPECT_EQ(
      ErrorReason(
          harness_.Call(&EnrollmentEngine::BeginEnrollment, begin).status()),
      "CURRENT_SECRET_REQUIRED");
}

TEST_F(CurrentSecretTest, AWrongOneIsCountedAndChangesNothingElse) {
  const std::string old_id = Enrol(kOld);
  EXPECT_EQ(ReasonOf(kNew, kWrong), "CURRENT_SECRET_WRONG");
  EXPECT_EQ(Failures(old_id), 1u);
  EXPECT_EQ(CountEnrollments(), 1);
  EXPECT_TRUE(Verify(kOld)->verified());
  EXPECT_EQ(Failures(old_id), 0u);
}

// With a new one that is refused anyway there must be no free guess.
TEST_F(CurrentSecretTest, AWrongOneIsCountedBesideANewOneThatIsRefused) {
  const std::string old_id = Enrol(kOld);
  EXPECT_EQ(ReasonOf("kurz", kWrong), "CURRENT_SECRET_WRONG");
  EXPECT_EQ(Failures(old_id), 1u);
  EXPECT_EQ(ReasonOf("kurz", kOld), "INVALID_FIELD");
}

TEST_F(CurrentSecretTest, GuessesHereAndInVerifyShareOneBudget) {
  const std::string old_id = Enrol(kOld);
  EXPECT_FALSE(Verify(kWrong)->verified());
  EXPECT_FALSE(Verify(kWrong)->verified());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ReasonOf(kNew, kWrong), "CURRENT_SECRET_WRONG");
  }
  // The right one is not judged then, here or there.
  EXPECT_EQ(ReasonOf(kNew, kOld), "LOCKED");
  EXPECT_EQ(ErrorReason(Verify(kOld).status()), "LOCKED");
  EXPECT_EQ(CountEnrollments(), 1);
}

TEST_F(CurrentSecretTest, CountsFiveOfManyGuessesAtOnce) {
  const std::string old_id = Enrol(kOld);
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([this] { (void)Begin(kNew, kWrong); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Failures(old_id), 5u);
  EXPECT_EQ(ReasonOf(kNew, kOld), "LOCKED");
}

TEST_F(CurrentSecretTest, ARequestIdGivesNoFreeGuess) {
  const std::string old_id = Enrol(kOld);
  for (uint32_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(ErrorReason(Begin(kNew, kWrong, "r-1").status()),
              "CURRENT_SECRET_WRONG");
    EXPECT_EQ(Failures(old_id), i);
  }
  // Nothing was kept of it, so the id is free.
  EXPECT_TRUE(Begin(kNew, kOld, "r-1").ok());
}

TEST_F(CurrentSecretTest, TheAuditLogTellsOfAWrongOneAndOfTheLock) {
  Enrol(kOld);
  for (int i = 0; i < 5; ++i) (void)Begin(kNew, kWrong);
  const auto events = harness_.AuditEvents();
  ASSERT_GE(events.size(), 5u);
  const record::v1::AuditRecord& last = events.back();
  EXPECT_EQ(last.action(), "BeginEnrollment");
  EXPECT_EQ(last.reason(), "CURRENT_SECRET_WRONG");
  EXPECT_EQ(last.factor_type(), "password");
  EXPECT_TRUE(last.lock_began());
}

// Or whoever guesses long enough would get rid of the password.
TEST_F(CurrentSecretTest, GuessingUntilItIsDisabledDoesNotGetPastIt) {
  const std::string old_id = Enrol(kOld);
  Disable(old_id);
  EXPECT_EQ(ReasonOf(kNew, kOld), "CURRENT_SECRET_DISABLED");
  EXPECT_EQ(ReasonOf(kNew, ""), "CURRENT_SECRET_REQUIRED");
  harness_.DeleteEnrollment("acme", "ada", old_id);
  EXPECT_TRUE(Begin(kNew, "").ok());
}

// One that was begun before there was a password would need no old one.
TEST_F(CurrentSecretTest, WhatWasBegunWithoutItEndsOnceThereIsOne) {
  const auto first = Begin(kOld, "");
  const auto second = Begin(kNew, "");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE(Confirm(*first, kOld)->verified());
  EXPECT_TRUE(absl::IsNotFound(Confirm(*second, kNew).status()));
  EXPECT_TRUE(Verify(kOld)->verified());
}

TEST_F(CurrentSecretTest, ARecoveryStandsForIt) {
  Enrol(kOld);
  factors::FactorRegistry::Builder builder;
  ASSERT_TRUE(factors::RegisterStandardFactors(builder).ok());
  const factors::FactorRegistry registry = std::move(builder).Build();
  const auto snapshot = harness_.store().GetSnapshot();
  const Caller caller = Caller::Server();
  const auto check = [&](bool recovery) {
    Plan plan(*snapshot, harness_.now(), caller);
    auto member = ReadMember(plan, "acme", "ada");
    EXPECT_TRUE(member.ok());
    return CheckCurrentSecret(plan, *registry.Find("password"),
                              v1::FactorParameters(), recovery, member->record);
  };
  EXPECT_TRUE(check(true).ok());
  EXPECT_EQ(ErrorReason(check(false)), "CURRENT_SECRET_REQUIRED");
}

TEST_F(CurrentSecretTest, OtherFactorsAskForNothing) {
  for (int i = 0; i < 2; ++i) {
    v1::BeginEnrollmentRequest begin;
    begin.set_account_id("acme");
    begin.set_member_id("ada");
    begin.set_factor_type("recovery_code");
    const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
    ASSERT_TRUE(begun.ok()) << begun.status();
    v1::ConfirmEnrollmentRequest confirm;
    confirm.set_account_id("acme");
    confirm.set_member_id("ada");
    confirm.set_enrollment_id(begun->enrollment().enrollment_id());
    confirm.mutable_response()->set_code(
        begun->activation().recovery_code().codes(0));
    EXPECT_TRUE(harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm)
                    ->verified());
  }
}

}  // namespace
}  // namespace cofactor::services
