// Passwords behind the host: who gets in, what is counted, and what is kept.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/errors.h"
#include "factors/password/password_factor.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/policy_engine.h"
#include "services/engine/verification_engine.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

constexpr char kRight[] = "nine lamps, no attic";
constexpr char kWrong[] = "ten lamps, no cellar";

// The factor "password", which counts how often it hashes.
class CountingPassword final : public factors::Factor {
 public:
  explicit CountingPassword(std::atomic<int>& verdicts)
      : inner_(MakeInner()), verdicts_(verdicts) {}

  const factors::FactorDescriptor& descriptor() const override {
    return inner().descriptor();
  }
  absl::StatusOr<factors::BegunEnrollment> BeginEnrollment(
      const factors::EnrollmentSubject& subject,
      const v1::FactorParameters& parameters, absl::Time now,
      Randomness& randomness) const override {
    return inner().BeginEnrollment(subject, parameters, now, randomness);
  }
  absl::StatusOr<std::optional<v1::FactorResponse>> CurrentSecret(
      const v1::FactorParameters& parameters) const override {
    return inner().CurrentSecret(parameters);
  }
  absl::Status CheckResponse(const v1::FactorResponse& response,
                             absl::string_view code_field) const override {
    return inner().CheckResponse(response, code_field);
  }
  absl::StatusOr<factors::Verdict> ConfirmEnrollment(
      const factors::Attempt& attempt) const override {
    ++verdicts_;
    return inner().ConfirmEnrollment(attempt);
  }
  absl::StatusOr<factors::Verdict> Verify(
      const factors::Attempt& attempt) const override {
    ++verdicts_;
    return inner().Verify(attempt);
  }
  absl::StatusOr<factors::FactorState> DecoyState(
      Randomness& randomness) const override {
    return inner().DecoyState(randomness);
  }

 private:
  static factors::FactorRegistry MakeInner() {
    factors::FactorRegistry::Builder builder;
    EXPECT_TRUE(factors::password::RegisterPassword(
                    builder, factors::password::PasswordOptions())
                    .ok());
    return std::move(builder).Build();
  }
  const factors::Factor& inner() const { return *inner_.Find("password"); }

  const factors::FactorRegistry inner_;
  std::atomic<int>& verdicts_;
};

class PasswordTest : public testing::Test {
 protected:
  PasswordTest() : harness_(Factors()) {
    harness_.CreateMember("acme", "ada");
    harness_.CreateMember("acme", "bob");
  }

  std::string Begin(const v1::PasswordParameters& parameters,
                    const std::string& request_id = "") {
    v1::BeginEnrollmentRequest begin;
    begin.set_request_id(request_id);
    begin.set_account_id("acme");
    begin.set_member_id("ada");
    begin.set_factor_type("password");
    *begin.mutable_parameters()->mutable_password() = parameters;
    const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
    EXPECT_TRUE(begun.ok()) << begun.status();
    return begun.ok() ? begun->enrollment().enrollment_id() : "";
  }
  std::string Begin(const std::string& password,
                    const std::string& request_id = "",
                    const std::string& current = "") {
    v1::PasswordParameters parameters;
    parameters.set_password(password);
    parameters.set_current_password(current);
    return Begin(parameters, request_id);
  }

  bool Confirm(const std::string& enrollment_id, const std::string& password,
               const std::string& request_id = "") {
    v1::ConfirmEnrollmentRequest confirm;
    confirm.set_request_id(request_id);
    confirm.set_account_id("acme");
    confirm.set_member_id("ada");
    confirm.set_enrollment_id(enrollment_id);
    confirm.mutable_response()->set_password(password);
    const auto confirmed =
        harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm);
    EXPECT_TRUE(confirmed.ok()) << confirmed.status();
    return confirmed.ok() && confirmed->verified();
  }

  std::string Enrol(const std::string& password) {
    const std::string enrollment_id = Begin(password);
    EXPECT_TRUE(Confirm(enrollment_id, password));
    return enrollment_id;
  }

  static v1::VerifyRequest Request(const std::string& member_id,
                                   const std::string& password) {
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_factor_type("password");
    request.mutable_response()->set_password(password);
    return request;
  }

  absl::StatusOr<v1::VerifyResponse> Verify(const v1::VerifyRequest& request) {
    return harness_.Call(&VerificationEngine::Verify, request);
  }
  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& member_id,
                                            const std::string& password) {
    return Verify(Request(member_id, password));
  }

  void ExpectNowhereInTheStore(const std::string& text) {
    for (const storage::Entry& entry : harness_.RawRecords()) {
      EXPECT_FALSE(absl::StrContains(entry.record.value, text)) << entry.key;
    }
  }

  factors::FactorRegistry Factors() {
    factors::FactorRegistry::Builder builder;
    EXPECT_TRUE(
        builder.Add(std::make_unique<CountingPassword>(verdicts_)).ok());
    return std::move(builder).Build();
  }

  std::atomic<int> verdicts_{0};
  EngineHarness harness_;
};

TEST_F(PasswordTest, LetsInWhoeverKnowsIt) {
  const std::string enrollment_id = Enrol(kRight);
  const auto right = Verify("ada", kRight);
  ASSERT_TRUE(right.ok()) << right.status();
  EXPECT_TRUE(right->verified());
  EXPECT_EQ(right->enrollment().enrollment_id(), enrollment_id);
  // And again: a password is not used up.
  EXPECT_TRUE(Verify("ada", kRight)->verified());
  const auto wrong = Verify("ada", kWrong);
  ASSERT_TRUE(wrong.ok());
  EXPECT_FALSE(wrong->verified());
  EXPECT_EQ(wrong->reason(), v1::VERIFICATION_REASON_WRONG_CODE);
}

TEST_F(PasswordTest, IsNothingBeforeItWasTypedOnceMore) {
  const std::string enrollment_id = Begin(kRight);
  EXPECT_FALSE(Verify("ada", kRight)->verified());
  EXPECT_FALSE(Confirm(enrollment_id, kWrong));
  EXPECT_FALSE(Verify("ada", kRight)->verified());
  EXPECT_TRUE(Confirm(enrollment_id, kRight));
  EXPECT_TRUE(Verify("ada", kRight)->verified());
}

TEST_F(PasswordTest, TakesAResponseOrACodeAndNotBoth) {
  Enrol(kRight);
  v1::VerifyRequest both = Request("ada", kRight);
  both.set_code("123456");
  EXPECT_EQ(ErrorReason(Verify(both).status()), "INVALID_FIELD");
  v1::VerifyRequest as_code = Request("ada", "");
  as_code.clear_response();
  as_code.set_code(kRight);
  EXPECT_EQ(ErrorReason(Verify(as_code).status()), "INVALID_FIELD");
  EXPECT_EQ(ErrorReason(Verify("ada", "").status()), "INVALID_FIELD");
  // A password does not tell whose it is.
  EXPECT_EQ(ErrorReason(Verify("", kRight).status()), "INVALID_FIELD");
  EXPECT_EQ(verdicts_, 1);  // That of the confirmation.
}

TEST_F(PasswordTest, LocksAfterFiveGuesses) {
  const std::string enrollment_id = Enrol(kRight);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(Verify("ada", kWrong)->verified());
  }
  const int before = verdicts_;
  EXPECT_EQ(ErrorReason(Verify("ada", kRight).status()), "LOCKED");
  EXPECT_EQ(verdicts_, before);
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", enrollment_id).state(),
            v1::ENROLLMENT_STATE_LOCKED);
  harness_.clock().Advance(absl::Seconds(30));
  EXPECT_TRUE(Verify("ada", kRight)->verified());
}

TEST_F(PasswordTest, CountsFiveOfManyGuessesAtOnce) {
  const std::string enrollment_id = Enrol(kRight);
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([this] { (void)Verify("ada", kWrong); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", enrollment_id)
                .consecutive_failures(),
            5u);
  EXPECT_EQ(ErrorReason(Verify("ada", kRight).status()), "LOCKED");
}

TEST_F(PasswordTest, AnUnknownMemberCostsAndLooksTheSame) {
  Enrol(kRight);
  // Passwords that were begun and not confirmed cost nothing more.
  Begin(kRight, "", kRight);
  Begin(kRight, "", kRight);
  harness_.ActAs({v1::SCOPE_VERIFY});
  const auto cost_and_answer = [this](const v1::VerifyRequest& request) {
    const int before = verdicts_;
    const auto answer = Verify(request);
    return std::make_pair(verdicts_ - before,
                          answer.ok() ? answer->ShortDebugString()
                                      : std::string(answer.status().message()));
  };
  const auto known = cost_and_answer(Request("ada", kWrong));
  EXPECT_EQ(known.first, 1);
  EXPECT_EQ(known.second, "reason: VERIFICATION_REASON_WRONG_CODE");
  // Nobody; a member without a password; an account that there is not; an
  // enrollment that there is not.
  EXPECT_EQ(cost_and_answer(Request("eve", kWrong)), known);
  EXPECT_EQ(cost_and_answer(Request("bob", kWrong)), known);
  v1::VerifyRequest elsewhere = Request("ada", kWrong);
  elsewhere.set_account_id("nowhere");
  EXPECT_EQ(cost_and_answer(elsewhere), known);
  v1::VerifyRequest named = Request("ada", kRight);
  named.set_enrollment_id("0123456789abcdef0123456789abcdef");
  EXPECT_EQ(cost_and_answer(named), known);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Verify("eve", kWrong).ok());
  EXPECT_EQ(ErrorReason(Verify("eve", kWrong).status()), "LOCKED");
}

TEST_F(PasswordTest, ASuspendedMemberCostsAndLooksTheSame) {
  Enrol(kRight);
  harness_.SuspendMember("acme", "ada");
  harness_.ActAs({v1::SCOPE_VERIFY});
  const int before = verdicts_;
  const auto right = Verify("ada", kRight);
  ASSERT_TRUE(right.ok());
  EXPECT_EQ(right->ShortDebugString(),
            "reason: VERIFICATION_REASON_WRONG_CODE");
  EXPECT_EQ(verdicts_ - before, 1);
}

TEST_F(PasswordTest, ANewOneTakesThePlaceOfTheOldOne) {
  const std::string old_id = Enrol(kRight);
  const std::string new_id = Begin("two cellars, eight doors", "", kRight);
  EXPECT_FALSE(Confirm(new_id, kWrong));
  EXPECT_TRUE(Verify("ada", kRight)->verified());
  EXPECT_TRUE(Confirm(new_id, "two cellars, eight doors"));
  EXPECT_FALSE(Verify("ada", kRight)->verified());
  EXPECT_TRUE(Verify("ada", "two cellars, eight doors")->verified());
  v1::ListEnrollmentsRequest list;
  list.set_account_id("acme");
  list.set_member_id("ada");
  const auto listed = harness_.Call(&EnrollmentEngine::ListEnrollments, list);
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ(listed->enrollments_size(), 1);
  EXPECT_EQ(listed->enrollments(0).enrollment_id(), new_id);
}

TEST_F(PasswordTest, TakesOverAHashAndForgetsItAtTheFirstRightPassword) {
  const std::string hash =
      "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";
  v1::PasswordParameters parameters;
  parameters.set_imported_hash(hash);
  const std::string enrollment_id = Begin(parameters);
  const auto kind = [&] {
    return harness_.GetEnrollment("acme", "ada", enrollment_id)
        .attributes()
        .at("hash");
  };
  EXPECT_EQ(kind(), "bcrypt");
  EXPECT_FALSE(Confirm(enrollment_id, "abd"));
  EXPECT_EQ(kind(), "bcrypt");
  EXPECT_TRUE(Confirm(enrollment_id, "abc"));
  EXPECT_EQ(kind(), "argon2id");
  ExpectNowhereInTheStore(hash);
  EXPECT_TRUE(Verify("ada", "abc")->verified());
  EXPECT_FALSE(Verify("ada", "abd")->verified());
}

TEST_F(PasswordTest, KeepsNoPasswordAnywhere) {
  const std::string enrollment_id = Begin(kRight, "r-begin");
  ExpectNowhereInTheStore(kRight);
  EXPECT_TRUE(Confirm(enrollment_id, kRight, "r-confirm"));
  v1::VerifyRequest request = Request("ada", kRight);
  request.set_request_id("r-verify");
  EXPECT_TRUE(Verify(request)->verified());
  request = Request("eve", kRight);
  request.set_request_id("r-nobody");
  EXPECT_FALSE(Verify(request)->verified());
  ExpectNowhereInTheStore(kRight);
}

TEST_F(PasswordTest, ARetryWithAnotherPasswordIsRefused) {
  Enrol(kRight);
  v1::VerifyRequest request = Request("ada", kRight);
  request.set_request_id("r-1");
  const auto first = Verify(request);
  ASSERT_TRUE(first.ok() && first->verified());
  const auto again = Verify(request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(
      google::protobuf::util::MessageDifferencer::Equals(*first, *again));
  request.mutable_response()->set_password(kWrong);
  EXPECT_EQ(ErrorReason(Verify(request).status()), "REQUEST_ID_REUSED");
}

TEST(VerifyResponseTest, TakesACodeAsAResponseToo) {
  EngineHarness harness;
  harness.CreateMember("acme", "ada");
  const auto ada = harness.EnrollTotp("acme", "ada");
  v1::VerifyRequest request;
  request.set_account_id("acme");
  request.mutable_response()->set_code(ada.authenticator.CodeAt(harness.now()));
  const auto answer = harness.Call(&VerificationEngine::Verify, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->verified());
  EXPECT_EQ(answer->member_id(), "ada");
}

TEST_F(PasswordTest, WantsMoreOfItWhereThePolicyAsksForNothingElse) {
  v1::PasswordParameters parameters;
  parameters.set_password("J7$mq!zP k2&Vx");
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id("ada");
  begin.set_factor_type("password");
  *begin.mutable_parameters()->mutable_password() = parameters;
  EXPECT_TRUE(harness_.Call(&EnrollmentEngine::BeginEnrollment, begin).ok());

  const PolicyEngine policies(harness_.registry());
  v1::SetPolicyRequest set;
  set.set_account_id("acme");
  v1::PolicyLevel& level = *set.mutable_policy()->add_levels();
  level.set_acr("password");
  level.add_any_of()->add_all_of()->set_factor_type("password");
  set.mutable_policy()->set_sign_in_acr("password");
  ASSERT_TRUE(harness_.Call(policies, &PolicyEngine::SetPolicy, set).ok());
  const auto refused =
      harness_.Call(&EnrollmentEngine::BeginEnrollment, begin).status();
  EXPECT_TRUE(absl::StrContains(refused.message(), "want 15 to 256"))
      << refused;
}

}  // namespace
}  // namespace cofactor::services
