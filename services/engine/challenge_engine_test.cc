#include "services/engine/challenge_engine.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "gtest/gtest.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

class ChallengeEngineTest : public testing::Test {
 protected:
  ChallengeEngineTest() {
    harness_.CreateMember("acme", "ada");
    harness_.CreateMember("acme", "bob");
    ada_ = harness_.EnrollTotp("acme", "ada");
  }

  static v1::CreateChallengeRequest CreateRequest() {
    v1::CreateChallengeRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_factor_type("totp");
    request.set_purpose("sign-in");
    return request;
  }

  v1::Challenge Create() {
    const auto created =
        harness_.Call(&ChallengeEngine::CreateChallenge, CreateRequest());
    EXPECT_TRUE(created.ok()) << created.status();
    return created->challenge();
  }

  v1::VerifyChallengeRequest AnswerTo(const v1::Challenge& challenge,
                                      const std::string& code) {
    v1::VerifyChallengeRequest request;
    request.set_challenge_id(challenge.challenge_id());
    request.set_account_id(challenge.account_id());
    request.set_member_id(challenge.member_id());
    request.set_purpose(challenge.purpose());
    request.mutable_response()->set_code(code);
    return request;
  }

  absl::StatusOr<v1::VerifyChallengeResponse> Answer(
      const v1::VerifyChallengeRequest& request) {
    return harness_.Call(&ChallengeEngine::VerifyChallenge, request);
  }

  v1::ChallengeState StateOf(const v1::Challenge& challenge) {
    v1::GetChallengeRequest request;
    request.set_challenge_id(challenge.challenge_id());
    const auto got = harness_.Call(&ChallengeEngine::GetChallenge, request);
    EXPECT_TRUE(got.ok()) << got.status();
    return got->challenge().state();
  }

  std::string RightCode() { return ada_.authenticator.CodeAt(harness_.now()); }
  std::string Wrong() { return WrongCode(ada_.authenticator, harness_.now()); }

  EngineHarness harness_;
  EngineHarness::Enrolled ada_;
};

TEST_F(ChallengeEngineTest, IsApprovedByARightCodeOnce) {
  const v1::Challenge challenge = Create();
  EXPECT_EQ(challenge.state(), v1::CHALLENGE_STATE_PENDING);
  EXPECT_EQ(challenge.attempts_left(), 5u);
  const auto answer = Answer(AnswerTo(challenge, RightCode()));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->verified());
  EXPECT_EQ(answer->enrollment().enrollment_id(), ada_.enrollment_id);
  EXPECT_EQ(StateOf(challenge), v1::CHALLENGE_STATE_APPROVED);
  EXPECT_EQ(ErrorReason(Answer(AnswerTo(challenge, RightCode())).status()),
            "CHALLENGE_FINAL");
}

TEST_F(ChallengeEngineTest, SharesTheUsedCodesWithVerify) {
  const std::string code = RightCode();
  ASSERT_TRUE(Answer(AnswerTo(Create(), code))->verified());
  EXPECT_EQ(harness_.Verify("acme", "ada", code)->reason(),
            v1::VERIFICATION_REASON_REPLAYED);
  EXPECT_EQ(Answer(AnswerTo(Create(), code))->reason(),
            v1::VERIFICATION_REASON_REPLAYED);
}

TEST_F(ChallengeEngineTest, CountsAnAnswerThatBelongsToAnotherChallenge) {
  const v1::Challenge challenge = Create();
  const v1::VerifyChallengeRequest right = AnswerTo(challenge, RightCode());
  std::vector<v1::VerifyChallengeRequest> wrong(4, right);
  wrong[0].set_account_id("other");
  wrong[1].set_member_id("bob");
  wrong[2].set_purpose("payment");
  wrong[3].set_enrollment_id("0123456789abcdef");
  uint32_t attempts_left = 5;
  for (int i = 0; i < 3; ++i) {
    const auto answer = Answer(wrong[i]);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_FALSE(answer->verified());
    EXPECT_EQ(answer->challenge().attempts_left(), --attempts_left);
  }
  EXPECT_FALSE(Answer(wrong[3])->verified());
  EXPECT_TRUE(Answer(right)->verified());
}

TEST_F(ChallengeEngineTest, FailsAfterFiveWrongAnswers) {
  const v1::Challenge challenge = Create();
  v1::VerifyChallengeRequest foreign = AnswerTo(challenge, RightCode());
  foreign.set_purpose("payment");
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Answer(foreign)->verified());
  EXPECT_EQ(StateOf(challenge), v1::CHALLENGE_STATE_FAILED);
  EXPECT_FALSE(Answer(AnswerTo(challenge, RightCode())).ok());
}

TEST_F(ChallengeEngineTest, CountsWrongCodesOnTheEnrollmentToo) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(Answer(AnswerTo(Create(), Wrong()))->verified());
  }
  EXPECT_EQ(ErrorReason(Answer(AnswerTo(Create(), RightCode())).status()),
            "LOCKED");
}

TEST_F(ChallengeEngineTest, ExpiresExactlyAtItsTime) {
  const v1::Challenge early = Create();
  harness_.clock().Advance(absl::Minutes(5) - absl::Microseconds(1));
  EXPECT_TRUE(Answer(AnswerTo(early, RightCode()))->verified());
  const v1::Challenge late = Create();
  harness_.clock().Advance(absl::Minutes(5));
  EXPECT_EQ(StateOf(late), v1::CHALLENGE_STATE_EXPIRED);
  EXPECT_EQ(ErrorReason(Answer(AnswerTo(late, RightCode())).status()),
            "CHALLENGE_FINAL");
  harness_.clock().Advance(absl::Hours(1));
  v1::GetChallengeRequest request;
  request.set_challenge_id(late.challenge_id());
  EXPECT_EQ(
      ErrorReason(
          harness_.Call(&ChallengeEngine::GetChallenge, request).status()),
      "CHALLENGE_NOT_FOUND");
}

TEST_F(ChallengeEngineTest, CanBeCancelledOnce) {
  const v1::Challenge challenge = Create();
  v1::CancelChallengeRequest request;
  request.set_challenge_id(challenge.challenge_id());
  const auto cancelled =
      harness_.Call(&ChallengeEngine::CancelChallenge, request);
  ASSERT_TRUE(cancelled.ok());
  EXPECT_EQ(cancelled->challenge().state(), v1::CHALLENGE_STATE_CANCELLED);
  EXPECT_FALSE(harness_.Call(&ChallengeEngine::CancelChallenge, request).ok());
  EXPECT_FALSE(Answer(AnswerTo(challenge, RightCode())).ok());
}

TEST_F(ChallengeEngineTest, IsRefusedOnceTheMemberIsSuspendedOrGone) {
  const v1::Challenge challenge = Create();
  v1::UpdateMemberRequest suspend;
  suspend.mutable_member()->set_account_id("acme");
  suspend.mutable_member()->set_member_id("ada");
  suspend.mutable_member()->set_state(v1::MEMBER_STATE_SUSPENDED);
  suspend.mutable_update_mask()->add_paths("state");
  ASSERT_TRUE(harness_.Call(&AccountEngine::UpdateMember, suspend).ok());
  EXPECT_FALSE(Answer(AnswerTo(challenge, RightCode()))->verified());
  v1::DeleteMemberRequest remove;
  remove.set_account_id("acme");
  remove.set_member_id("ada");
  ASSERT_TRUE(harness_.Call(&AccountEngine::DeleteMember, remove).ok());
  EXPECT_FALSE(Answer(AnswerTo(challenge, RightCode()))->verified());
}

TEST_F(ChallengeEngineTest, IsApprovedByOneOfSixtyFourAtOnce) {
  const v1::Challenge challenge = Create();
  const v1::VerifyChallengeRequest right = AnswerTo(challenge, RightCode());
  std::atomic<int> verified{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      const auto answer = Answer(right);
      if (answer.ok() && answer->verified()) ++verified;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 1);
}

TEST_F(ChallengeEngineTest, ListsByMemberAndByAccount) {
  harness_.EnrollTotp("acme", "bob");
  for (int i = 0; i < 3; ++i) Create();
  v1::CreateChallengeRequest for_bob = CreateRequest();
  for_bob.set_member_id("bob");
  ASSERT_TRUE(harness_.Call(&ChallengeEngine::CreateChallenge, for_bob).ok());
  v1::ListChallengesRequest request;
  request.set_account_id("acme");
  EXPECT_EQ(harness_.Call(&ChallengeEngine::ListChallenges, request)
                ->challenges_size(),
            4);
  request.set_member_id("ada");
  request.set_page_size(2);
  const auto page = harness_.Call(&ChallengeEngine::ListChallenges, request);
  EXPECT_EQ(page->challenges_size(), 2);
  request.set_page_token(page->next_page_token());
  EXPECT_EQ(harness_.Call(&ChallengeEngine::ListChallenges, request)
                ->challenges_size(),
            1);
  request.set_member_id("bob");
  EXPECT_EQ(
      harness_.Call(&ChallengeEngine::ListChallenges, request).status().code(),
      absl::StatusCode::kInvalidArgument);
}

TEST_F(ChallengeEngineTest, NamesTheFieldOfBadInput) {
  const auto field_of = [&](const v1::CreateChallengeRequest& request) {
    const absl::Status status =
        harness_.Call(&ChallengeEngine::CreateChallenge, request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message().substr(0, status.message().find(':')));
  };
  v1::CreateChallengeRequest request = CreateRequest();
  request.clear_purpose();
  EXPECT_EQ(field_of(request), "purpose");
  request = CreateRequest();
  request.clear_factor_type();
  EXPECT_EQ(field_of(request), "factor_type");
  request = CreateRequest();
  request.mutable_lifetime()->set_seconds(29);
  EXPECT_EQ(field_of(request), "lifetime");
  request = CreateRequest();
  request.mutable_details()->set_amount(std::string(257, 'x'));
  EXPECT_EQ(field_of(request), "details.amount");
  request = CreateRequest();
  request.set_member_id("bob");
  EXPECT_EQ(
      ErrorReason(
          harness_.Call(&ChallengeEngine::CreateChallenge, request).status()),
      "NO_ACTIVE_ENROLLMENT");
}

}  // namespace
}  // namespace cofactor::services
