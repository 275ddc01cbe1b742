#include "services/engine/support_engine.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/verification_engine.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

class SupportEngineTest : public testing::Test {
 protected:
  SupportEngineTest() {
    harness_.CreateMember("acme", "ada");
    harness_.CreateMember("acme", "bob");
    ada_ = harness_.EnrollTotp("acme", "ada");
  }

  std::string RightCode() { return ada_.authenticator.CodeAt(harness_.now()); }

  void Fail(int times, const std::string& member_id = "ada") {
    for (int i = 0; i < times; ++i) {
      const auto response = harness_.Verify(
          "acme", member_id, WrongCode(ada_.authenticator, harness_.now()));
      ASSERT_TRUE(response.ok()) << response.status();
      ASSERT_FALSE(response->verified());
    }
  }

  // A hundred failures, and a right code after every four, so that nothing is
  // locked.
  void UseUpBudget() {
    for (int round = 0; round < 25; ++round) {
      Fail(4);
      harness_.clock().Advance(absl::Seconds(30));
      if (round == 24) return;
      ASSERT_TRUE(harness_.Verify("acme", "ada", RightCode())->verified());
    }
  }

  void Disable() {
    for (int i = 0; i < 100; ++i) {
      Fail(1);
      harness_.clock().Advance(absl::Hours(1));
    }
  }

  v1::ExplainResponse Explain(const std::string& member_id = "ada") {
    v1::ExplainRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    const auto response = harness_.Call(&SupportEngine::Explain, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::ExplainResponse());
  }

  std::vector<v1::EnrollmentExplanation> Locks(int page_size = 0) {
    v1::ListLocksRequest request;
    request.set_account_id("acme");
    request.set_page_size(page_size);
    std::vector<v1::EnrollmentExplanation> locks;
    do {
      const auto page = harness_.Call(&SupportEngine::ListLocks, request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      locks.insert(locks.end(), page->locks().begin(), page->locks().end());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return locks;
  }

  absl::StatusOr<v1::UnlockEnrollmentResponse> Unlock(
      bool reset_budget = false) {
    v1::UnlockEnrollmentRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_enrollment_id(ada_.enrollment_id);
    request.set_reset_budget(reset_budget);
    return harness_.Call(&SupportEngine::UnlockEnrollment, request);
  }

  EngineHarness harness_;
  EngineHarness::Enrolled ada_;
};

TEST_F(SupportEngineTest, ExplainsThatAnEnrollmentCanPass) {
  Fail(2);
  const v1::ExplainResponse explained = Explain();
  EXPECT_EQ(explained.member_state(), v1::MEMBER_STATE_ACTIVE);
  ASSERT_EQ(explained.enrollments_size(), 1);
  const v1::EnrollmentExplanation& enrollment = explained.enrollments(0);
  EXPECT_TRUE(enrollment.can_pass());
  EXPECT_EQ(enrollment.why_not(), "");
  EXPECT_EQ(enrollment.enrollment().enrollment_id(), ada_.enrollment_id);
  EXPECT_EQ(enrollment.enrollment().consecutive_failures(), 2u);
  EXPECT_TRUE(enrollment.enrollment().attributes().empty());
  EXPECT_EQ(enrollment.budget().failures(), 2u);
  EXPECT_EQ(enrollment.budget().allowed(), 100u);
  EXPECT_FALSE(enrollment.budget().has_exhausted_until());
}

TEST_F(SupportEngineTest, ExplainsALockAndItsEnd) {
  Fail(5);
  const v1::EnrollmentExplanation locked = Explain().enrollments(0);
  EXPECT_FALSE(locked.can_pass());
  EXPECT_TRUE(absl::StrContains(locked.why_not(), "UnlockEnrollment"));
  EXPECT_EQ(locked.enrollment().state(), v1::ENROLLMENT_STATE_LOCKED);
  EXPECT_EQ(locked.enrollment().lock_expire_time().seconds(),
            absl::ToUnixSeconds(harness_.now()) + 30);
  harness_.clock().Advance(absl::Seconds(30));
  EXPECT_TRUE(Explain().enrollments(0).can_pass());
}

TEST_F(SupportEngineTest, ExplainsADisabledEnrollment) {
  Disable();
  const v1::EnrollmentExplanation disabled = Explain().enrollments(0);
  EXPECT_FALSE(disabled.can_pass());
  EXPECT_TRUE(absl::StrContains(disabled.why_not(), "bind a new one"));
  EXPECT_EQ(disabled.enrollment().state(), v1::ENROLLMENT_STATE_DISABLED);
}

TEST_F(SupportEngineTest, ExplainsAUsedUpBudgetAndItsEnd) {
  UseUpBudget();
  const v1::EnrollmentExplanation used_up = Explain().enrollments(0);
  EXPECT_FALSE(used_up.can_pass());
  EXPECT_TRUE(absl::StrContains(used_up.why_not(), "reset_budget"));
  EXPECT_EQ(used_up.budget().failures(), 100u);
  const absl::Time until =
      absl::FromUnixSeconds(used_up.budget().exhausted_until().seconds());
  harness_.clock().Set(until - absl::Microseconds(1));
  EXPECT_FALSE(Explain().enrollments(0).can_pass());
  EXPECT_FALSE(harness_.Verify("acme", "ada", RightCode()).ok());
  harness_.clock().Set(until);
  EXPECT_TRUE(Explain().enrollments(0).can_pass());
  EXPECT_TRUE(harness_.Verify("acme", "ada", RightCode())->verified());
}

TEST_F(SupportEngineTest, ExplainsAPendingEnrollment) {
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id("bob");
  begin.set_factor_type("totp");
  ASSERT_TRUE(harness_.Call(&EnrollmentEngine::BeginEnrollment, begin).ok());
  const v1::EnrollmentExplanation pending = Explain("bob").enrollments(0);
  EXPECT_FALSE(pending.can_pass());
  EXPECT_TRUE(absl::StrContains(pending.why_not(), "ConfirmEnrollment"));
  harness_.clock().Advance(absl::Minutes(10));
  EXPECT_EQ(Explain("bob").enrollments_size(), 0);
}

TEST_F(SupportEngineTest, ExplainsASuspendedMember) {
  harness_.SuspendMember("acme", "ada");
  const v1::ExplainResponse explained = Explain();
  EXPECT_EQ(explained.member_state(), v1::MEMBER_STATE_SUSPENDED);
  EXPECT_FALSE(explained.enrollments(0).can_pass());
  EXPECT_TRUE(
      absl::StrContains(explained.enrollments(0).why_not(), "UpdateMember"));
}

TEST_F(SupportEngineTest, SaysThatThereIsNoSuchMember) {
  v1::ExplainRequest request;
  request.set_account_id("acme");
  request.set_member_id("eve");
  EXPECT_EQ(
      ErrorReason(harness_.Call(&SupportEngine::Explain, request).status()),
      "MEMBER_NOT_FOUND");
}

TEST_F(SupportEngineTest, ExplainsCodesWithoutAMemberId) {
  for (int i = 0; i < 3; ++i) {
    (void)harness_.Verify("acme", "",
                          WrongCode(ada_.authenticator, harness_.now()));
  }
  v1::ExplainResponse explained = Explain();
  ASSERT_EQ(explained.code_only_size(), 1);
  EXPECT_EQ(explained.code_only(0).factor_type(), "totp");
  EXPECT_TRUE(explained.code_only(0).can_pass());
  EXPECT_EQ(explained.code_only(0).budget().failures(), 3u);
  EXPECT_EQ(explained.code_only(0).budget().allowed(), 1'666u);
  EXPECT_FALSE(explained.code_only(0).has_lock_expire_time());
  for (int i = 3; i < 10; ++i) {
    (void)harness_.Verify("acme", "",
                          WrongCode(ada_.authenticator, harness_.now()));
  }
  explained = Explain();
  EXPECT_FALSE(explained.code_only(0).can_pass());
  EXPECT_NE(explained.code_only(0).why_not(), "");
  EXPECT_EQ(explained.code_only(0).lock_expire_time().seconds(),
            absl::ToUnixSeconds(harness_.now()) + 30);
  // They cost the named enrollment nothing.
  EXPECT_TRUE(explained.enrollments(0).can_pass());
  EXPECT_EQ(explained.enrollments(0).budget().failures(), 0u);
}

TEST_F(SupportEngineTest, ExplainsThatTooManySeedsMakeCodesAloneUnsafe) {
  for (int i = 0; i < 69; ++i) {
    harness_.CreateMember("acme", absl::StrCat("m", i));
    harness_.EnrollTotp("acme", absl::StrCat("m", i));
  }
  const v1::CodeOnlyExplanation code_only = Explain().code_only(0);
  EXPECT_FALSE(code_only.can_pass());
  EXPECT_TRUE(absl::StrContains(code_only.why_not(), "codes of 8 digits"));
  EXPECT_EQ(code_only.budget().allowed(), 23u);
}

TEST_F(SupportEngineTest, ListsLockedDisabledAndUsedUpEnrollmentsAlone) {
  EXPECT_TRUE(Locks().empty());
  Fail(4);
  EXPECT_TRUE(Locks().empty());
  Fail(1);
  ASSERT_EQ(Locks().size(), 1u);
  EXPECT_EQ(Locks()[0].enrollment().state(), v1::ENROLLMENT_STATE_LOCKED);
  EXPECT_EQ(Locks()[0].enrollment().member_id(), "ada");
  harness_.clock().Advance(absl::Seconds(30));
  EXPECT_TRUE(Locks().empty());
  ASSERT_TRUE(harness_.Verify("acme", "ada", RightCode())->verified());
  harness_.clock().Advance(absl::Hours(24 * 40));
  UseUpBudget();
  ASSERT_EQ(Locks().size(), 1u);
  EXPECT_EQ(Locks()[0].enrollment().state(), v1::ENROLLMENT_STATE_ACTIVE);
  EXPECT_TRUE(Locks()[0].budget().has_exhausted_until());
  harness_.clock().Advance(absl::Hours(24 * 40));
  Disable();
  ASSERT_EQ(Locks().size(), 1u);
  EXPECT_EQ(Locks()[0].enrollment().state(), v1::ENROLLMENT_STATE_DISABLED);
}

TEST_F(SupportEngineTest, ListsNoSuspendedMemberAndNothingThatIsPending) {
  harness_.SuspendMember("acme", "ada");
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id("bob");
  begin.set_factor_type("totp");
  ASSERT_TRUE(harness_.Call(&EnrollmentEngine::BeginEnrollment, begin).ok());
  EXPECT_TRUE(Locks().empty());
}

TEST_F(SupportEngineTest, ListsLocksInPagesOfMembers) {
  std::string expected;
  for (int i = 0; i < 9; ++i) {
    const std::string member_id = absl::StrCat("m", i);
    harness_.CreateMember("acme", member_id);
    const auto enrolled = harness_.EnrollTotp("acme", member_id);
    if (i % 3 != 0) continue;
    for (int j = 0; j < 5; ++j) {
      (void)harness_.Verify("acme", member_id,
                            WrongCode(enrolled.authenticator, harness_.now()));
    }
    expected += member_id + " ";
  }
  for (const int page_size : {1, 2, 5, 0}) {
    std::string listed;
    for (const auto& lock : Locks(page_size)) {
      listed += lock.enrollment().member_id() + " ";
    }
    EXPECT_EQ(listed, expected) << page_size;
  }
  v1::ListLocksRequest request;
  request.set_account_id("nowhere");
  EXPECT_EQ(
      ErrorReason(harness_.Call(&SupportEngine::ListLocks, request).status()),
      "ACCOUNT_NOT_FOUND");
}

TEST_F(SupportEngineTest, UnlockingEndsALockAndForgetsFailuresInARow) {
  Fail(5);
  ASSERT_FALSE(harness_.Verify("acme", "ada", RightCode()).ok());
  const auto unlocked = Unlock();
  ASSERT_TRUE(unlocked.ok()) << unlocked.status();
  EXPECT_EQ(unlocked->enrollment().state(), v1::ENROLLMENT_STATE_ACTIVE);
  EXPECT_EQ(unlocked->enrollment().consecutive_failures(), 0u);
  Fail(4);
  EXPECT_TRUE(harness_.Verify("acme", "ada", RightCode())->verified());
}

TEST_F(SupportEngineTest, UnlockingKeepsTheBudgetUnlessItIsResetToo) {
  UseUpBudget();
  ASSERT_TRUE(Unlock().ok());
  EXPECT_EQ(ErrorReason(harness_.Verify("acme", "ada", RightCode()).status()),
            "BUDGET_EXHAUSTED");
  EXPECT_EQ(Explain().enrollments(0).budget().failures(), 100u);
  ASSERT_TRUE(Unlock(/*reset_budget=*/true).ok());
  EXPECT_EQ(Explain().enrollments(0).budget().failures(), 0u);
  EXPECT_TRUE(harness_.Verify("acme", "ada", RightCode())->verified());
}

TEST_F(SupportEngineTest, UnlockingLetsNoUsedCodePass) {
  const std::string code = RightCode();
  ASSERT_TRUE(harness_.Verify("acme", "ada", code)->verified());
  Fail(5);
  ASSERT_TRUE(Unlock(/*reset_budget=*/true).ok());
  EXPECT_EQ(harness_.Verify("acme", "ada", code)->reason(),
            v1::VERIFICATION_REASON_REPLAYED);
}

TEST_F(SupportEngineTest, ADisabledEnrollmentStaysSo) {
  Disable();
  for (const bool reset_budget : {false, true}) {
    const absl::Status status = Unlock(reset_budget).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ErrorReason(status), "ENROLLMENT_DISABLED");
  }
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", ada_.enrollment_id).state(),
            v1::ENROLLMENT_STATE_DISABLED);
  EXPECT_EQ(Explain().enrollments(0).budget().failures(), 100u);
}

TEST_F(SupportEngineTest, SaysWhatIsMissingToUnlock) {
  v1::UnlockEnrollmentRequest request;
  request.set_account_id("acme");
  request.set_member_id("bob");
  request.set_enrollment_id(ada_.enrollment_id);
  EXPECT_EQ(
      ErrorReason(
          harness_.Call(&SupportEngine::UnlockEnrollment, request).status()),
      "ENROLLMENT_NOT_FOUND");
  request.set_member_id("eve");
  EXPECT_EQ(
      ErrorReason(
          harness_.Call(&SupportEngine::UnlockEnrollment, request).status()),
      "MEMBER_NOT_FOUND");
  request.clear_enrollment_id();
  EXPECT_EQ(
      ErrorReason(
          harness_.Call(&SupportEngine::UnlockEnrollment, request).status()),
      "INVALID_FIELD");
}

}  // namespace
}  // namespace cofactor::services
