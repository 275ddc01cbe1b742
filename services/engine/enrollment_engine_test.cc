#include "services/engine/enrollment_engine.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/errors.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::util::MessageDifferencer;

class EnrollmentEngineTest : public testing::Test {
 protected:
  EnrollmentEngineTest() { harness_.CreateMember("acme", "ada"); }

  v1::BeginEnrollmentRequest BeginRequest() {
    v1::BeginEnrollmentRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_factor_type("totp");
    request.set_label("work phone");
    return request;
  }

  absl::StatusOr<v1::BeginEnrollmentResponse> Begin(
      const v1::BeginEnrollmentRequest& request) {
    return harness_.Call(&EnrollmentEngine::BeginEnrollment, request);
  }

  absl::StatusOr<v1::ConfirmEnrollmentResponse> Confirm(
      const v1::Enrollment& enrollment, const std::string& code) {
    v1::ConfirmEnrollmentRequest request;
    request.set_account_id(enrollment.account_id());
    request.set_member_id(enrollment.member_id());
    request.set_enrollment_id(enrollment.enrollment_id());
    request.mutable_response()->set_code(code);
    return harness_.Call(&EnrollmentEngine::ConfirmEnrollment, request);
  }

  EngineHarness harness_;
};

TEST_F(EnrollmentEngineTest, ActivatesByAFirstRightCode) {
  const auto begun = Begin(BeginRequest());
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_EQ(begun->enrollment().state(), v1::ENROLLMENT_STATE_PENDING);
  EXPECT_EQ(begun->enrollment().label(), "work phone");
  const auto app =
      TotpAuthenticator::FromActivation(begun->activation().totp());
  const auto wrong =
      Confirm(begun->enrollment(), WrongCode(app, harness_.now()));
  ASSERT_TRUE(wrong.ok());
  EXPECT_FALSE(wrong->verified());
  EXPECT_EQ(wrong->enrollment().consecutive_failures(), 1u);
  const auto right = Confirm(begun->enrollment(), app.CodeAt(harness_.now()));
  ASSERT_TRUE(right.ok());
  EXPECT_TRUE(right->verified());
  EXPECT_EQ(right->enrollment().state(), v1::ENROLLMENT_STATE_ACTIVE);
}

TEST_F(EnrollmentEngineTest, UsesTheFirstCodeUp) {
  const auto begun = Begin(BeginRequest());
  const auto app =
      TotpAuthenticator::FromActivation(begun->activation().totp());
  const std::string code = app.CodeAt(harness_.now());
  ASSERT_TRUE(Confirm(begun->enrollment(), code)->verified());
  EXPECT_EQ(harness_.Verify("acme", "ada", code)->reason(),
            v1::VERIFICATION_REASON_REPLAYED);
  EXPECT_EQ(ErrorReason(Confirm(begun->enrollment(), code).status()),
            "ENROLLMENT_NOT_PENDING");
}

TEST_F(EnrollmentEngineTest, ForgetsAPendingEnrollmentAfterTenMinutes) {
  const auto begun = Begin(BeginRequest());
  const auto app =
      TotpAuthenticator::FromActivation(begun->activation().totp());
  harness_.clock().Advance(absl::Minutes(10) - absl::Microseconds(1));
  EXPECT_FALSE(
      Confirm(begun->enrollment(), WrongCode(app, harness_.now()))->verified());
  harness_.clock().Advance(absl::Microseconds(1));
  EXPECT_EQ(
      ErrorReason(
          Confirm(begun->enrollment(), app.CodeAt(harness_.now())).status()),
      "ENROLLMENT_NOT_FOUND");
  v1::ListEnrollmentsRequest list;
  list.set_account_id("acme");
  EXPECT_EQ(harness_.Call(&EnrollmentEngine::ListEnrollments, list)
                ->enrollments_size(),
            0);
}

TEST_F(EnrollmentEngineTest, LocksThePendingEnrollmentToo) {
  const auto begun = Begin(BeginRequest());
  const auto app =
      TotpAuthenticator::FromActivation(begun->activation().totp());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(
        Confirm(begun->enrollment(), WrongCode(app, harness_.now())).ok());
  }
  EXPECT_EQ(
      ErrorReason(
          Confirm(begun->enrollment(), app.CodeAt(harness_.now())).status()),
      "LOCKED");
}

TEST_F(EnrollmentEngineTest, GivesTheSeedToARetryOnlyUntilItIsConfirmed) {
  v1::BeginEnrollmentRequest request = BeginRequest();
  request.set_request_id("r-1");
  const auto begun = Begin(request);
  const auto retried = Begin(request);
  ASSERT_TRUE(begun.ok() && retried.ok());
  EXPECT_TRUE(MessageDifferencer::Equals(*begun, *retried));
  const auto app =
      TotpAuthenticator::FromActivation(begun->activation().totp());
  ASSERT_TRUE(
      Confirm(begun->enrollment(), app.CodeAt(harness_.now()))->verified());
  const auto late = Begin(request);
  ASSERT_TRUE(late.ok());
  EXPECT_EQ(late->enrollment().enrollment_id(),
            begun->enrollment().enrollment_id());
  EXPECT_FALSE(late->has_activation());
}

TEST_F(EnrollmentEngineTest, ForgetsTheSeedOfADeletedPendingEnrollment) {
  v1::BeginEnrollmentRequest request = BeginRequest();
  request.set_request_id("r-1");
  const auto begun = Begin(request);
  v1::DeleteEnrollmentRequest remove;
  remove.set_account_id("acme");
  remove.set_member_id("ada");
  remove.set_enrollment_id(begun->enrollment().enrollment_id());
  ASSERT_TRUE(harness_.Call(&EnrollmentEngine::DeleteEnrollment, remove).ok());
  EXPECT_FALSE(Begin(request)->has_activation());
}

TEST_F(EnrollmentEngineTest, ChangesOnlyTheLabel) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  v1::UpdateEnrollmentRequest request;
  request.mutable_enrollment()->set_account_id("acme");
  request.mutable_enrollment()->set_member_id("ada");
  request.mutable_enrollment()->set_enrollment_id(ada.enrollment_id);
  request.mutable_enrollment()->set_label("new phone");
  EXPECT_EQ(harness_.Call(&EnrollmentEngine::UpdateEnrollment, request)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  request.mutable_update_mask()->add_paths("state");
  EXPECT_FALSE(
      harness_.Call(&EnrollmentEngine::UpdateEnrollment, request).ok());
  request.mutable_update_mask()->set_paths(0, "label");
  ASSERT_TRUE(harness_.Call(&EnrollmentEngine::UpdateEnrollment, request).ok());
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", ada.enrollment_id).label(),
            "new phone");
  EXPECT_TRUE(
      harness_.Verify("acme", "ada", ada.authenticator.CodeAt(harness_.now()))
          ->verified());
}

TEST_F(EnrollmentEngineTest, ListsAllInPagesOnceEach) {
  for (int i = 0; i < 25; ++i) {
    const std::string member_id = "m" + std::to_string(i);
    harness_.CreateMember("acme", member_id);
    // Some members have none, one has three.
    const int count = i % 3 == 0 ? 0 : i == 10 ? 3 : 1;
    for (int j = 0; j < count; ++j) harness_.EnrollTotp("acme", member_id);
  }
  v1::ListEnrollmentsRequest request;
  request.set_account_id("acme");
  request.set_page_size(4);
  std::vector<std::string> ids;
  do {
    const auto page =
        harness_.Call(&EnrollmentEngine::ListEnrollments, request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->enrollments_size(), 6);
    for (const auto& enrollment : page->enrollments()) {
      ids.push_back(enrollment.enrollment_id());
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(ids.size(), 18u);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

TEST_F(EnrollmentEngineTest, KeepsAMemberRecordFromGrowingWithoutEnd) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Begin(BeginRequest()).ok());
  EXPECT_EQ(ErrorReason(Begin(BeginRequest()).status()),
            "TOO_MANY_ENROLLMENTS");
  harness_.clock().Advance(absl::Minutes(10));
  EXPECT_TRUE(Begin(BeginRequest()).ok());
}

TEST_F(EnrollmentEngineTest, TellsItsFactors) {
  const auto factors =
      harness_.Call(&EnrollmentEngine::ListFactors, v1::ListFactorsRequest());
  ASSERT_TRUE(factors.ok());
  ASSERT_EQ(factors->factors_size(), 5);
  EXPECT_EQ(factors->factors(0).factor_type(), "password");
  EXPECT_EQ(factors->factors(0).kind(), v1::FACTOR_KIND_KNOWLEDGE);
  EXPECT_EQ(factors->factors(0).amr(0), "pwd");
  EXPECT_EQ(factors->factors(1).factor_type(), "push");
  EXPECT_TRUE(factors->factors(1).needs_challenge());
  EXPECT_EQ(factors->factors(2).factor_type(), "recovery_code");
  EXPECT_EQ(factors->factors(3).factor_type(), "sms");
  EXPECT_FALSE(factors->factors(3).identifies_member());
  EXPECT_EQ(factors->factors(4).factor_type(), "totp");
  EXPECT_EQ(factors->factors(4).kind(), v1::FACTOR_KIND_POSSESSION);
  EXPECT_TRUE(factors->factors(4).identifies_member());
}

TEST_F(EnrollmentEngineTest, SaysWhatIsMissing) {
  v1::BeginEnrollmentRequest request = BeginRequest();
  request.set_member_id("eve");
  EXPECT_EQ(ErrorReason(Begin(request).status()), "MEMBER_NOT_FOUND");
  request = BeginRequest();
  request.set_factor_type("horoscope");
  EXPECT_EQ(Begin(request).status().code(), absl::StatusCode::kInvalidArgument);
  request = BeginRequest();
  request.set_label(std::string(129, 'x'));
  EXPECT_EQ(Begin(request).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cofactor::services
