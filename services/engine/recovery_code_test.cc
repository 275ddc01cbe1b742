// What the host makes of recovery codes: each counts once, a new set replaces
// the old one, and nobody can read a code again.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/errors.h"
#include "cofactor/v1/audit.pb.h"
#include "gtest/gtest.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/support_engine.h"
#include "services/engine/verification_engine.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

// A set as the person holds it.
struct Codes {
  std::string enrollment_id;
  std::vector<std::string> codes;
};

constexpr absl::string_view kNobodysCode = "ABCD-EFGH-JKMN-PQRS";

class RecoveryCodeTest : public testing::Test {
 protected:
  RecoveryCodeTest() {
    harness_.CreateMember("acme", "ada");
    harness_.CreateMember("acme", "bob");
  }

  Codes Begin(const std::string& member_id,
              const std::string& request_id = "") {
    v1::BeginEnrollmentRequest request;
    request.set_request_id(request_id);
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_factor_type("recovery_code");
    const auto begun =
        harness_.Call(&EnrollmentEngine::BeginEnrollment, request);
    EXPECT_TRUE(begun.ok()) << begun.status();
    const auto& codes = begun->activation().recovery_code().codes();
    return {begun->enrollment().enrollment_id(), {codes.begin(), codes.end()}};
  }

  absl::StatusOr<v1::ConfirmEnrollmentResponse> Confirm(
      const std::string& member_id, const std::string& enrollment_id,
      const std::string& code) {
    v1::ConfirmEnrollmentRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_enrollment_id(enrollment_id);
    request.mutable_response()->set_code(code);
    return harness_.Call(&EnrollmentEngine::ConfirmEnrollment, request);
  }

  Codes Enrol(const std::string& member_id) {
    Codes set = Begin(member_id);
    EXPECT_TRUE(
        Confirm(member_id, set.enrollment_id, set.codes[0])->verified());
    return set;
  }

  static v1::VerifyRequest VerifyRequest(const std::string& member_id,
                                         absl::string_view code) {
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_factor_type("recovery_code");
    request.set_code(std::string(code));
    return request;
  }
  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& member_id,
                                            absl::string_view code) {
    return harness_.Call(&VerificationEngine::Verify,
                         VerifyRequest(member_id, code));
  }
  bool IsVerified(const std::string& member_id, absl::string_view code) {
    const auto response = Verify(member_id, code);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() && response->verified();
  }

  absl::StatusOr<v1::Enrollment> Get(const std::string& member_id,
                                     const std::string& enrollment_id) {
    v1::GetEnrollmentRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_enrollment_id(enrollment_id);
    const auto response =
        harness_.Call(&EnrollmentEngine::GetEnrollment, request);
    if (!response.ok()) return response.status();
    return response->enrollment();
  }
  std::string Remaining(const std::string& member_id,
                        const std::string& enrollment_id) {
    return Get(member_id, enrollment_id)->attributes().at("remaining");
  }

  // No record of the store, which is not sealed here, holds a code.
  void ExpectNowhereInTheStore(const Codes& set) {
    for (const storage::Entry& entry : harness_.RawRecords()) {
      for (const std::string& code : set.codes) {
        const std::string plain = absl::StrReplaceAll(code, {{"-", ""}});
        for (const std::string& form :
             {code, plain, absl::AsciiStrToLower(plain)}) {
          EXPECT_FALSE(absl::StrContains(entry.record.value, form))
              << entry.key;
        }
      }
    }
  }

  EngineHarness harness_;
};

TEST_F(RecoveryCodeTest, AcceptsOneOfSixtyFourAtOnceAndLeavesTheRest) {
  const Codes set = Enrol("ada");
  std::atomic<int> verified{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      const auto response = Verify("ada", set.codes[0]);
      if (response.ok() && response->verified()) ++verified;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 1);
  EXPECT_EQ(Remaining("ada", set.enrollment_id), "9");
  int told = 0;
  for (const record::v1::AuditRecord& event : harness_.AuditEvents()) {
    if (event.action() != "Verify" ||
        event.result() != v1::AUDIT_RESULT_VERIFIED) {
      continue;
    }
    ++told;
    EXPECT_EQ(event.factor_type(), "recovery_code");
    EXPECT_EQ(event.member_id(), "ada");
    EXPECT_EQ(event.enrollment_id(), set.enrollment_id);
    EXPECT_EQ(event.note(), "recovery codes that remain: 9");
  }
  EXPECT_EQ(told, 1);

  // Those who came too late have locked it.
  harness_.clock().Advance(absl::Hours(1));
  for (size_t i = 1; i < set.codes.size(); ++i) {
    EXPECT_TRUE(IsVerified("ada", set.codes[i])) << i;
  }
  EXPECT_EQ(Remaining("ada", set.enrollment_id), "0");
  EXPECT_FALSE(IsVerified("ada", set.codes[0]));
}

TEST_F(RecoveryCodeTest, TellsHowManyRemain) {
  const Codes set = Enrol("ada");
  EXPECT_EQ(Remaining("ada", set.enrollment_id), "10");
  harness_.ActAs({v1::SCOPE_VERIFY});
  const auto verified = Verify("ada", set.codes[0]);
  ASSERT_TRUE(verified.ok() && verified->verified());
  EXPECT_EQ(verified->enrollment().attributes().at("remaining"), "9");
  const auto wrong = Verify("ada", set.codes[0]);
  ASSERT_TRUE(wrong.ok());
  EXPECT_FALSE(wrong->has_enrollment());

  v1::CreateChallengeRequest create;
  create.set_account_id("acme");
  create.set_member_id("ada");
  create.set_factor_type("recovery_code");
  create.set_purpose("sign-in");
  const auto created = harness_.Call(&ChallengeEngine::CreateChallenge, create);
  ASSERT_TRUE(created.ok()) << created.status();
  v1::VerifyChallengeRequest answer;
  answer.set_challenge_id(created->challenge().challenge_id());
  answer.set_account_id("acme");
  answer.set_member_id("ada");
  answer.set_purpose("sign-in");
  answer.mutable_response()->set_code(set.codes[1]);
  const auto answered =
      harness_.Call(&ChallengeEngine::VerifyChallenge, answer);
  ASSERT_TRUE(answered.ok() && answered->verified());
  EXPECT_EQ(answered->enrollment().attributes().at("remaining"), "8");
  EXPECT_EQ(harness_.AuditEvents().back().note(),
            "recovery codes that remain: 8");
}

TEST_F(RecoveryCodeTest, ANewSetReplacesTheOldOneOnceItIsConfirmed) {
  const auto app = harness_.EnrollTotp("acme", "ada");
  const Codes bobs = Enrol("bob");
  const Codes old = Enrol("ada");
  const Codes left = Begin("ada");  // Another that nobody went on with.
  const Codes renewed = Begin("ada");
  EXPECT_FALSE(IsVerified("ada", renewed.codes[0]));
  EXPECT_TRUE(IsVerified("ada", old.codes[0]));
  EXPECT_FALSE(Confirm("ada", renewed.enrollment_id, old.codes[1])->verified());
  EXPECT_TRUE(IsVerified("ada", old.codes[1]));

  ASSERT_TRUE(
      Confirm("ada", renewed.enrollment_id, renewed.codes[0])->verified());
  EXPECT_EQ(harness_.AuditEvents().back().note(),
            absl::StrCat("recovery codes that remain: 10; replaces ",
                         old.enrollment_id, "; replaces ", left.enrollment_id));
  for (const Codes& gone : {old, left}) {
    EXPECT_EQ(ErrorReason(Get("ada", gone.enrollment_id).status()),
              "ENROLLMENT_NOT_FOUND");
  }
  EXPECT_FALSE(IsVerified("ada", old.codes[2]));
  EXPECT_TRUE(IsVerified("ada", renewed.codes[0]));
  EXPECT_FALSE(IsVerified("ada", renewed.codes[0]));
  // Nothing else of the member, and nothing of others.
  EXPECT_TRUE(Get("ada", app.enrollment_id).ok());
  EXPECT_TRUE(IsVerified("bob", bobs.codes[0]));
}

TEST_F(RecoveryCodeTest, AMemberHasManyAppsAllTheSame) {
  const auto first = harness_.EnrollTotp("acme", "ada");
  const auto second = harness_.EnrollTotp("acme", "ada");
  EXPECT_TRUE(Get("ada", first.enrollment_id).ok());
  EXPECT_TRUE(Get("ada", second.enrollment_id).ok());
}

TEST_F(RecoveryCodeTest, ANewSetIsNoNewBudget) {
  Enrol("ada");
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(IsVerified("ada", kNobodysCode));
  Enrol("ada");
  v1::ExplainRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  const auto explained = harness_.Call(&SupportEngine::Explain, request);
  ASSERT_TRUE(explained.ok());
  ASSERT_EQ(explained->enrollments_size(), 1);
  EXPECT_EQ(explained->enrollments(0).budget().failures(), 3u);
}

TEST_F(RecoveryCodeTest, KeepsNoCode) {
  const Codes set = Enrol("ada");
  ExpectNowhereInTheStore(set);
  EXPECT_TRUE(IsVerified("ada", set.codes[0]));
  EXPECT_FALSE(IsVerified("ada", set.codes[0]));
  ExpectNowhereInTheStore(set);
}

TEST_F(RecoveryCodeTest, GivesTheCodesToARetryOnlyUntilTheyAreConfirmed) {
  const Codes left = Begin("ada", "r-1");
  const Codes set = Begin("ada", "r-2");
  EXPECT_EQ(Begin("ada", "r-2").codes, set.codes);
  ASSERT_TRUE(Confirm("ada", set.enrollment_id, set.codes[9])->verified());
  EXPECT_TRUE(Begin("ada", "r-1").codes.empty());
  EXPECT_TRUE(Begin("ada", "r-2").codes.empty());
  ExpectNowhereInTheStore(set);
  ExpectNowhereInTheStore(left);
}

// A server that starts on what another has stored.
TEST_F(RecoveryCodeTest, AUsedCodeStaysUsedAfterARestart) {
  const Codes set = Enrol("ada");
  EXPECT_TRUE(IsVerified("ada", set.codes[0]));
  EngineHarness restarted(7);
  storage::Transaction transaction;
  for (const storage::Entry& entry : harness_.RawRecords()) {
    if (!absl::StartsWith(entry.key, "~")) {
      transaction.Put(entry.key, entry.record.value);
    }
  }
  ASSERT_TRUE(
      storage::CommitAndWait(restarted.store(), std::move(transaction)).ok());
  const auto verify = [&](const std::string& code) {
    return restarted.Call(&VerificationEngine::Verify,
                          VerifyRequest("ada", code));
  };
  EXPECT_FALSE(verify(set.codes[0])->verified());
  EXPECT_TRUE(verify(set.codes[1])->verified());
}

TEST_F(RecoveryCodeTest, LocksAfterFiveWrongCodesAndLosesNone) {
  const Codes set = Enrol("ada");
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(IsVerified("ada", kNobodysCode));
  EXPECT_EQ(ErrorReason(Verify("ada", set.codes[0]).status()), "LOCKED");
  EXPECT_EQ(Remaining("ada", set.enrollment_id), "10");
  harness_.clock().Advance(absl::Seconds(30));
  EXPECT_TRUE(IsVerified("ada", set.codes[0]));
}

TEST_F(RecoveryCodeTest, TakesNoSpellingOfAUsedCode) {
  const Codes set = Enrol("ada");
  const std::string& code = set.codes[0];
  const std::string plain = absl::StrReplaceAll(code, {{"-", ""}});
  EXPECT_TRUE(IsVerified("ada", absl::AsciiStrToLower(plain)));
  for (const std::string& spelling :
       {code, plain, absl::AsciiStrToLower(code)}) {
    EXPECT_FALSE(IsVerified("ada", spelling)) << spelling;
  }
  EXPECT_EQ(Get("ada", set.enrollment_id)->consecutive_failures(), 3u);
  for (const std::string& spelling :
       {absl::StrCat(" ", code), absl::StrCat(code, " "),
        absl::StrReplaceAll(code, {{"-", " "}}), std::string(1 << 20, 'A')}) {
    EXPECT_EQ(Verify("ada", spelling).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Get("ada", set.enrollment_id)->consecutive_failures(), 3u);
}

TEST_F(RecoveryCodeTest, TakesNoCodeOfAnotherMember) {
  const Codes adas = Enrol("ada");
  const Codes bobs = Enrol("bob");
  EXPECT_FALSE(IsVerified("ada", bobs.codes[0]));
  EXPECT_EQ(Remaining("bob", bobs.enrollment_id), "10");
  EXPECT_TRUE(IsVerified("bob", bobs.codes[0]));
  EXPECT_EQ(Get("ada", adas.enrollment_id)->consecutive_failures(), 1u);
}

TEST_F(RecoveryCodeTest, WantsToKnowWhoseCodeItIs) {
  const Codes set = Enrol("ada");
  const auto response = Verify("", set.codes[0]);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Remaining("ada", set.enrollment_id), "10");
}

TEST_F(RecoveryCodeTest, TellsNobodyWhoHasASet) {
  Enrol("ada");
  harness_.ActAs({v1::SCOPE_VERIFY});
  for (const std::string member_id : {"ada", "bob", "eve"}) {
    for (int i = 0; i < 5; ++i) {
      const auto response = Verify(member_id, kNobodysCode);
      ASSERT_TRUE(response.ok()) << response.status();
      EXPECT_EQ(response->reason(), v1::VERIFICATION_REASON_WRONG_CODE);
    }
    EXPECT_EQ(ErrorReason(Verify(member_id, kNobodysCode).status()), "LOCKED");
  }
}

}  // namespace
}  // namespace cofactor::services
