// A caller who may only verify learns nothing of whom there is: whatever it
// guesses at is answered as a known member is whose code is wrong.

#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/verification_engine.h"
#include "tests/doubles/engine_harness.h"
#include "tests/doubles/retry_delay.h"

namespace cofactor::services {
namespace {

constexpr int kGuesses = 120;

// All that a caller sees of an answer.
struct Answer {
  absl::StatusCode code;
  std::string message;
  std::string reason;
  absl::Duration retry_delay;
  std::string response;

  bool operator==(const Answer&) const = default;
};

void PrintTo(const Answer& answer, std::ostream* out) {
  *out << answer.code << " " << answer.reason << " "
       << absl::FormatDuration(answer.retry_delay) << " "
       << testing::PrintToString(answer.response);
}

template <typename Response>
Answer AnswerOf(const absl::StatusOr<Response>& response) {
  return {response.status().code(), std::string(response.status().message()),
          ErrorReason(response.status()), RetryDelay(response.status()),
          response.ok() ? response->DebugString() : ""};
}

// Somebody who is guessed at, and with what.
struct Target {
  std::string account_id = "acme";
  std::string member_id = "ada";
  std::string enrollment_id;
  std::function<std::string(absl::Time)> code;
};

Target Wrong(const EngineHarness::Enrolled& enrolled) {
  Target target;
  target.code = [enrolled](absl::Time time) {
    return WrongCode(enrolled.authenticator, time);
  };
  return target;
}

Target Right(const EngineHarness::Enrolled& enrolled) {
  Target target;
  target.code = [enrolled](absl::Time time) {
    return enrolled.authenticator.CodeAt(time);
  };
  return target;
}

Target Named(Target target, const std::string& enrollment_id) {
  target.enrollment_id = enrollment_id;
  return target;
}

using Scene = std::function<Target(EngineHarness&)>;

// A known active member, guessed at.
Target KnownMember(EngineHarness& harness) {
  harness.CreateMember("acme", "ada");
  return Wrong(harness.EnrollTotp("acme", "ada"));
}

Target KnownMemberNamed(EngineHarness& harness) {
  harness.CreateMember("acme", "ada");
  const auto ada = harness.EnrollTotp("acme", "ada");
  return Named(Wrong(ada), ada.enrollment_id);
}

void Disable(EngineHarness& harness, const EngineHarness::Enrolled& enrolled) {
  for (int i = 0; i < 100; ++i) {
    if (!harness
             .Verify("acme", "ada",
                     WrongCode(enrolled.authenticator, harness.now()))
             .ok()) {
      std::abort();
    }
    harness.clock().Advance(absl::Hours(1));
  }
}

struct NamedScene {
  std::string name;
  Scene scene;
};

// Where nothing is ever accepted, and a caller is not to learn why.
std::vector<NamedScene> Scenes() {
  return {
      {"UnknownMember",
       [](EngineHarness& harness) {
         Target target = KnownMember(harness);
         target.member_id = "eve";
         return target;
       }},
      {"UnknownAccount",
       [](EngineHarness& harness) {
         Target target = KnownMember(harness);
         target.account_id = "nowhere";
         return target;
       }},
      {"NoEnrollment",
       [](EngineHarness& harness) {
         Target target = KnownMember(harness);
         harness.CreateMember("acme", "bob");
         target.member_id = "bob";
         return target;
       }},
      {"PendingEnrollmentWithItsRightCode",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         v1::BeginEnrollmentRequest begin;
         begin.set_account_id("acme");
         begin.set_member_id("ada");
         begin.set_factor_type("totp");
         const auto begun =
             harness.Call(&EnrollmentEngine::BeginEnrollment, begin);
         if (!begun.ok()) std::abort();
         return Right(
             {begun->enrollment().enrollment_id(),
              TotpAuthenticator::FromActivation(begun->activation().totp())});
       }},
      {"ReplayedCode",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         const auto ada = harness.EnrollTotp("acme", "ada");
         const std::string used = ada.authenticator.CodeAt(harness.now());
         if (!harness.Verify("acme", "ada", used)->verified()) std::abort();
         Target target;
         target.code = [used](absl::Time) { return used; };
         return target;
       }},
      {"SuspendedMemberWithARightCode",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         const auto ada = harness.EnrollTotp("acme", "ada");
         harness.SuspendMember("acme", "ada");
         return Right(ada);
       }},
      {"SuspendedMemberWithAWrongCode",
       [](EngineHarness& harness) {
         Target target = KnownMember(harness);
         harness.SuspendMember("acme", "ada");
         return target;
       }},
      {"ExpiredMemberWithARightCode",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         const auto ada = harness.EnrollTotp("acme", "ada");
         v1::UpdateMemberRequest request;
         request.mutable_member()->set_account_id("acme");
         request.mutable_member()->set_member_id("ada");
         request.mutable_member()->mutable_valid_until()->set_seconds(
             absl::ToUnixSeconds(harness.now()));
         request.mutable_update_mask()->add_paths("valid_until");
         if (!harness.Call(&AccountEngine::UpdateMember, request).ok()) {
           std::abort();
         }
         return Right(ada);
       }},
      {"DeletedMember",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         const auto ada = harness.EnrollTotp("acme", "ada");
         v1::DeleteMemberRequest request;
         request.set_account_id("acme");
         request.set_member_id("ada");
         if (!harness.Call(&AccountEngine::DeleteMember, request).ok()) {
           std::abort();
         }
         return Right(ada);
       }},
      {"RevokedEnrollmentWithItsRightCode",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         const auto ada = harness.EnrollTotp("acme", "ada");
         harness.DeleteEnrollment("acme", "ada", ada.enrollment_id);
         return Right(ada);
       }},
      {"DisabledEnrollmentWithItsRightCode",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         const auto ada = harness.EnrollTotp("acme", "ada");
         Disable(harness, ada);
         return Right(ada);
       }},
  };
}

// The same where an enrollment is named.
std::vector<NamedScene> NamedScenes() {
  return {
      {"UnknownMember",
       [](EngineHarness& harness) {
         Target target = KnownMemberNamed(harness);
         target.member_id = "eve";
         return target;
       }},
      {"RevokedEnrollment",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         const auto ada = harness.EnrollTotp("acme", "ada");
         harness.DeleteEnrollment("acme", "ada", ada.enrollment_id);
         return Named(Right(ada), ada.enrollment_id);
       }},
      {"RevokedEnrollmentOfAMemberWithAnother",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         const auto gone = harness.EnrollTotp("acme", "ada");
         const auto other = harness.EnrollTotp("acme", "ada");
         harness.DeleteEnrollment("acme", "ada", gone.enrollment_id);
         return Named(Wrong(other), gone.enrollment_id);
       }},
      {"DisabledEnrollment",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         const auto ada = harness.EnrollTotp("acme", "ada");
         Disable(harness, ada);
         return Named(Right(ada), ada.enrollment_id);
       }},
      {"DisabledEnrollmentOfAMemberWithAnother",
       [](EngineHarness& harness) {
         harness.CreateMember("acme", "ada");
         const auto ada = harness.EnrollTotp("acme", "ada");
         Disable(harness, ada);
         const auto other = harness.EnrollTotp("acme", "ada");
         return Named(Wrong(other), ada.enrollment_id);
       }},
      {"EnrollmentOfSomebodyElse",
       [](EngineHarness& harness) {
         Target target = KnownMember(harness);
         harness.CreateMember("acme", "bob");
         const auto bob = harness.EnrollTotp("acme", "bob");
         return Named(target, bob.enrollment_id);
       }},
      {"SuspendedMember",
       [](EngineHarness& harness) {
         Target target = KnownMemberNamed(harness);
         harness.SuspendMember("acme", "ada");
         return target;
       }},
  };
}

// How whoever guesses goes about it. Depends on nothing that it was answered.
struct Pace {
  std::string name;
  absl::Duration between;
  // Between those from the hundredth on, which disables an enrollment.
  absl::Duration at_last;
};

std::vector<Pace> Paces() {
  return {
      {"AtOnce", absl::ZeroDuration(), absl::ZeroDuration()},
      {"EveryTenSeconds", absl::Seconds(10), absl::Seconds(10)},
      // Each is evaluated.
      {"AfterEachLock", absl::Minutes(61), absl::Minutes(61)},
      {"AtOnceAfterTheHundredth", absl::Minutes(61), absl::ZeroDuration()},
  };
}

Answer Guess(EngineHarness& harness, const Target& target, int number) {
  v1::VerifyRequest request;
  request.set_account_id(target.account_id);
  request.set_member_id(target.member_id);
  request.set_enrollment_id(target.enrollment_id);
  request.set_code(target.code(harness.now()));
  return AnswerOf(harness.Call(&VerificationEngine::Verify, request));
}

// As Guess, but names the enrollment only every other time.
Answer GuessNowAndThenNamed(EngineHarness& harness, const Target& target,
                            int number) {
  Target asked = target;
  if (number % 2 == 1) asked.enrollment_id.clear();
  return Guess(harness, asked, number);
}

// What tells one challenge from another by nature: ids and times.
void Anonymize(const Target& target, v1::Challenge& challenge) {
  const auto mark = [](std::string& id, const std::string& asked) {
    id = id.empty() ? "" : id == asked ? "as asked" : "another";
  };
  mark(*challenge.mutable_challenge_id(), "");
  mark(*challenge.mutable_account_id(), target.account_id);
  mark(*challenge.mutable_member_id(), target.member_id);
  mark(*challenge.mutable_enrollment_id(), target.enrollment_id);
  const int64_t created = challenge.create_time().seconds();
  challenge.mutable_create_time()->set_seconds(0);
  challenge.mutable_expire_time()->set_seconds(
      challenge.expire_time().seconds() - created);
  if (challenge.has_end_time()) {
    challenge.mutable_end_time()->set_seconds(challenge.end_time().seconds() -
                                              created);
  }
}

// Asks for a challenge and answers it, both as seen.
Answer GuessByChallenge(EngineHarness& harness, const Target& target,
                        int number) {
  v1::CreateChallengeRequest create;
  create.set_account_id(target.account_id);
  create.set_member_id(target.member_id);
  create.set_enrollment_id(target.enrollment_id);
  if (target.enrollment_id.empty()) create.set_factor_type("totp");
  create.set_purpose("sign-in");
  auto created = harness.Call(&ChallengeEngine::CreateChallenge, create);
  if (!created.ok()) return AnswerOf(created);
  v1::VerifyChallengeRequest request;
  request.set_challenge_id(created->challenge().challenge_id());
  request.set_account_id(target.account_id);
  request.set_member_id(target.member_id);
  request.set_purpose("sign-in");
  request.mutable_response()->set_code(target.code(harness.now()));
  auto verified = harness.Call(&ChallengeEngine::VerifyChallenge, request);
  Anonymize(target, *created->mutable_challenge());
  if (verified.ok()) Anonymize(target, *verified->mutable_challenge());
  Answer answer = AnswerOf(verified);
  answer.response = created->DebugString() + answer.response;
  return answer;
}

// By Verify and by challenges in turn, which must share what they count.
Answer GuessBothWays(EngineHarness& harness, const Target& target, int number) {
  return number % 2 == 0 ? Guess(harness, target, number)
                         : GuessByChallenge(harness, target, number);
}

using Guesser = Answer (*)(EngineHarness&, const Target&, int);

std::vector<Answer> Answers(const Scene& scene, const Pace& pace,
                            Guesser guess) {
  EngineHarness harness;
  const Target target = scene(harness);
  harness.ActAs({v1::SCOPE_VERIFY});
  std::vector<Answer> answers;
  for (int i = 0; i < kGuesses; ++i) {
    answers.push_back(guess(harness, target, i));
    harness.clock().Advance(i < 100 ? pace.between : pace.at_last);
  }
  return answers;
}

void ExpectSameAnswers(const Scene& known,
                       const std::vector<NamedScene>& scenes, Guesser guess) {
  for (const Pace& pace : Paces()) {
    const std::vector<Answer> expected = Answers(known, pace, guess);
    ASSERT_EQ(expected[5].reason == "LOCKED", pace.between < absl::Seconds(30));
    for (const NamedScene& scene : scenes) {
      SCOPED_TRACE(absl::StrCat(scene.name, " ", pace.name));
      const std::vector<Answer> answers = Answers(scene.scene, pace, guess);
      for (int i = 0; i < kGuesses; ++i) {
        ASSERT_EQ(answers[i], expected[i]) << "guess " << i;
      }
    }
  }
}

TEST(DecoyAnswersTest, VerifyAnswersAsForAKnownMember) {
  ExpectSameAnswers(KnownMember, Scenes(), Guess);
}

TEST(DecoyAnswersTest, VerifyOfANamedEnrollmentAnswersAsForAKnownOne) {
  ExpectSameAnswers(KnownMemberNamed, NamedScenes(), Guess);
}

TEST(DecoyAnswersTest,
     VerifyThatNamesAnEnrollmentNowAndThenAnswersAsForAKnownOne) {
  ExpectSameAnswers(KnownMemberNamed, NamedScenes(), GuessNowAndThenNamed);
}

TEST(DecoyAnswersTest, AMadeUpEnrollmentTellsNoKnownMemberFromAnUnknownOne) {
  const auto made_up = [](EngineHarness& harness) {
    return Named(KnownMember(harness), "0123456789abcdef0123456789abcdef");
  };
  const auto of_nobody = [made_up](EngineHarness& harness) {
    Target target = made_up(harness);
    target.member_id = "eve";
    return target;
  };
  for (Guesser guess :
       {Guess, GuessNowAndThenNamed, GuessByChallenge, GuessBothWays}) {
    ExpectSameAnswers(made_up, {{"UnknownMember", of_nobody}}, guess);
  }
}

TEST(DecoyAnswersTest, ChallengesAnswerAsForAKnownMember) {
  ExpectSameAnswers(KnownMember, Scenes(), GuessByChallenge);
}

TEST(DecoyAnswersTest, ChallengesOfANamedEnrollmentAnswerAsForAKnownOne) {
  ExpectSameAnswers(KnownMemberNamed, NamedScenes(), GuessByChallenge);
}

TEST(DecoyAnswersTest, VerifyAndChallengesInTurnAnswerAsForAKnownMember) {
  ExpectSameAnswers(KnownMember, Scenes(), GuessBothWays);
  ExpectSameAnswers(KnownMemberNamed, NamedScenes(), GuessBothWays);
}

TEST(DecoyAnswersTest, ALockThatHoldsStaysWhenTheMemberIsSuspended) {
  const auto locked = [](EngineHarness& harness) {
    Target target = KnownMember(harness);
    for (int i = 0; i < 7; ++i) (void)Guess(harness, target, i);
    return target;
  };
  const auto locked_and_suspended = [locked](EngineHarness& harness) {
    Target target = locked(harness);
    harness.SuspendMember("acme", "ada");
    return target;
  };
  for (const Pace& pace : Paces()) {
    const auto expected = Answers(locked, pace, Guess);
    EXPECT_EQ(expected[0].reason, "LOCKED");
    EXPECT_EQ(Answers(locked_and_suspended, pace, Guess), expected);
  }
}

}  // namespace
}  // namespace cofactor::services
