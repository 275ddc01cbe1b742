// How a challenge comes to a device, and what is noted of that.

#include <optional>
#include <string>
#include <vector>

#include "google/protobuf/util/message_differencer.h"
#include "services/engine/device_fixture.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::util::MessageDifferencer;

class DeviceChallengesTest : public DeviceFixture {
 protected:
  absl::StatusOr<std::optional<v1::DeviceChallenge>> PendingFor(
      const PushPhone& phone) {
    const auto snapshot = harness_.store().GetSnapshot();
    const Caller caller = Caller::Server();
    Plan plan(*snapshot, harness_.now(), caller);
    const auto pending = harness_.devices().PendingFor(
        plan, phone.ids(), phone.key().public_key());
    EXPECT_TRUE(plan.writes_nothing());
    return pending;
  }

  static record::v1::ChallengeMark MarkOf(const PushPhone& phone,
                                          const std::string& challenge_id,
                                          v1::ChallengeState state) {
    record::v1::ChallengeMark mark;
    mark.set_challenge_id(challenge_id);
    mark.set_account_id(phone.account_id());
    mark.set_member_id(phone.member_id());
    mark.set_enrollment_id(phone.enrollment_id());
    mark.set_state(state);
    return mark;
  }

  absl::Status Mark(const PushPhone& phone, const std::string& challenge_id,
                    v1::ChallengeState state) {
    return harness_
        .Call(&DeviceEngine::MarkChallenge, MarkOf(phone, challenge_id, state))
        .status();
  }

  // Marks the challenge, and expects that nothing is written.
  void ExpectNoMark(const PushPhone& phone, const std::string& challenge_id) {
    const auto before = Versions();
    for (const v1::ChallengeState state :
         {v1::CHALLENGE_STATE_DELIVERED, v1::CHALLENGE_STATE_SEEN}) {
      EXPECT_TRUE(Mark(phone, challenge_id, state).ok());
    }
    EXPECT_EQ(Versions(), before);
  }
};

// It has to learn of what it may answer once the lock is over.
TEST_F(DeviceChallengesTest, ALockedDeviceIsADevice) {
  const PushPhone phone = Enrol();
  const auto created = Prompt();
  for (int i = 0; i < 5; ++i) {
    ASSERT_FALSE(Answer(phone, created.challenge(), v1::PUSH_DECISION_APPROVE,
                        WrongNumber(created.number()))
                     ->accepted());
  }
  ASSERT_EQ(
      harness_.GetEnrollment("acme", "ada", phone.enrollment_id()).state(),
      v1::ENROLLMENT_STATE_LOCKED);
  EXPECT_TRUE(IsDevice(phone));
  EXPECT_TRUE(PendingFor(phone).ok());
}

TEST_F(DeviceChallengesTest, ListsTheChallengeThatWaitsAndMarksItDelivered) {
  const PushPhone phone = Enrol();
  EXPECT_EQ(List(phone)->challenges_size(), 0);
  const auto created = Prompt();
  const v1::Challenge& challenge = created.challenge();
  const auto listed = List(phone);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->challenges_size(), 1);
  const v1::DeviceChallenge& seen = listed->challenges(0);
  EXPECT_EQ(seen.challenge_id(), challenge.challenge_id());
  EXPECT_EQ(seen.account_id(), "acme");
  EXPECT_EQ(seen.member_id(), "ada");
  EXPECT_EQ(seen.purpose(), "sign-in");
  EXPECT_TRUE(MessageDifferencer::Equals(seen.details(), challenge.details()));
  EXPECT_EQ(seen.attempts_left(), 5u);
  EXPECT_EQ(StateOf(challenge.challenge_id()), v1::CHALLENGE_STATE_DELIVERED);
  const record::v1::AuditRecord event = harness_.AuditEvents().back();
  EXPECT_EQ(event.enrollment_id(), phone.enrollment_id());
  // The number is nowhere but where the person signs in.
  EXPECT_EQ(listed->DebugString().find(created.number()), std::string::npos);

  // What a device got is all that it needs to answer.
  v1::Challenge shown;
  shown.set_challenge_id(seen.challenge_id());
  shown.set_purpose(seen.purpose());
  *shown.mutable_details() = seen.details();
  *shown.mutable_expire_time() = seen.expire_time();
  EXPECT_TRUE(Answer(phone, shown, v1::PUSH_DECISION_APPROVE, created.number())
                  ->accepted());
  EXPECT_EQ(List(phone)->challenges_size(), 0);
}

TEST_F(DeviceChallengesTest, ListsWhatIsForTheDeviceAndOpenAlone) {
  const PushPhone phone = Enrol();
  const PushPhone second = Enrol();
  const PushPhone bobs = Enrol("bob");
  const auto id_listed = [&](const PushPhone& device) {
    const auto listed = List(device);
    EXPECT_TRUE(listed.ok()) << listed.status();
    return listed->challenges_size() == 0
               ? ""
               : listed->challenges(0).challenge_id();
  };
  const std::string first = Prompt().challenge().challenge_id();
  EXPECT_EQ(id_listed(phone), first);
  EXPECT_EQ(id_listed(second), first);
  EXPECT_EQ(id_listed(bobs), "");
  const std::string named =
      Prompt("ada", second.enrollment_id()).challenge().challenge_id();
  EXPECT_EQ(id_listed(phone), "");
  EXPECT_EQ(id_listed(second), named);
  Cancel(named);
  EXPECT_EQ(id_listed(second), "");
  const std::string expiring = Prompt().challenge().challenge_id();
  harness_.clock().Advance(absl::Minutes(5) - absl::Microseconds(1));
  EXPECT_EQ(id_listed(phone), expiring);
  harness_.clock().Advance(absl::Microseconds(1));
  EXPECT_EQ(id_listed(phone), "");
}

TEST_F(DeviceChallengesTest, TellsAChannelWhatWaitsWhileItIsADevice) {
  const PushPhone phone = Enrol();
  EXPECT_FALSE(PendingFor(phone)->has_value());
  const std::string id = Prompt().challenge().challenge_id();
  const auto pending = PendingFor(phone);
  ASSERT_TRUE(pending.ok() && pending->has_value());
  EXPECT_EQ((*pending)->challenge_id(), id);
  // Asking is not bringing.
  EXPECT_EQ(StateOf(id), v1::CHALLENGE_STATE_PENDING);
  const PushPhone bobs = Enrol("bob");
  harness_.SuspendMember("acme", "bob");
  EXPECT_EQ(ErrorReason(PendingFor(bobs).status()), "DEVICE_NOT_PROVEN");
  harness_.DeleteEnrollment("acme", "ada", phone.enrollment_id());
  EXPECT_EQ(ErrorReason(PendingFor(phone).status()), "DEVICE_NOT_PROVEN");
}

TEST_F(DeviceChallengesTest, AMarkOnlyGoesForward) {
  const PushPhone phone = Enrol();
  const std::string id = Prompt().challenge().challenge_id();
  ASSERT_TRUE(Mark(phone, id, v1::CHALLENGE_STATE_DELIVERED).ok());
  EXPECT_EQ(StateOf(id), v1::CHALLENGE_STATE_DELIVERED);
  ASSERT_TRUE(Mark(phone, id, v1::CHALLENGE_STATE_SEEN).ok());
  EXPECT_EQ(StateOf(id), v1::CHALLENGE_STATE_SEEN);
  ExpectNoMark(phone, id);
  ASSERT_EQ(List(phone)->challenges_size(), 1);
  EXPECT_EQ(StateOf(id), v1::CHALLENGE_STATE_SEEN);
  // It may be seen at once.
  const std::string next = Prompt().challenge().challenge_id();
  ASSERT_TRUE(Mark(phone, next, v1::CHALLENGE_STATE_SEEN).ok());
  EXPECT_EQ(StateOf(next), v1::CHALLENGE_STATE_SEEN);
}

TEST_F(DeviceChallengesTest, MarksNothingThatIsOver) {
  const PushPhone phone = Enrol();
  const auto approved = Prompt();
  ASSERT_TRUE(Answer(phone, approved.challenge(), v1::PUSH_DECISION_APPROVE,
                     approved.number())
                  ->accepted());
  ExpectNoMark(phone, approved.challenge().challenge_id());
  const std::string cancelled = Prompt().challenge().challenge_id();
  Cancel(cancelled);
  ExpectNoMark(phone, cancelled);
  const std::string superseded = Prompt().challenge().challenge_id();
  const std::string expired = Prompt().challenge().challenge_id();
  ExpectNoMark(phone, superseded);
  harness_.clock().Advance(absl::Minutes(5));
  ExpectNoMark(phone, expired);
  ExpectNoMark(phone, "0");
}

TEST_F(DeviceChallengesTest, MarksNothingThatIsNotForTheDevice) {
  const PushPhone phone = Enrol();
  const PushPhone second = Enrol();
  const PushPhone bobs = Enrol("bob");
  harness_.EnrollTotp("acme", "ada");
  const std::string named =
      Prompt("ada", phone.enrollment_id()).challenge().challenge_id();
  ExpectNoMark(second, named);
  ExpectNoMark(bobs, named);
  const std::string any = Prompt().challenge().challenge_id();
  ExpectNoMark(bobs, any);
  // The one of another factor waits for no device.
  v1::CreateChallengeRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_factor_type("totp");
  request.set_purpose("sign-in");
  const auto totp = harness_.Call(&ChallengeEngine::CreateChallenge, request);
  ExpectNoMark(phone, totp->challenge().challenge_id());
  harness_.DeleteEnrollment("acme", "ada", second.enrollment_id());
  ExpectNoMark(second, any);
  ASSERT_TRUE(Mark(phone, any, v1::CHALLENGE_STATE_SEEN).ok());
  EXPECT_EQ(StateOf(any), v1::CHALLENGE_STATE_SEEN);
}

TEST_F(DeviceChallengesTest, AMarkIsDeliveredOrSeenAndNothingElse) {
  const PushPhone phone = Enrol();
  const std::string id = Prompt().challenge().challenge_id();
  for (const v1::ChallengeState state :
       {v1::CHALLENGE_STATE_UNSPECIFIED, v1::CHALLENGE_STATE_PENDING,
        v1::CHALLENGE_STATE_APPROVED, v1::CHALLENGE_STATE_CANCELLED}) {
    EXPECT_EQ(Mark(phone, id, state).code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Mark(phone, "a/b", v1::CHALLENGE_STATE_SEEN).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(StateOf(id), v1::CHALLENGE_STATE_PENDING);
}

TEST_F(DeviceChallengesTest, AnnouncesWhatItMarks) {
  const PushPhone phone = Enrol();
  const std::string id = Prompt().challenge().challenge_id();
  const auto snapshot = harness_.store().GetSnapshot();
  const Caller caller = Caller::Server();
  Plan plan(*snapshot, harness_.now(), caller);
  record::v1::ChallengeMarked marked;
  ASSERT_TRUE(harness_.devices()
                  .MarkChallenge(
                      plan, MarkOf(phone, id, v1::CHALLENGE_STATE_SEEN), marked)
                  .ok());
  const std::vector<ChallengeChange> changes = plan.TakeChanges();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].account_id, "acme");
  EXPECT_EQ(changes[0].member_id, "ada");
  EXPECT_EQ(changes[0].challenge_id, id);
}

}  // namespace
}  // namespace cofactor::services
