// The way of a text message through the engine: planned, reserved, sent once it
// is on disk, sent once more, answered, reported.

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/delivery_engine.h"
#include "services/engine/enrollment_engine.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kNumber[] = "+4915112345678";

class SmsTest : public testing::Test {
 protected:
  SmsTest() { harness_.CreateMember("acme", "ada"); }

  absl::StatusOr<v1::BeginEnrollmentResponse> Begin(
      const std::string& number = kNumber, const std::string& request_id = "") {
    v1::BeginEnrollmentRequest request;
    request.set_request_id(request_id);
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_factor_type("sms");
    request.mutable_parameters()->mutable_sms()->set_phone_number(number);
    return harness_.Call(&EnrollmentEngine::BeginEnrollment, request);
  }

  absl::StatusOr<v1::ConfirmEnrollmentResponse> Confirm(
      const std::string& enrollment_id, const std::string& code) {
    v1::ConfirmEnrollmentRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_enrollment_id(enrollment_id);
    request.mutable_response()->set_code(code);
    return harness_.Call(&EnrollmentEngine::ConfirmEnrollment, request);
  }

  // The code of the one message that was sent since the last call.
  std::string TakeCode() {
    std::vector<PlannedMessage> messages = harness_.TakeMessages();
    EXPECT_EQ(messages.size(), 1u);
    if (messages.size() != 1) return "";
    EXPECT_EQ(messages[0].message.channel, "sms");
    EXPECT_EQ(messages[0].message.address, kNumber);
    message_id_ = messages[0].message_id;
    return std::string(messages[0].message.code.ExposeSecret());
  }

  // An active enrollment of ada.
  std::string Enroll() {
    const auto begun = Begin();
    EXPECT_TRUE(begun.ok()) << begun.status();
    const std::string id = begun->enrollment().enrollment_id();
    const auto confirmed = Confirm(id, TakeCode());
    EXPECT_TRUE(confirmed.ok() && confirmed->verified());
    return id;
  }

  absl::StatusOr<v1::CreateChallengeResponse> Create(
      const std::string& member_id = "ada") {
    v1::CreateChallengeRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_factor_type("sms");
    request.set_purpose("sign-in");
    return harness_.Call(&ChallengeEngine::CreateChallenge, request);
  }

  absl::StatusOr<v1::ResendChallengeResponse> Resend(
      const std::string& challenge_id) {
    v1::ResendChallengeRequest request;
    request.set_challenge_id(challenge_id);
    return harness_.Call(&ChallengeEngine::ResendChallenge, request);
  }

  absl::StatusOr<v1::VerifyChallengeResponse> Answer(
      const std::string& challenge_id, const std::string& code,
      const std::string& member_id = "ada") {
    v1::VerifyChallengeRequest request;
    request.set_challenge_id(challenge_id);
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_purpose("sign-in");
    request.mutable_response()->set_code(code);
    return harness_.Call(&ChallengeEngine::VerifyChallenge, request);
  }

  v1::Challenge Get(const std::string& challenge_id) {
    v1::GetChallengeRequest request;
    request.set_challenge_id(challenge_id);
    const auto response =
        harness_.Call(&ChallengeEngine::GetChallenge, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->challenge();
  }

  absl::Status Report(v1::DeliveryState state, const std::string& reason = "") {
    record::v1::DeliveryReport report;
    report.set_message_id(message_id_);
    report.set_state(state);
    report.set_reason(reason);
    report.set_gateway("kannel");
    return harness_.Call(&DeliveryEngine::RecordDelivery, report).status();
  }

  // Another code than this one.
  static std::string Wrong(std::string code) {
    code[0] = code[0] == '9' ? '0' : static_cast<char>(code[0] + 1);
    return code;
  }

  EngineHarness harness_;
  std::string message_id_;
};

TEST_F(SmsTest, EnrolsByACodeAndSignsInByAnother) {
  const std::string enrollment_id = Enroll();
  const auto created = Create();
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->challenge().enrollment_id(), enrollment_id);
  EXPECT_EQ(created->challenge().delivery().state(), v1::DELIVERY_STATE_QUEUED);
  const std::string code = TakeCode();
  const std::string id = created->challenge().challenge_id();
  EXPECT_FALSE(Answer(id, Wrong(code))->verified());
  EXPECT_TRUE(Answer(id, code)->verified());
  EXPECT_EQ(ErrorReason(Answer(id, code).status()), "CHALLENGE_FINAL");
}

TEST_F(SmsTest, ShowsTheNumberMaskedAndKeepsNoCode) {
  const auto begun = Begin();
  ASSERT_TRUE(begun.ok());
  const std::string code = TakeCode();
  const std::string shown = begun->enrollment().ShortDebugString();
  EXPECT_THAT(shown, Not(HasSubstr("12345678")));
  EXPECT_THAT(shown, HasSubstr("78"));
  const std::string id = begun->enrollment().enrollment_id();
  ASSERT_TRUE(Confirm(id, code)->verified());
  ASSERT_TRUE(Create().ok());
  const std::string challenge_code = TakeCode();
  for (const storage::Entry& entry : harness_.RawRecords()) {
    EXPECT_THAT(entry.record.value, Not(HasSubstr(code)));
    EXPECT_THAT(entry.record.value, Not(HasSubstr(challenge_code)));
    EXPECT_THAT(entry.key, Not(HasSubstr("12345678")));
  }
}

// Requirement 9.
TEST_F(SmsTest, AResentCodeKillsTheOldOneAndForgivesNothing) {
  Enroll();
  const auto created = Create();
  const std::string id = created->challenge().challenge_id();
  const std::string first = TakeCode();
  EXPECT_FALSE(Answer(id, Wrong(first))->verified());
  EXPECT_EQ(Get(id).attempts_left(), 4u);
  harness_.clock().Advance(absl::Seconds(30));
  ASSERT_TRUE(Resend(id).ok());
  const std::string second = TakeCode();
  EXPECT_EQ(Get(id).attempts_left(), 4u);
  if (first != second) {
    EXPECT_FALSE(Answer(id, first)->verified());
    EXPECT_EQ(Get(id).attempts_left(), 3u);
  }
  EXPECT_TRUE(Answer(id, second)->verified());
}

TEST_F(SmsTest, SendsOnceMoreOnlyAfterAGrowingPauseAndFiveTimesInAll) {
  Enroll();
  v1::CreateChallengeRequest request;
  const auto created = Create();
  const std::string id = created->challenge().challenge_id();
  TakeCode();
  absl::Duration pause = absl::Seconds(30);
  for (int sends = 1; sends < 3; ++sends) {
    harness_.clock().Advance(pause - absl::Microseconds(1));
    EXPECT_EQ(ErrorReason(Resend(id).status()), "RESEND_TOO_SOON");
    EXPECT_TRUE(harness_.TakeMessages().empty());
    harness_.clock().Advance(absl::Microseconds(1));
    ASSERT_TRUE(Resend(id).ok()) << Resend(id).status();
    TakeCode();
    EXPECT_EQ(Get(id).delivery().sends(), static_cast<uint32_t>(sends + 1));
    pause *= 2;
  }
}

TEST_F(SmsTest, ARetryOfACallSendsNothingMore) {
  ASSERT_TRUE(Begin(kNumber, "r1").ok());
  TakeCode();
  ASSERT_TRUE(Begin(kNumber, "r1").ok());
  EXPECT_TRUE(harness_.TakeMessages().empty());
}

TEST_F(SmsTest, ARefusedSendLeavesNothing) {
  const auto refused = Begin("+33612345678");
  EXPECT_EQ(ErrorReason(refused.status()), "REGION_NOT_ALLOWED");
  EXPECT_TRUE(harness_.TakeMessages().empty());
  v1::ListEnrollmentsRequest list;
  list.set_account_id("acme");
  EXPECT_EQ(harness_.Call(&EnrollmentEngine::ListEnrollments, list)
                ->enrollments_size(),
            0);
}

// Requirement 39: five to a number in ten minutes.
TEST_F(SmsTest, ANumberGetsFiveMessagesInTenMinutes) {
  Enroll();  // One.
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(Create().ok()) << i;
    TakeCode();
  }
  const auto sixth = Create();
  EXPECT_EQ(ErrorReason(sixth.status()), "SEND_LIMIT");
  EXPECT_TRUE(harness_.TakeMessages().empty());
  EXPECT_EQ(harness_.AuditEvents().back().reason(), "SEND_LIMIT");
  harness_.clock().Advance(absl::Minutes(11));
  EXPECT_TRUE(Create().ok());
}

TEST_F(SmsTest, ReportsMoveADeliveryOnAndNeverBack) {
  Enroll();
  const std::string id = Create()->challenge().challenge_id();
  TakeCode();
  ASSERT_TRUE(Report(v1::DELIVERY_STATE_SENT).ok());
  EXPECT_EQ(Get(id).delivery().state(), v1::DELIVERY_STATE_SENT);
  EXPECT_EQ(Get(id).delivery().gateway(), "kannel");
  ASSERT_TRUE(Report(v1::DELIVERY_STATE_DELIVERED).ok());
  EXPECT_EQ(Get(id).state(), v1::CHALLENGE_STATE_DELIVERED);
  ASSERT_TRUE(Report(v1::DELIVERY_STATE_SENT).ok());
  ASSERT_TRUE(Report(v1::DELIVERY_STATE_FAILED, "late").ok());
  EXPECT_EQ(Get(id).delivery().state(), v1::DELIVERY_STATE_DELIVERED);
  message_id_ = "none";
  EXPECT_EQ(ErrorReason(Report(v1::DELIVERY_STATE_SENT)), "MESSAGE_NOT_FOUND");
}

TEST_F(SmsTest, AReportOfAnEarlierMessageSaysNothingOfTheLast) {
  Enroll();
  const std::string id = Create()->challenge().challenge_id();
  TakeCode();
  const std::string earlier = message_id_;
  harness_.clock().Advance(absl::Seconds(30));
  ASSERT_TRUE(Resend(id).ok());
  TakeCode();
  message_id_ = earlier;
  ASSERT_TRUE(Report(v1::DELIVERY_STATE_FAILED, "gone").ok());
  EXPECT_EQ(Get(id).delivery().state(), v1::DELIVERY_STATE_QUEUED);
}

// Requirement 26: from the next call on.
TEST_F(SmsTest, ASuspendedMemberAnswersNothingAndGetsNoMessage) {
  Enroll();
  const std::string id = Create()->challenge().challenge_id();
  const std::string code = TakeCode();
  harness_.SuspendMember("acme", "ada");
  EXPECT_FALSE(Answer(id, code)->verified());
  harness_.clock().Advance(absl::Seconds(30));
  (void)Resend(id);
  EXPECT_TRUE(harness_.TakeMessages().empty());
}

TEST_F(SmsTest, ACallerWhoMayNotKnowMembersSeesNoDifference) {
  Enroll();
  harness_.ActAs({v1::SCOPE_VERIFY});
  const auto known = Create("ada");
  ASSERT_TRUE(known.ok()) << known.status();
  TakeCode();
  ASSERT_TRUE(Report(v1::DELIVERY_STATE_DELIVERED).ok());
  const auto unknown = Create("nobody");
  ASSERT_TRUE(unknown.ok()) << unknown.status();
  EXPECT_TRUE(harness_.TakeMessages().empty());
  const auto shape = [this](const std::string& id) {
    v1::Challenge challenge = Get(id);
    challenge.clear_challenge_id();
    challenge.clear_member_id();
    challenge.clear_enrollment_id();
    return challenge.ShortDebugString();
  };
  EXPECT_EQ(shape(known->challenge().challenge_id()),
            shape(unknown->challenge().challenge_id()));
  EXPECT_EQ(ErrorReason(Resend(unknown->challenge().challenge_id()).status()),
            ErrorReason(Resend(known->challenge().challenge_id()).status()));
  EXPECT_FALSE(Answer(unknown->challenge().challenge_id(), "123456", "nobody")
                   ->verified());
}

}  // namespace
}  // namespace cofactor::services
