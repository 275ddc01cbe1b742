#include "services/engine/verification_engine.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "gtest/gtest.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

class VerificationEngineTest : public testing::Test {
 protected:
  VerificationEngineTest() {
    harness_.CreateMember("acme", "ada");
    harness_.CreateMember("acme", "bob");
  }

  v1::VerifyResponse Verify(const std::string& member_id,
                            const std::string& code) {
    const auto response = harness_.Verify("acme", member_id, code);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::VerifyResponse());
  }

  void FailTimes(int times, const std::string& member_id,
                 const std::string& code) {
    for (int i = 0; i < times; ++i) {
      EXPECT_FALSE(Verify(member_id, code).verified());
    }
  }

  absl::Status Suspend(const std::string& member_id) {
    v1::UpdateMemberRequest request;
    request.mutable_member()->set_account_id("acme");
    request.mutable_member()->set_member_id(member_id);
    request.mutable_member()->set_state(v1::MEMBER_STATE_SUSPENDED);
    request.mutable_update_mask()->add_paths("state");
    return harness_.Call(&AccountEngine::UpdateMember, request).status();
  }

  EngineHarness harness_;
};

TEST_F(VerificationEngineTest, AcceptsARightCodeOfTheNamedMember) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const auto response = Verify("ada", ada.authenticator.CodeAt(harness_.now()));
  EXPECT_TRUE(response.verified());
  EXPECT_EQ(response.account_id(), "acme");
  EXPECT_EQ(response.member_id(), "ada");
  EXPECT_EQ(response.enrollment().enrollment_id(), ada.enrollment_id);
}

TEST_F(VerificationEngineTest, RefusesACodeTheSecondTime) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const std::string code = ada.authenticator.CodeAt(harness_.now());
  EXPECT_TRUE(Verify("ada", code).verified());
  const auto again = Verify("ada", code);
  EXPECT_FALSE(again.verified());
  EXPECT_EQ(again.reason(), v1::VERIFICATION_REASON_REPLAYED);
  EXPECT_EQ(Verify("", code).reason(), v1::VERIFICATION_REASON_REPLAYED);
}

TEST_F(VerificationEngineTest, RefusesAnOlderCodeThanTheLastOne) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  EXPECT_TRUE(
      Verify("ada", ada.authenticator.CodeAt(harness_.now(), 1)).verified());
  EXPECT_EQ(Verify("ada", ada.authenticator.CodeAt(harness_.now())).reason(),
            v1::VERIFICATION_REASON_REPLAYED);
}

TEST_F(VerificationEngineTest, LetsNoUsedCodePassWhenTheClockIsSetBack) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const absl::Time before = harness_.now();
  const std::string code = ada.authenticator.CodeAt(before);
  harness_.clock().Advance(absl::Minutes(10));
  EXPECT_TRUE(
      Verify("ada", ada.authenticator.CodeAt(harness_.now())).verified());
  harness_.clock().Set(before);
  EXPECT_EQ(Verify("ada", code).reason(), v1::VERIFICATION_REASON_REPLAYED);
}

TEST_F(VerificationEngineTest, TellsWhoTypedACode) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const auto bob = harness_.EnrollTotp("acme", "bob");
  const auto response = Verify("", bob.authenticator.CodeAt(harness_.now()));
  EXPECT_TRUE(response.verified());
  EXPECT_EQ(response.member_id(), "bob");
  EXPECT_EQ(response.enrollment().enrollment_id(), bob.enrollment_id);
  EXPECT_EQ(Verify("", ada.authenticator.CodeAt(harness_.now())).member_id(),
            "ada");
}

TEST_F(VerificationEngineTest, LetsNobodyInWhenTwoMembersShowTheSameCode) {
  const std::string shared(20, 's');
  const auto ada = harness_.EnrollTotp("acme", "ada", shared);
  const auto bob = harness_.EnrollTotp("acme", "bob", shared);
  const std::string code = ada.authenticator.CodeAt(harness_.now());
  const auto response = Verify("", code);
  EXPECT_FALSE(response.verified());
  EXPECT_EQ(response.reason(), v1::VERIFICATION_REASON_AMBIGUOUS);
  EXPECT_TRUE(response.member_id().empty());
  // With the member id it is clear, and one member's use is not the other's.
  EXPECT_TRUE(Verify("ada", code).verified());
  EXPECT_EQ(Verify("", code).reason(), v1::VERIFICATION_REASON_AMBIGUOUS);
  EXPECT_TRUE(Verify("bob", code).verified());
}

TEST_F(VerificationEngineTest, StaysAmbiguousWhileOneOfTheTwoIsSuspended) {
  const std::string shared(20, 's');
  const auto ada = harness_.EnrollTotp("acme", "ada", shared);
  harness_.EnrollTotp("acme", "bob", shared);
  ASSERT_TRUE(Suspend("bob").ok());
  EXPECT_EQ(Verify("", ada.authenticator.CodeAt(harness_.now())).reason(),
            v1::VERIFICATION_REASON_AMBIGUOUS);
}

TEST_F(VerificationEngineTest, UsesACodeUpInAllEnrollmentsThatShareItsSeed) {
  const std::string shared(20, 's');
  const auto first = harness_.EnrollTotp("acme", "ada", shared);
  harness_.clock().Advance(absl::Minutes(1));
  const auto second = harness_.EnrollTotp("acme", "ada", shared);
  v1::VerifyRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_enrollment_id(first.enrollment_id);
  request.set_code(first.authenticator.CodeAt(harness_.now()));
  EXPECT_TRUE(harness_.Call(&VerificationEngine::Verify, request)->verified());
  request.set_enrollment_id(second.enrollment_id);
  EXPECT_EQ(harness_.Call(&VerificationEngine::Verify, request)->reason(),
            v1::VERIFICATION_REASON_REPLAYED);
}

TEST_F(VerificationEngineTest, LocksAfterFiveWrongCodesAndDoublesTheLock) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  absl::Duration expected = absl::Seconds(30);
  for (int round = 0; round < 4; ++round) {
    FailTimes(5, "ada", WrongCode(ada.authenticator, harness_.now()));
    // The right code is refused as well, and nothing is counted.
    const auto locked = harness_.Verify(
        "acme", "ada", ada.authenticator.CodeAt(harness_.now()));
    EXPECT_EQ(locked.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ErrorReason(locked.status()), "LOCKED");
    harness_.clock().Advance(expected - absl::Microseconds(1));
    EXPECT_FALSE(
        harness_.Verify("acme", "ada", ada.authenticator.CodeAt(harness_.now()))
            .ok());
    harness_.clock().Advance(absl::Microseconds(1));
    expected *= 2;
  }
  EXPECT_TRUE(
      Verify("ada", ada.authenticator.CodeAt(harness_.now())).verified());
  // A success starts the count anew.
  FailTimes(4, "ada", WrongCode(ada.authenticator, harness_.now()));
  harness_.clock().Advance(absl::Minutes(1));
  EXPECT_TRUE(
      Verify("ada", ada.authenticator.CodeAt(harness_.now())).verified());
}

TEST_F(VerificationEngineTest, DisablesAfterAHundredWrongCodesInARow) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  for (int round = 0; round < 20; ++round) {
    FailTimes(5, "ada", WrongCode(ada.authenticator, harness_.now()));
    harness_.clock().Advance(absl::Hours(1));
  }
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", ada.enrollment_id).state(),
            v1::ENROLLMENT_STATE_DISABLED);
  const auto response = Verify("ada", ada.authenticator.CodeAt(harness_.now()));
  EXPECT_FALSE(response.verified());
  EXPECT_EQ(response.reason(), v1::VERIFICATION_REASON_NO_ENROLLMENT);
  EXPECT_FALSE(Verify("", ada.authenticator.CodeAt(harness_.now())).verified());
  // Only a new enrollment helps.
  const auto bound_anew = harness_.EnrollTotp("acme", "ada");
  EXPECT_TRUE(Verify("ada", bound_anew.authenticator.CodeAt(harness_.now()))
                  .verified());
}

TEST_F(VerificationEngineTest, GivesNoMoreGuessesForMoreEnrollments) {
  std::vector<EngineHarness::Enrolled> enrolled;
  for (int i = 0; i < 5; ++i) {
    enrolled.push_back(harness_.EnrollTotp("acme", "ada"));
  }
  // Each guess names another enrollment.
  for (int i = 0; i < 5; ++i) {
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_enrollment_id(enrolled[i].enrollment_id);
    request.set_code("000000");
    const auto response = harness_.Call(&VerificationEngine::Verify, request);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_FALSE(response->verified());
  }
  for (const auto& one : enrolled) {
    EXPECT_EQ(harness_.GetEnrollment("acme", "ada", one.enrollment_id).state(),
              v1::ENROLLMENT_STATE_LOCKED);
    EXPECT_FALSE(
        harness_.Verify("acme", "ada", one.authenticator.CodeAt(harness_.now()))
            .ok());
  }
}

TEST_F(VerificationEngineTest, CountsACodeOfAnotherEnrollmentThanTheNamedOne) {
  const auto first = harness_.EnrollTotp("acme", "ada");
  const auto second = harness_.EnrollTotp("acme", "ada");
  v1::VerifyRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_enrollment_id(first.enrollment_id);
  request.set_code(second.authenticator.CodeAt(harness_.now()));
  const auto response = harness_.Call(&VerificationEngine::Verify, request);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->reason(), v1::VERIFICATION_REASON_WRONG_CODE);
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", first.enrollment_id)
                .consecutive_failures(),
            1u);
}

TEST_F(VerificationEngineTest, CountsARightCodeForAnEnrollmentThatThereIsNot) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const std::string code = ada.authenticator.CodeAt(harness_.now());
  v1::VerifyRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_enrollment_id("0123456789abcdef0123456789abcdef");
  request.set_code(code);
  const auto response = harness_.Call(&VerificationEngine::Verify, request);
  ASSERT_TRUE(response.ok());
  EXPECT_FALSE(response->verified());
  EXPECT_EQ(response->reason(), v1::VERIFICATION_REASON_NO_ENROLLMENT);
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", ada.enrollment_id)
                .consecutive_failures(),
            1u);
  EXPECT_TRUE(Verify("ada", code).verified());
}

TEST_F(VerificationEngineTest, LocksCodeOnlyAfterTenAndKeepsNamedGoing) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const auto bob = harness_.EnrollTotp("acme", "bob");
  FailTimes(10, "", WrongCode(ada.authenticator, harness_.now()));
  const auto locked =
      harness_.Verify("acme", "", bob.authenticator.CodeAt(harness_.now()));
  EXPECT_EQ(ErrorReason(locked.status()), "LOCKED");
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", ada.enrollment_id)
                .consecutive_failures(),
            0u);
  EXPECT_TRUE(
      Verify("ada", ada.authenticator.CodeAt(harness_.now())).verified());
  harness_.clock().Advance(absl::Seconds(30));
  EXPECT_EQ(Verify("", bob.authenticator.CodeAt(harness_.now())).member_id(),
            "bob");
}

TEST_F(VerificationEngineTest, SaysNothingOfALockToACodeWithoutMember) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  FailTimes(5, "ada", WrongCode(ada.authenticator, harness_.now()));
  const auto response = Verify("", ada.authenticator.CodeAt(harness_.now()));
  EXPECT_FALSE(response.verified());
  EXPECT_EQ(response.reason(), v1::VERIFICATION_REASON_WRONG_CODE);
}

TEST_F(VerificationEngineTest, FollowsEveryChangeOfTheRoster) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  EXPECT_FALSE(
      Verify("", WrongCode(ada.authenticator, harness_.now())).verified());
  // Enrolled after the account's codes were looked at in this time step.
  const auto bob = harness_.EnrollTotp("acme", "bob");
  const std::string bobs = bob.authenticator.CodeAt(harness_.now());
  v1::DeleteEnrollmentRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_enrollment_id(ada.enrollment_id);
  ASSERT_TRUE(harness_.Call(&EnrollmentEngine::DeleteEnrollment, request).ok());
  EXPECT_FALSE(Verify("", ada.authenticator.CodeAt(harness_.now())).verified());
  EXPECT_EQ(Verify("", bobs).member_id(), "bob");
  v1::DeleteMemberRequest leave;
  leave.set_account_id("acme");
  leave.set_member_id("bob");
  ASSERT_TRUE(harness_.Call(&AccountEngine::DeleteMember, leave).ok());
  EXPECT_FALSE(
      Verify("", bob.authenticator.CodeAt(harness_.now(), 1)).verified());
}

TEST_F(VerificationEngineTest, FollowsTheTimeSteps) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Verify("", ada.authenticator.CodeAt(harness_.now())).member_id(),
              "ada");
    harness_.clock().Advance(absl::Seconds(30));
  }
}

TEST_F(VerificationEngineTest, RefusesSuspendedExpiredAndUnknownMembersAlike) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const std::string code = ada.authenticator.CodeAt(harness_.now());
  ASSERT_TRUE(Suspend("ada").ok());
  EXPECT_EQ(Verify("ada", code).reason(),
            v1::VERIFICATION_REASON_NO_ENROLLMENT);
  EXPECT_EQ(Verify("eve", code).reason(),
            v1::VERIFICATION_REASON_NO_ENROLLMENT);
  EXPECT_FALSE(Verify("", code).verified());

  const auto bob = harness_.EnrollTotp("acme", "bob");
  v1::UpdateMemberRequest request;
  request.mutable_member()->set_account_id("acme");
  request.mutable_member()->set_member_id("bob");
  request.mutable_member()->mutable_valid_until()->set_seconds(
      absl::ToUnixSeconds(harness_.now()) + 60);
  request.mutable_update_mask()->add_paths("valid_until");
  ASSERT_TRUE(harness_.Call(&AccountEngine::UpdateMember, request).ok());
  EXPECT_TRUE(
      Verify("bob", bob.authenticator.CodeAt(harness_.now())).verified());
  harness_.clock().Advance(absl::Seconds(60));
  EXPECT_EQ(Verify("bob", bob.authenticator.CodeAt(harness_.now())).reason(),
            v1::VERIFICATION_REASON_NO_ENROLLMENT);
}

TEST_F(VerificationEngineTest, RefusesAPendingEnrollment) {
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id("ada");
  begin.set_factor_type("totp");
  const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
  ASSERT_TRUE(begun.ok());
  const auto authenticator =
      TotpAuthenticator::FromActivation(begun->activation().totp());
  EXPECT_FALSE(Verify("ada", authenticator.CodeAt(harness_.now())).verified());
  EXPECT_FALSE(Verify("", authenticator.CodeAt(harness_.now())).verified());
}

TEST_F(VerificationEngineTest, LetsNoOtherSpellingOfACodePass) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const std::string code = ada.authenticator.CodeAt(harness_.now());
  const std::vector<std::string> spellings = {
      " " + code,
      code + " ",
      code.substr(0, 3) + " " + code.substr(3),
      "+" + code,
      "-" + code,
      code.substr(1),
      "0" + code,
      code + "0",
      std::string(code) + std::string(1, '\0'),
      "",
      code + "\n",
      std::string(100'000, '1'),
      "\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x93\xEF\xBC\x94\xEF\xBC\x95\xEF\xBC"
      "\x96"};
  for (const std::string& member_id : {std::string("ada"), std::string()}) {
    for (const std::string& spelling : spellings) {
      const auto response = harness_.Verify("acme", member_id, spelling);
      EXPECT_FALSE(response.ok() && response->verified()) << spelling;
    }
  }
}

TEST_F(VerificationEngineTest, CountsOneOfSixtyFourAtOnce) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const std::string code = ada.authenticator.CodeAt(harness_.now());
  for (const std::string& member_id : {std::string("ada"), std::string()}) {
    std::atomic<int> verified{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 64; ++i) {
      threads.emplace_back([&] {
        const auto response = harness_.Verify("acme", member_id, code);
        if (response.ok() && response->verified()) ++verified;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(verified, member_id.empty() ? 0 : 1);
  }
}

TEST_F(VerificationEngineTest, EvaluatesNoMoreThanFiveOfManyGuessesAtOnce) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const std::string wrong = WrongCode(ada.authenticator, harness_.now());
  std::atomic<int> judged{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) {
        if (harness_.Verify("acme", "ada", wrong).ok()) ++judged;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(judged, 5);
  EXPECT_FALSE(
      harness_.Verify("acme", "ada", ada.authenticator.CodeAt(harness_.now()))
          .ok());
}

TEST_F(VerificationEngineTest, LetsTwentyMembersInAtOnce) {
  std::vector<EngineHarness::Enrolled> enrolled;
  for (int i = 0; i < 20; ++i) {
    const std::string member_id = "m" + std::to_string(i);
    harness_.CreateMember("acme", member_id);
    enrolled.push_back(harness_.EnrollTotp("acme", member_id));
  }
  std::atomic<int> verified{0};
  std::vector<std::thread> threads;
  for (const auto& one : enrolled) {
    threads.emplace_back([&] {
      const auto response =
          harness_.Verify("acme", "", one.authenticator.CodeAt(harness_.now()));
      if (response.ok() && response->verified()) ++verified;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 20);
}

TEST_F(VerificationEngineTest, NamesTheFieldOfBadInput) {
  v1::VerifyRequest request;
  request.set_code("123456");
  const auto field_of = [&] {
    const absl::Status status =
        harness_.Call(&VerificationEngine::Verify, request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message().substr(0, status.message().find(':')));
  };
  EXPECT_EQ(field_of(), "account_id");
  request.set_account_id("a/b");
  EXPECT_EQ(field_of(), "account_id");
  request.set_account_id("acme");
  request.set_factor_type("telepathy");
  EXPECT_EQ(field_of(), "factor_type");
  request.clear_factor_type();
  request.set_enrollment_id("0123");
  EXPECT_EQ(field_of(), "enrollment_id");
  request.clear_enrollment_id();
  request.set_code("12 456");
  EXPECT_EQ(field_of(), "code");
}

}  // namespace
}  // namespace cofactor::services
