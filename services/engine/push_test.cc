// Challenges on devices, through the engine: bound to what was shown, one at a
// time, few in a row, refused and reported, for those who are there and those
// who are not.

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "cofactor/v1/audit.pb.h"
#include "gtest/gtest.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/delivery_engine.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/support_engine.h"
#include "tests/doubles/engine_harness.h"
#include "tests/doubles/push_phone.h"

namespace cofactor::services {
namespace {

constexpr v1::PushDecision kApprove = v1::PUSH_DECISION_APPROVE;
constexpr v1::PushDecision kDeny = v1::PUSH_DECISION_DENY;
constexpr v1::PushDecision kReport = v1::PUSH_DECISION_REPORT;

class PushTest : public testing::Test {
 protected:
  PushTest() {
    harness_.CreateMember("acme", "ada");
    harness_.CreateMember("acme", "bob");
  }

  PushPhone Enrol(const std::string& member_id = "ada",
                  const v1::WakeUpAddress& wake_up = v1::WakeUpAddress()) {
    v1::BeginEnrollmentRequest begin;
    begin.set_account_id("acme");
    begin.set_member_id(member_id);
    begin.set_factor_type("push");
    const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
    EXPECT_TRUE(begun.ok()) << begun.status();
    PushPhone phone(begun->activation().push().activation_uri());
    v1::ConfirmEnrollmentRequest confirm;
    confirm.set_account_id("acme");
    confirm.set_member_id(member_id);
    confirm.set_enrollment_id(phone.enrollment_id());
    *confirm.mutable_response()->mutable_device() = phone.Registration(wake_up);
    const auto confirmed =
        harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm);
    EXPECT_TRUE(confirmed.ok() && confirmed->verified()) << confirmed.status();
    return phone;
  }

  static v1::CreateChallengeRequest Request(
      const std::string& member_id = "ada") {
    v1::CreateChallengeRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_factor_type("push");
    request.set_purpose("sign-in");
    request.mutable_details()->set_title("Sign in to the shop");
    return request;
  }

  absl::StatusOr<v1::CreateChallengeResponse> Create(
      const v1::CreateChallengeRequest& request = Request()) {
    return harness_.Call(&ChallengeEngine::CreateChallenge, request);
  }

  absl::StatusOr<v1::AnswerChallengeResponse> Send(
      const PushPhone& phone, const std::string& challenge_id,
      const v1::PushAnswer& answer) {
    v1::AnswerChallengeRequest request;
    request.set_challenge_id(challenge_id);
    request.set_account_id(phone.account_id());
    request.set_member_id(phone.member_id());
    request.set_enrollment_id(phone.enrollment_id());
    *request.mutable_answer() = answer;
    return harness_.Call(&ChallengeEngine::AnswerChallenge, request);
  }

  absl::StatusOr<v1::AnswerChallengeResponse> Answer(
      const PushPhone& phone, const v1::Challenge& challenge,
      v1::PushDecision decision, const std::string& number = "",
      const std::string& reason = "") {
    return Send(phone, challenge.challenge_id(),
                phone.Answer(challenge, decision, number, reason));
  }

  v1::Challenge Get(const std::string& challenge_id) {
    v1::GetChallengeRequest request;
    request.set_challenge_id(challenge_id);
    const auto got = harness_.Call(&ChallengeEngine::GetChallenge, request);
    EXPECT_TRUE(got.ok()) << got.status();
    return got->challenge();
  }

  // Not accepted, and counted.
  void ExpectWrong(const absl::StatusOr<v1::AnswerChallengeResponse>& answer,
                   uint32_t attempts_left) {
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_FALSE(answer->accepted());
    EXPECT_EQ(answer->state(), attempts_left > 0 ? v1::CHALLENGE_STATE_PENDING
                                                 : v1::CHALLENGE_STATE_FAILED);
    EXPECT_EQ(answer->attempts_left(), attempts_left);
  }

  EngineHarness harness_;
};

TEST_F(PushTest, ApprovesByTheNumberThatWasShown) {
  const PushPhone phone = Enrol();
  const auto created = Create();
  ASSERT_TRUE(created.ok()) << created.status();
  ASSERT_EQ(created->number().size(), 6u);
  EXPECT_EQ(created->challenge().enrollment_id(), "");
  const auto answered =
      Answer(phone, created->challenge(), kApprove, created->number());
  ASSERT_TRUE(answered.ok()) << answered.status();
  EXPECT_TRUE(answered->accepted());
  EXPECT_EQ(answered->state(), v1::CHALLENGE_STATE_APPROVED);
  EXPECT_EQ(Get(created->challenge().challenge_id()).state(),
            v1::CHALLENGE_STATE_APPROVED);
  const record::v1::AuditRecord event = harness_.AuditEvents().back();
  EXPECT_EQ(event.action(), "AnswerChallenge");
  EXPECT_EQ(event.result(), v1::AUDIT_RESULT_VERIFIED);
  EXPECT_EQ(event.enrollment_id(), phone.enrollment_id());
}

// Requirement 21.
TEST_F(PushTest, ApprovesNothingWithoutTheNumber) {
  const PushPhone phone = Enrol();
  const auto created = Create();
  EXPECT_EQ(Answer(phone, created->challenge(), kApprove, "").status().code(),
            absl::StatusCode::kInvalidArgument);
  // Nor does the challenge tell it to whoever can read challenges.
  EXPECT_EQ(Get(created->challenge().challenge_id())
                .DebugString()
                .find(created->number()),
            std::string::npos);
  // A code is no answer, not even the number itself.
  v1::VerifyChallengeRequest verify;
  verify.set_challenge_id(created->challenge().challenge_id());
  verify.set_account_id("acme");
  verify.set_member_id("ada");
  verify.set_purpose("sign-in");
  verify.mutable_response()->set_code(created->number());
  EXPECT_EQ(
      harness_.Call(&ChallengeEngine::VerifyChallenge, verify).status().code(),
      absl::StatusCode::kInvalidArgument);
  ExpectWrong(Answer(phone, created->challenge(), kApprove,
                     WrongNumber(created->number())),
              4);
}

TEST_F(PushTest, FiveWrongNumbersEndTheChallenge) {
  const PushPhone phone = Enrol();
  const auto created = Create();
  const std::string wrong = WrongNumber(created->number());
  for (uint32_t left = 5; left > 0; --left) {
    ExpectWrong(Answer(phone, created->challenge(), kApprove, wrong), left - 1);
  }
  EXPECT_EQ(ErrorReason(
                Answer(phone, created->challenge(), kApprove, created->number())
                    .status()),
            "CHALLENGE_FINAL");
}

// Requirement 24.
TEST_F(PushTest, CountsAnAnswerThatBelongsToSomethingElse) {
  const PushPhone phone = Enrol();
  const PushPhone bobs = Enrol("bob");
  const auto created = Create();
  const std::string id = created->challenge().challenge_id();
  const std::string number = created->number();
  // Another person's device, by its own name and by ada's.
  ExpectWrong(Answer(bobs, created->challenge(), kApprove, number), 4);
  // It is the challenge that lost a try: bob cannot lock ada.
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", phone.enrollment_id())
                .consecutive_failures(),
            0u);
  ExpectWrong(
      Send(phone, id, bobs.Answer(created->challenge(), kApprove, number)), 3);
  // What was signed was something else than what was asked.
  v1::Challenge shown = created->challenge();
  shown.mutable_details()->set_title("Pay 1 EUR");
  ExpectWrong(Send(phone, id, phone.Answer(shown, kApprove, number)), 2);
  // A denial that was made an approval.
  v1::PushAnswer turned = phone.Answer(created->challenge(), kDeny);
  turned.set_decision(kApprove);
  turned.set_number(number);
  ExpectWrong(Send(phone, id, turned), 1);
  // The answer to the challenge before.
  ASSERT_TRUE(Create().ok());
  EXPECT_EQ(Get(id).state(), v1::CHALLENGE_STATE_SUPERSEDED);
}

TEST_F(PushTest, AnAnswerToOneChallengeIsNoneToTheNext) {
  const PushPhone phone = Enrol();
  const auto first = Create();
  const v1::PushAnswer stolen =
      phone.Answer(first->challenge(), kApprove, first->number());
  ASSERT_TRUE(
      Send(phone, first->challenge().challenge_id(), stolen)->accepted());
  EXPECT_EQ(
      ErrorReason(
          Send(phone, first->challenge().challenge_id(), stolen).status()),
      "CHALLENGE_FINAL");
  const auto second = Create();
  ExpectWrong(Send(phone, second->challenge().challenge_id(), stolen), 4);
}

TEST_F(PushTest, CountsOneApprovalOfManyAtOnce) {
  const PushPhone phone = Enrol();
  const auto created = Create();
  const v1::PushAnswer answer =
      phone.Answer(created->challenge(), kApprove, created->number());
  std::atomic<int> accepted{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      const auto answered =
          Send(phone, created->challenge().challenge_id(), answer);
      if (answered.ok() && answered->accepted()) ++accepted;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(accepted, 1);
}

TEST_F(PushTest, AnyDeviceAnswersUnlessOneIsNamed) {
  const PushPhone first = Enrol();
  const PushPhone second = Enrol();
  const auto any = Create();
  EXPECT_TRUE(
      Answer(second, any->challenge(), kApprove, any->number())->accepted());
  v1::CreateChallengeRequest request = Request();
  request.set_enrollment_id(first.enrollment_id());
  const auto named = Create(request);
  EXPECT_EQ(named->challenge().enrollment_id(), first.enrollment_id());
  ExpectWrong(Answer(second, named->challenge(), kApprove, named->number()), 4);
  EXPECT_TRUE(
      Answer(first, named->challenge(), kApprove, named->number())->accepted());
}

TEST_F(PushTest, ARefusalEndsTheChallengeAndIsNoFailure) {
  const PushPhone phone = Enrol();
  const auto created = Create();
  const auto denied =
      Answer(phone, created->challenge(), kDeny, "", "wrong amount");
  ASSERT_TRUE(denied.ok()) << denied.status();
  EXPECT_TRUE(denied->accepted());
  EXPECT_EQ(denied->state(), v1::CHALLENGE_STATE_DENIED);
  const record::v1::AuditRecord event = harness_.AuditEvents().back();
  EXPECT_EQ(event.result(), v1::AUDIT_RESULT_NOT_VERIFIED);
  EXPECT_EQ(event.reason(), "VERIFICATION_REASON_DENIED");
  EXPECT_EQ(event.note(), "wrong amount");
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", phone.enrollment_id())
                .consecutive_failures(),
            0u);
  v1::ExplainRequest explain;
  explain.set_account_id("acme");
  explain.set_member_id("ada");
  EXPECT_EQ(harness_.Call(&SupportEngine::Explain, explain)
                ->enrollments(0)
                .budget()
                .failures(),
            0u);
  EXPECT_EQ(ErrorReason(
                Answer(phone, created->challenge(), kApprove, created->number())
                    .status()),
            "CHALLENGE_FINAL");
  EXPECT_TRUE(Create().ok());
}

TEST_F(PushTest, NobodyRefusesForSomebodyElse) {
  Enrol();
  const PushPhone bobs = Enrol("bob");
  const auto created = Create();
  ExpectWrong(Answer(bobs, created->challenge(), kReport), 4);
  EXPECT_TRUE(Create().ok());
}

TEST_F(PushTest, AReportStopsTheMemberUntilItIsLifted) {
  const PushPhone phone = Enrol();
  const PushPhone bobs = Enrol("bob");
  const auto created = Create();
  ASSERT_TRUE(Answer(phone, created->challenge(), kReport)->accepted());
  const record::v1::AuditRecord event = harness_.AuditEvents().back();
  EXPECT_EQ(event.reason(), "VERIFICATION_REASON_REPORTED");
  EXPECT_TRUE(event.lock_began());
  EXPECT_EQ(ErrorReason(Create().status()), "PROMPTS_STOPPED");
  harness_.clock().Advance(absl::Hours(24 * 365));
  EXPECT_EQ(ErrorReason(Create().status()), "PROMPTS_STOPPED");
  const v1::Enrollment locked =
      harness_.GetEnrollment("acme", "ada", phone.enrollment_id());
  EXPECT_EQ(locked.state(), v1::ENROLLMENT_STATE_LOCKED);
  EXPECT_FALSE(locked.has_lock_expire_time());
  v1::ListLocksRequest locks;
  locks.set_account_id("acme");
  EXPECT_EQ(harness_.Call(&SupportEngine::ListLocks, locks)->locks_size(), 1);
  EXPECT_TRUE(Create(Request("bob")).ok());

  v1::UnlockEnrollmentRequest unlock;
  unlock.set_account_id("acme");
  unlock.set_member_id("ada");
  unlock.set_enrollment_id(phone.enrollment_id());
  ASSERT_TRUE(harness_.Call(&SupportEngine::UnlockEnrollment, unlock).ok());
  EXPECT_TRUE(Create().ok());
}

// Requirement 40.
TEST_F(PushTest, ANewChallengeSupersedesTheOldOne) {
  const PushPhone phone = Enrol();
  const auto first = Create();
  const auto second = Create();
  const v1::Challenge old = Get(first->challenge().challenge_id());
  EXPECT_EQ(old.state(), v1::CHALLENGE_STATE_SUPERSEDED);
  EXPECT_TRUE(old.has_end_time());
  EXPECT_EQ(
      ErrorReason(Answer(phone, first->challenge(), kApprove, first->number())
                      .status()),
      "CHALLENGE_FINAL");
  EXPECT_TRUE(Answer(phone, second->challenge(), kApprove, second->number())
                  ->accepted());
}

TEST_F(PushTest, LeavesOnePendingOfManyAtOnce) {
  Enrol();
  std::atomic<int> created{0};
  std::atomic<int> cooled_down{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      const auto challenge = Create();
      if (challenge.ok()) ++created;
      if (ErrorReason(challenge.status()) == "TOO_MANY_PROMPTS") ++cooled_down;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 5);
  EXPECT_EQ(cooled_down, 59);
  v1::ListChallengesRequest list;
  list.set_account_id("acme");
  const auto listed = harness_.Call(&ChallengeEngine::ListChallenges, list);
  ASSERT_TRUE(listed.ok()) << listed.status();
  int pending = 0;
  for (const v1::Challenge& challenge : listed->challenges()) {
    pending += challenge.state() == v1::CHALLENGE_STATE_PENDING;
  }
  EXPECT_EQ(pending, 1);
}

TEST_F(PushTest, CoolsDownAfterFiveSinceTheLastSuccess) {
  const PushPhone phone = Enrol();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Create().ok());
  const auto fifth = Create();
  ASSERT_TRUE(fifth.ok());
  // Neither a wrong number nor a refusal is a success.
  ExpectWrong(
      Answer(phone, fifth->challenge(), kApprove, WrongNumber(fifth->number())),
      4);
  EXPECT_EQ(ErrorReason(Create().status()), "TOO_MANY_PROMPTS");
  // A request id that was refused is not used up, and the fifth still counts.
  EXPECT_TRUE(
      Answer(phone, fifth->challenge(), kApprove, fifth->number())->accepted());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Create().ok());
  EXPECT_EQ(ErrorReason(Create().status()), "TOO_MANY_PROMPTS");
  harness_.clock().Advance(absl::Minutes(10));
  EXPECT_TRUE(Create().ok());
}

TEST_F(PushTest, RefusesAnAnswerAfterTheEnd) {
  const PushPhone phone = Enrol();
  const auto expired = Create();
  harness_.clock().Advance(absl::Minutes(5));
  EXPECT_EQ(ErrorReason(
                Answer(phone, expired->challenge(), kApprove, expired->number())
                    .status()),
            "CHALLENGE_FINAL");
  EXPECT_EQ(harness_.AuditEvents().back().result(), v1::AUDIT_RESULT_REFUSED);
  const auto cancelled = Create();
  v1::CancelChallengeRequest cancel;
  cancel.set_challenge_id(cancelled->challenge().challenge_id());
  ASSERT_TRUE(harness_.Call(&ChallengeEngine::CancelChallenge, cancel).ok());
  EXPECT_EQ(ErrorReason(Answer(phone, cancelled->challenge(), kApprove,
                               cancelled->number())
                            .status()),
            "CHALLENGE_FINAL");
}

// Requirement 26.
TEST_F(PushTest, RefusesWhoeverWasSuspendedOrRevokedMeanwhile) {
  const PushPhone phone = Enrol();
  const PushPhone bobs = Enrol("bob");
  const auto created = Create();
  const auto for_bob = Create(Request("bob"));
  harness_.SuspendMember("acme", "ada");
  ExpectWrong(Answer(phone, created->challenge(), kApprove, created->number()),
              4);
  harness_.DeleteEnrollment("acme", "bob", bobs.enrollment_id());
  ExpectWrong(Answer(bobs, for_bob->challenge(), kApprove, for_bob->number()),
              4);
}

TEST_F(PushTest, LooksTheSameForNobody) {
  Enrol();
  harness_.ActAs({v1::SCOPE_VERIFY});
  const auto somebody = Create();
  const auto nobody = Create(Request("eve"));
  ASSERT_TRUE(somebody.ok() && nobody.ok()) << nobody.status();
  EXPECT_EQ(nobody->number().size(), 6u);
  EXPECT_EQ(nobody->challenge().enrollment_id(), "");
  EXPECT_EQ(nobody->challenge().state(), somebody->challenge().state());
  EXPECT_EQ(nobody->challenge().has_delivery(),
            somebody->challenge().has_delivery());
  // One at a time, and few of them.
  const std::string first = nobody->challenge().challenge_id();
  ASSERT_TRUE(Create(Request("eve")).ok());
  EXPECT_EQ(Get(first).state(), v1::CHALLENGE_STATE_SUPERSEDED);
  for (int i = 2; i < 5; ++i) ASSERT_TRUE(Create(Request("eve")).ok());
  EXPECT_EQ(ErrorReason(Create(Request("eve")).status()), "TOO_MANY_PROMPTS");
}

TEST_F(PushTest, WakesUpEveryDeviceThatMayAnswer) {
  v1::WakeUpAddress address;
  address.set_fcm_token("token-1");
  const PushPhone first = Enrol("ada", address);
  Enrol();
  address.set_fcm_token("token-2");
  const PushPhone second = Enrol("ada", address);
  ASSERT_TRUE(Create().ok());
  std::vector<PlannedMessage> messages = harness_.TakeMessages();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].message.channel, "wake_up");
  EXPECT_EQ(messages[1].message.address, address.SerializeAsString());
  EXPECT_TRUE(messages[1].message.code.empty());
  v1::CreateChallengeRequest request = Request();
  request.set_enrollment_id(second.enrollment_id());
  ASSERT_TRUE(Create(request).ok());
  EXPECT_EQ(harness_.TakeMessages().size(), 1u);
}

TEST_F(PushTest, ForgetsAnAddressThatTheVendorCallsDead) {
  v1::WakeUpAddress address;
  address.set_fcm_token("token-1");
  Enrol("ada", address);
  ASSERT_TRUE(Create().ok());
  const std::vector<PlannedMessage> messages = harness_.TakeMessages();
  ASSERT_EQ(messages.size(), 1u);
  record::v1::DeliveryReport report;
  report.set_message_id(messages[0].message_id);
  report.set_state(v1::DELIVERY_STATE_FAILED);
  report.set_reason("503");
  ASSERT_TRUE(harness_.Call(&DeliveryEngine::RecordDelivery, report).ok());
  ASSERT_TRUE(Create().ok());
  EXPECT_EQ(harness_.TakeMessages().size(), 1u);
  report.set_reason("ADDRESS_GONE");
  ASSERT_TRUE(harness_.Call(&DeliveryEngine::RecordDelivery, report).ok());
  ASSERT_TRUE(Create().ok());
  EXPECT_TRUE(harness_.TakeMessages().empty());
}

}  // namespace
}  // namespace cofactor::services
