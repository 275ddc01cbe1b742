#include "services/engine/mutation_runner.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/doubles/engine_harness.h"
#include "tests/doubles/held_store.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::util::MessageDifferencer;

class MutationRunnerTest : public testing::Test {
 protected:
  MutationRunnerTest() { harness_.CreateMember("acme", "ada"); }

  EngineHarness harness_;
};

TEST_F(MutationRunnerTest, ReturnsTheFirstResultToARetryAndUsesNothingUp) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  v1::VerifyRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_code(ada.authenticator.CodeAt(harness_.now()));
  request.set_request_id("r-1");
  const auto first = harness_.Call(&VerificationEngine::Verify, request);
  ASSERT_TRUE(first.ok() && first->verified());
  const auto again = harness_.Call(&VerificationEngine::Verify, request);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(MessageDifferencer::Equals(*first, *again));
  // Under another id it is another call, so a replay.
  request.set_request_id("r-2");
  EXPECT_FALSE(harness_.Call(&VerificationEngine::Verify, request)->verified());
}

TEST_F(MutationRunnerTest, CountsAFailureOncePerRequestId) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  v1::VerifyRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_code(WrongCode(ada.authenticator, harness_.now()));
  request.set_request_id("r-1");
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(harness_.Call(&VerificationEngine::Verify, request).ok());
  }
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", ada.enrollment_id)
                .consecutive_failures(),
            1u);
}

TEST_F(MutationRunnerTest, RefusesAnotherBodyOrMethodUnderTheSameId) {
  v1::CreateAccountRequest request;
  request.mutable_account()->set_account_id("beta");
  request.set_request_id("r-1");
  ASSERT_TRUE(harness_.Call(&AccountEngine::CreateAccount, request).ok());
  request.mutable_account()->set_display_name("x");
  EXPECT_EQ(ErrorReason(
                harness_.Call(&AccountEngine::CreateAccount, request).status()),
            "REQUEST_ID_REUSED");
  v1::DeleteAccountRequest other;
  other.set_account_id("beta");
  other.set_request_id("r-1");
  EXPECT_EQ(
      ErrorReason(harness_.Call(&AccountEngine::DeleteAccount, other).status()),
      "REQUEST_ID_REUSED");
}

TEST_F(MutationRunnerTest, GivesEachClientRequestIdsOfItsOwn) {
  const auto as_client = [this](const std::string& client_id) {
    auto permissions = std::make_shared<Permissions>();
    permissions->client_id = client_id;
    permissions->scopes = ScopeSet::All();
    harness_.ActAs(Caller{std::move(permissions), "", ""});
  };
  v1::CreateAccountRequest request;
  request.set_request_id("r-1");
  request.mutable_account()->set_account_id("beta");
  as_client("one");
  ASSERT_TRUE(harness_.Call(&AccountEngine::CreateAccount, request).ok());
  // The same call of another client is not a retry, and another is no reuse.
  as_client("two");
  EXPECT_EQ(ErrorReason(
                harness_.Call(&AccountEngine::CreateAccount, request).status()),
            "ALREADY_EXISTS");
  request.mutable_account()->set_account_id("gamma");
  EXPECT_TRUE(harness_.Call(&AccountEngine::CreateAccount, request).ok());
  as_client("one");
  request.mutable_account()->set_account_id("beta");
  EXPECT_TRUE(harness_.Call(&AccountEngine::CreateAccount, request).ok());
}

TEST_F(MutationRunnerTest, ForgetsAResultAfterADay) {
  v1::CreateAccountRequest request;
  request.mutable_account()->set_account_id("beta");
  request.set_request_id("r-1");
  ASSERT_TRUE(harness_.Call(&AccountEngine::CreateAccount, request).ok());
  harness_.clock().Advance(absl::Hours(24) - absl::Microseconds(1));
  EXPECT_TRUE(harness_.Call(&AccountEngine::CreateAccount, request).ok());
  harness_.clock().Advance(absl::Microseconds(1));
  EXPECT_EQ(
      harness_.Call(&AccountEngine::CreateAccount, request).status().code(),
      absl::StatusCode::kAlreadyExists);
}

TEST_F(MutationRunnerTest, KeepsNoResultOfAnError) {
  v1::CreateMemberRequest request;
  request.mutable_member()->set_account_id("beta");
  request.mutable_member()->set_member_id("bob");
  request.set_request_id("r-1");
  EXPECT_EQ(ErrorReason(
                harness_.Call(&AccountEngine::CreateMember, request).status()),
            "ACCOUNT_NOT_FOUND");
  harness_.CreateMember("beta", "ada");
  EXPECT_TRUE(harness_.Call(&AccountEngine::CreateMember, request).ok());
}

TEST_F(MutationRunnerTest, DoesOneOfManyCallsWithTheSameIdAtOnce) {
  const auto ada = harness_.EnrollTotp("acme", "ada");
  v1::VerifyRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_code(ada.authenticator.CodeAt(harness_.now()));
  request.set_request_id("r-1");
  std::atomic<int> verified{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 32; ++i) {
    threads.emplace_back([&] {
      const auto response = harness_.Call(&VerificationEngine::Verify, request);
      if (response.ok() && response->verified()) ++verified;
    });
  }
  for (std::thread& thread : threads) thread.join();
  // All are the same call, so all get its result, and nothing was counted.
  EXPECT_EQ(verified, 32);
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", ada.enrollment_id)
                .consecutive_failures(),
            0u);
}

TEST_F(MutationRunnerTest, LosesNoUpdateOfManyAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> created{0};
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      v1::BeginEnrollmentRequest request;
      request.set_account_id("acme");
      request.set_member_id("ada");
      request.set_factor_type("totp");
      if (harness_.Call(&EnrollmentEngine::BeginEnrollment, request).ok()) {
        ++created;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 16);
  v1::ListEnrollmentsRequest list;
  list.set_account_id("acme");
  list.set_member_id("ada");
  EXPECT_EQ(harness_.Call(&EnrollmentEngine::ListEnrollments, list)
                ->enrollments_size(),
            16);
}

TEST_F(MutationRunnerTest, RefusesAMalformedRequestId) {
  v1::CreateAccountRequest request;
  request.mutable_account()->set_account_id("beta");
  for (const std::string& id :
       {std::string(65, 'x'), std::string("a b"), std::string("a\nb")}) {
    request.set_request_id(id);
    EXPECT_EQ(
        harness_.Call(&AccountEngine::CreateAccount, request).status().code(),
        absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(MutationRunnerTest, RefusesARecordOfALaterVersion) {
  record::v1::MemberRecord member;
  member.set_version(kRecordVersion + 1);
  storage::Transaction transaction;
  transaction.Put("m/acme/eve", member.SerializeAsString());
  ASSERT_TRUE(
      storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  EXPECT_EQ(ErrorReason(harness_.Verify("acme", "eve", "123456").status()),
            "UNKNOWN_RECORD_VERSION");
}

// Nobody else runs here: an answer that came too early would be seen.
TEST(MutationRunnerAnswerTest, ComesOnlyOnceTheTransactionIsDurable) {
  const ManualClock clock(absl::FromUnixSeconds(1'700'000'000));
  HeldStore store(std::make_unique<storage::MemoryStore>(clock));
  InlineExecutor executor;
  SeededRandomness randomness(1);
  const AuditLog audit_log(randomness, absl::Hours(1));
  MutationRunner runner(store, executor, clock, audit_log, nullptr, nullptr);
  const AccountEngine engine{};
  v1::CreateAccountRequest request;
  request.mutable_account()->set_account_id("acme");
  v1::CreateAccountResponse response;
  bool answered = false;
  store.Hold();
  runner.Run(
      Caller::Server(), request, "", response,
      [&](Plan& plan) { return engine.CreateAccount(plan, request, response); },
      [&](absl::Status status) {
        EXPECT_TRUE(status.ok()) << status;
        answered = true;
      });
  store.WaitUntilHeld(1);
  EXPECT_FALSE(answered);
  store.Release();
  EXPECT_TRUE(answered);
}

// What was planned for a message, and for those who listen, goes with the plan.
TEST(MutationRunnerAnswerTest, SendsNothingOfAPlanThatLost) {
  struct Heard final : public MessageSender, public ChallengeListener {
    void Send(std::vector<PlannedMessage> messages) override {
      for (const PlannedMessage& message : messages) {
        message_ids.push_back(message.message_id);
      }
    }
    void ChallengesChanged(
        const std::vector<ChallengeChange>& changes) override {
      for (const ChallengeChange& change : changes) {
        challenge_ids.push_back(change.challenge_id);
      }
    }
    std::vector<std::string> message_ids;
    std::vector<std::string> challenge_ids;
  } heard;
  const ManualClock clock(absl::FromUnixSeconds(1'700'000'000));
  storage::MemoryStore store(clock);
  InlineExecutor executor;
  SeededRandomness randomness(1);
  const AuditLog audit_log(randomness, absl::Hours(1));
  MutationRunner runner(store, executor, clock, audit_log, nullptr, &heard,
                        &heard);
  // The first try loses against another call; the second ends as asked.
  const auto run = [&](absl::Status second) {
    v1::CreateAccountRequest request;
    v1::CreateAccountResponse response;
    int tries = 0;
    runner.Run(
        Caller::Server(), request, "", response,
        [&](Plan& plan) -> absl::Status {
          ++tries;
          RETURN_IF_ERROR(
              plan.Read<record::v1::AccountRecord>("a/acme").status());
          const std::string id = absl::StrCat("try ", tries);
          if (tries > 1 && !second.ok()) return second;
          plan.Send({{"sms", "+49", Secret()}, id, "acme", plan.now()});
          plan.Announce({"acme", "ada", id});
          record::v1::AccountRecord account;
          plan.Write("a/acme", account);
          if (tries > 1) return absl::OkStatus();
          record::v1::AccountRecord others;
          others.set_version(kRecordVersion);
          storage::Transaction other;
          other.Put("a/acme", others.SerializeAsString());
          return storage::CommitAndWait(store, std::move(other));
        },
        [&](absl::Status status) { EXPECT_EQ(status, second); });
    EXPECT_EQ(tries, 2);
  };
  run(RetryLater("LOCKED", "locked", absl::Seconds(1)));
  EXPECT_TRUE(heard.message_ids.empty());
  EXPECT_TRUE(heard.challenge_ids.empty());
  run(absl::OkStatus());
  EXPECT_EQ(heard.message_ids, std::vector<std::string>{"try 2"});
  EXPECT_EQ(heard.challenge_ids, std::vector<std::string>{"try 2"});
}

}  // namespace
}  // namespace cofactor::services
