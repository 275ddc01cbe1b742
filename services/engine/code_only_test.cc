// Guessing without a member id, where one guess may hit anybody of the account.

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/verification_engine.h"
#include "tests/doubles/engine_harness.h"
#include "tests/doubles/retry_delay.h"

namespace cofactor::services {
namespace {

class CodeOnlyTest : public testing::Test {
 protected:
  // An account of so many members with one enrollment each, of codes with so
  // many digits.
  void Populate(int members, uint32_t digits = 6) {
    v1::TotpParameters parameters;
    parameters.set_digits(digits);
    for (int i = 0; i < members; ++i) {
      harness_.CreateMember("acme", MemberId(i));
      enrolled_.push_back(harness_.EnrollTotp("acme", MemberId(i), parameters));
    }
  }

  static std::string MemberId(int i) { return absl::StrCat("m", i); }

  std::string CodeOf(int i) {
    return enrolled_[i].authenticator.CodeAt(harness_.now());
  }

  // Six digits that nobody of the account shows.
  std::string Wrong() {
    for (int guess = 0;; ++guess) {
      const std::string code = absl::StrFormat("%06d", guess);
      bool right = false;
      for (const auto& one : enrolled_) {
        for (int step = -2; step <= 2; ++step) {
          right |= code == one.authenticator.CodeAt(harness_.now(), step);
        }
      }
      if (!right) return code;
    }
  }

  // Wrong codes, and a right one after every nine, so that nothing is locked.
  void Fail(int times) {
    for (int i = 0; i < times; ++i) {
      const auto wrong = harness_.Verify("acme", "", Wrong());
      ASSERT_TRUE(wrong.ok()) << i << wrong.status();
      EXPECT_FALSE(wrong->verified());
      if (i % 9 != 8 || i + 1 == times) continue;
      harness_.clock().Advance(absl::Seconds(30));
      const auto right = harness_.Verify("acme", "", CodeOf(0));
      ASSERT_TRUE(right.ok()) << i << right.status();
      EXPECT_TRUE(right->verified());
    }
    harness_.clock().Advance(absl::Seconds(30));
  }

  EngineHarness harness_;
  std::vector<EngineHarness::Enrolled> enrolled_;
};

TEST_F(CodeOnlyTest, AUsedUpBudgetRefusesRightCodesUntilItsWeekHasLeft) {
  Populate(60);
  // 0.5 % a year over 60 seeds of 6 digits in 3 steps are 27 failures.
  Fail(26);
  EXPECT_TRUE(harness_.Verify("acme", "", CodeOf(1))->verified());
  Fail(1);
  const absl::Status status = harness_.Verify("acme", "", CodeOf(2)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorReason(status), "BUDGET_EXHAUSTED");
  EXPECT_GE(RetryDelay(status), absl::Hours(365 * 24));
  EXPECT_LE(RetryDelay(status), absl::Hours(54 * 7 * 24));
  // Whoever says who he is passes as before.
  EXPECT_TRUE(harness_.Verify("acme", MemberId(2), CodeOf(2))->verified());

  harness_.clock().Advance(RetryDelay(status) - absl::Microseconds(1));
  EXPECT_EQ(ErrorReason(harness_.Verify("acme", "", CodeOf(3)).status()),
            "BUDGET_EXHAUSTED");
  harness_.clock().Advance(absl::Microseconds(1));
  EXPECT_TRUE(harness_.Verify("acme", "", CodeOf(3))->verified());
}

TEST_F(CodeOnlyTest, MoreSeedsLeaveFewerGuesses) {
  Populate(60);
  Fail(26);
  // With two more the account is allowed 26 where it was 27.
  harness_.CreateMember("acme", MemberId(60));
  enrolled_.push_back(harness_.EnrollTotp("acme", MemberId(60)));
  harness_.CreateMember("acme", MemberId(61));
  enrolled_.push_back(harness_.EnrollTotp("acme", MemberId(61)));
  EXPECT_EQ(ErrorReason(harness_.Verify("acme", "", CodeOf(1)).status()),
            "BUDGET_EXHAUSTED");
}

TEST_F(CodeOnlyTest, CodesOfNamedMembersCostTheAccountNothing) {
  Populate(60);
  Fail(26);
  for (int i = 1; i < 11; ++i) {
    EXPECT_TRUE(harness_.Verify("acme", MemberId(i), Wrong()).ok());
  }
  EXPECT_TRUE(harness_.Verify("acme", "", CodeOf(20))->verified());
}

TEST_F(CodeOnlyTest, ACodeOfASuspendedMemberIsAGuessThatCounts) {
  Populate(60);
  Fail(26);
  harness_.SuspendMember("acme", MemberId(5));
  EXPECT_FALSE(harness_.Verify("acme", "", CodeOf(5))->verified());
  EXPECT_EQ(ErrorReason(harness_.Verify("acme", "", CodeOf(6)).status()),
            "BUDGET_EXHAUSTED");
}

TEST_F(CodeOnlyTest, IsServedToSixtyNineSeedsOfSixDigitsAndNotToSeventy) {
  Populate(69);
  EXPECT_TRUE(harness_.Verify("acme", "", CodeOf(1))->verified());
  harness_.CreateMember("acme", MemberId(69));
  enrolled_.push_back(harness_.EnrollTotp("acme", MemberId(69)));
  const absl::Status status = harness_.Verify("acme", "", CodeOf(2)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(status), "CODE_ONLY_UNSAFE");
  // The remedies.
  EXPECT_TRUE(absl::StrContains(status.message(), "name the member"));
  EXPECT_TRUE(absl::StrContains(status.message(), "codes of 8 digits"));
  EXPECT_TRUE(harness_.Verify("acme", MemberId(2), CodeOf(2))->verified());
  // It is safe again as soon as one of them is gone.
  harness_.DeleteEnrollment("acme", MemberId(69), enrolled_[69].enrollment_id);
  EXPECT_EQ(harness_.Verify("acme", "", CodeOf(3))->member_id(), MemberId(3));
}

TEST_F(CodeOnlyTest, IsServedToSeventySeedsOfEightDigits) {
  Populate(70, 8);
  ASSERT_EQ(CodeOf(42).size(), 8u);
  const auto response = harness_.Verify("acme", "", CodeOf(42));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->verified());
  EXPECT_EQ(response->member_id(), MemberId(42));
}

TEST_F(CodeOnlyTest, IsServedToSeventyStrictSeedsOfSixDigits) {
  v1::TotpParameters strict;
  strict.set_strict_window(true);
  for (int i = 0; i < 70; ++i) {
    harness_.CreateMember("acme", MemberId(i));
    harness_.clock().Advance(absl::Seconds(30));
    v1::BeginEnrollmentRequest begin;
    begin.set_account_id("acme");
    begin.set_member_id(MemberId(i));
    begin.set_factor_type("totp");
    *begin.mutable_parameters()->mutable_totp() = strict;
    const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
    ASSERT_TRUE(begun.ok());
    enrolled_.push_back(
        {begun->enrollment().enrollment_id(),
         TotpAuthenticator::FromActivation(begun->activation().totp())});
    v1::ConfirmEnrollmentRequest confirm;
    confirm.set_account_id("acme");
    confirm.set_member_id(MemberId(i));
    confirm.set_enrollment_id(enrolled_[i].enrollment_id);
    confirm.mutable_response()->set_code(CodeOf(i));
    ASSERT_TRUE(harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm)
                    ->verified());
  }
  harness_.clock().Advance(absl::Seconds(30));
  EXPECT_EQ(harness_.Verify("acme", "", CodeOf(42))->member_id(), MemberId(42));
}

}  // namespace
}  // namespace cofactor::services
