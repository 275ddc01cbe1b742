// What is counted of guesses at members that there are not, and who is told.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
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

TEST(DecoyTest, AChallengeOfNobodyIsNotApprovedByWhoeverComesLater) {
  EngineHarness harness;
  harness.CreateMember("acme", "ada");
  harness.ActAs({v1::SCOPE_VERIFY});
  v1::CreateChallengeRequest create;
  create.set_account_id("acme");
  create.set_member_id("ada");
  create.set_factor_type("totp");
  create.set_purpose("sign-in");
  const auto created = harness.Call(&ChallengeEngine::CreateChallenge, create);
  ASSERT_TRUE(created.ok());
  harness.ActAs(Caller::Server());
  const auto ada = harness.EnrollTotp("acme", "ada");
  harness.ActAs({v1::SCOPE_VERIFY});
  v1::VerifyChallengeRequest request;
  request.set_challenge_id(created->challenge().challenge_id());
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_purpose("sign-in");
  const std::string code = ada.authenticator.CodeAt(harness.now());
  request.mutable_response()->set_code(code);
  const auto answer = harness.Call(&ChallengeEngine::VerifyChallenge, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_FALSE(answer->verified());
  EXPECT_EQ(answer->reason(), v1::VERIFICATION_REASON_WRONG_CODE);
  // Nothing was used up.
  EXPECT_TRUE(harness.Verify("acme", "ada", code)->verified());
}

TEST(DecoyTest, AnEnrollmentOfAnotherFactorIsTakenAsAnUnknownOneIs) {
  factors::FactorRegistry::Builder builder;
  ASSERT_TRUE(factors::RegisterStandardFactors(builder).ok());
  ASSERT_TRUE(builder.Add(MakeSigningFactor()).ok());
  EngineHarness harness(std::move(builder).Build());
  harness.CreateMember("acme", "ada");
  const auto ada = harness.EnrollTotp("acme", "ada");
  v1::CreateChallengeRequest create;
  create.set_account_id("acme");
  create.set_member_id("ada");
  create.set_enrollment_id(ada.enrollment_id);
  create.set_factor_type("signing_test");
  create.set_purpose("sign-in");
  EXPECT_EQ(
      ErrorReason(
          harness.Call(&ChallengeEngine::CreateChallenge, create).status()),
      "INVALID_FIELD");
  harness.ActAs({v1::SCOPE_VERIFY});
  const auto created = harness.Call(&ChallengeEngine::CreateChallenge, create);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->challenge().enrollment_id(), ada.enrollment_id);
  EXPECT_EQ(created->challenge().factor_type(), "signing_test");
  create.set_member_id("eve");
  const auto of_nobody =
      harness.Call(&ChallengeEngine::CreateChallenge, create);
  ASSERT_TRUE(of_nobody.ok()) << of_nobody.status();
  EXPECT_EQ(of_nobody->challenge().factor_type(), "signing_test");
}

TEST(DecoyTest, AnUnknownMemberIsLockedAfterFiveGuessesAndEachLockDoubles) {
  EngineHarness harness;
  harness.CreateMember("acme", "ada");
  harness.ActAs({v1::SCOPE_VERIFY});
  absl::Duration lock = absl::Seconds(30);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(harness.Verify("acme", "eve", "123456").ok());
    }
    const absl::Status locked =
        harness.Verify("acme", "eve", "123456").status();
    EXPECT_EQ(ErrorReason(locked), "LOCKED");
    EXPECT_EQ(RetryDelay(locked), lock);
    harness.clock().Advance(lock);
    lock *= 2;
  }
}

TEST(DecoyTest, GuessesAtOneUnknownMemberLockNoOtherMember) {
  EngineHarness harness;
  harness.CreateMember("acme", "ada");
  const auto ada = harness.EnrollTotp("acme", "ada");
  harness.ActAs({v1::SCOPE_VERIFY});
  for (int i = 0; i < 6; ++i) (void)harness.Verify("acme", "eve", "123456");
  EXPECT_FALSE(harness.Verify("acme", "eve", "123456").ok());
  EXPECT_TRUE(harness.Verify("acme", "mallory", "123456").ok());
  EXPECT_TRUE(
      harness.Verify("acme", "ada", ada.authenticator.CodeAt(harness.now()))
          ->verified());
}

TEST(DecoyTest, CallersWhoMayKnowMembersSeeTheReason) {
  for (const v1::Scope scope : {v1::SCOPE_ENROLL, v1::SCOPE_ACCOUNTS,
                                v1::SCOPE_AUDIT, v1::SCOPE_ADMIN}) {
    EngineHarness harness;
    harness.CreateMember("acme", "ada");
    harness.CreateMember("acme", "bob");
    const auto ada = harness.EnrollTotp("acme", "ada");
    const auto bob = harness.EnrollTotp("acme", "bob");
    harness.SuspendMember("acme", "bob");
    harness.ActAs({v1::SCOPE_VERIFY, scope});
    const std::string code = ada.authenticator.CodeAt(harness.now());
    EXPECT_TRUE(harness.Verify("acme", "ada", code)->verified());
    EXPECT_EQ(harness.Verify("acme", "ada", code)->reason(),
              v1::VERIFICATION_REASON_REPLAYED);
    EXPECT_EQ(harness.Verify("acme", "eve", code)->reason(),
              v1::VERIFICATION_REASON_NO_ENROLLMENT);
    EXPECT_EQ(
        harness.Verify("acme", "bob", bob.authenticator.CodeAt(harness.now()))
            ->reason(),
        v1::VERIFICATION_REASON_NO_ENROLLMENT);
    v1::CreateChallengeRequest create;
    create.set_account_id("acme");
    create.set_member_id("eve");
    create.set_factor_type("totp");
    create.set_purpose("sign-in");
    EXPECT_EQ(
        ErrorReason(
            harness.Call(&ChallengeEngine::CreateChallenge, create).status()),
        "MEMBER_NOT_FOUND");
    create.set_member_id("bob");
    EXPECT_EQ(
        ErrorReason(
            harness.Call(&ChallengeEngine::CreateChallenge, create).status()),
        "MEMBER_NOT_ACTIVE");
  }
}

TEST(DecoyTest, TheAuditLogTellsTheTrueReason) {
  EngineHarness harness;
  harness.CreateMember("acme", "ada");
  harness.ActAs({v1::SCOPE_VERIFY});
  EXPECT_EQ(harness.Verify("acme", "eve", "123456")->reason(),
            v1::VERIFICATION_REASON_WRONG_CODE);
  const record::v1::AuditRecord event = harness.AuditEvents().back();
  EXPECT_EQ(event.member_id(), "eve");
  EXPECT_EQ(event.reason(), "VERIFICATION_REASON_NO_ENROLLMENT");
}

TEST(DecoyTest, WhatIsKeptOfGuessesAtNobodyExpires) {
  EngineHarness harness;
  harness.CreateMember("acme", "ada");
  const size_t before = harness.RawRecords().size();
  harness.ActAs({v1::SCOPE_VERIFY});
  for (int i = 0; i < 50; ++i) {
    (void)harness.Verify("acme", absl::StrCat("nobody", i), "123456");
  }
  const size_t events = 50;
  EXPECT_EQ(harness.RawRecords("u/").size(), 50u);
  EXPECT_EQ(harness.RawRecords().size(), before + events + 50);
  harness.clock().Advance(absl::Hours(366 * 24) - absl::Microseconds(1));
  EXPECT_EQ(*harness.store().RemoveExpired(1'000), 0u);
  harness.clock().Advance(absl::Microseconds(1));
  EXPECT_EQ(*harness.store().RemoveExpired(1'000), 50u);
  EXPECT_EQ(harness.RawRecords().size(), before + events);
}

TEST(DecoyTest, ManyGuessesAtOneUnknownMemberKeepOneRecord) {
  EngineHarness harness;
  harness.CreateMember("acme", "ada");
  harness.ActAs({v1::SCOPE_VERIFY});
  for (int i = 0; i < 120; ++i) {
    (void)harness.Verify("acme", "eve", "123456");
    harness.clock().Advance(absl::Minutes(61));
  }
  EXPECT_EQ(harness.RawRecords("m/").size(), 1u);
  EXPECT_EQ(harness.RawRecords("u/").size(), 1u);
}

}  // namespace
}  // namespace cofactor::services
