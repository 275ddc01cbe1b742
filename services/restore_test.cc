#include "services/restore.h"

#include <string>
#include <utility>
#include <vector>

#include "base/randomness.h"
#include "factors/factor_registry.h"
#include "factors/standard_factors.h"
#include "gtest/gtest.h"
#include "services/engine/audit_log.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/keys.h"
#include "services/engine/verification_engine.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

class RestoreTest : public testing::Test {
 protected:
  RestoreTest() { harness_.CreateMember("acme", "ada"); }

  // Enrols a set of recovery codes for the member.
  v1::BeginEnrollmentResponse Enrol() {
    v1::BeginEnrollmentRequest begin;
    begin.set_account_id("acme");
    begin.set_member_id("ada");
    begin.set_factor_type("recovery_code");
    auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
    EXPECT_TRUE(begun.ok()) << begun.status();
    v1::ConfirmEnrollmentRequest confirm;
    confirm.set_account_id("acme");
    confirm.set_member_id("ada");
    confirm.set_enrollment_id(begun->enrollment().enrollment_id());
    confirm.mutable_response()->set_code(
        begun->activation().recovery_code().codes(0));
    EXPECT_TRUE(harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm)
                    ->verified());
    return *std::move(begun);
  }

  bool IsVerified(const std::string& code) {
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_factor_type("recovery_code");
    request.set_code(code);
    const auto response = harness_.Call(&VerificationEngine::Verify, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() && response->verified();
  }

  // Makes the members what they were, as a backup does.
  void PutBack(const std::vector<storage::Entry>& members) {
    storage::Transaction transaction;
    for (const storage::Entry& entry : members) {
      transaction.Put(entry.key, entry.record.value);
    }
    ASSERT_TRUE(
        storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  }

  absl::StatusOr<DisarmReport> Disarm() {
    factors::FactorRegistry::Builder builder;
    EXPECT_TRUE(factors::RegisterStandardFactors(builder).ok());
    const factors::FactorRegistry registry = std::move(builder).Build();
    SeededRandomness randomness(9);
    const AuditLog audit_log(randomness, absl::Hours(24 * 400));
    return DisarmRestored(
        {harness_.store(), harness_.clock(), randomness, audit_log}, registry);
  }

  EngineHarness harness_;
};

TEST_F(RestoreTest, ArmsNoUsedRecoveryCodeAgain) {
  const v1::BeginEnrollmentResponse begun = Enrol();
  const auto& codes = begun.activation().recovery_code().codes();
  const std::vector<storage::Entry> backup =
      harness_.RawRecords(std::string(kAllMembersPrefix));
  ASSERT_TRUE(IsVerified(codes[0]));
  PutBack(backup);

  const auto report = Disarm();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->enrollments, 1u);
  // The store does not know which were used since, so that none passes. A fifth
  // wrong one would lock.
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(IsVerified(codes[i])) << i;
  const std::string& enrollment_id = begun.enrollment().enrollment_id();
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", enrollment_id).state(),
            v1::ENROLLMENT_STATE_DISABLED);

  // A new set helps, and takes the place of the dead one.
  const v1::BeginEnrollmentResponse renewed = Enrol();
  EXPECT_TRUE(IsVerified(renewed.activation().recovery_code().codes(0)));
  EXPECT_FALSE(IsVerified(codes[1]));
}

TEST_F(RestoreTest, BringsNothingBackThatWasGranted) {
  harness_.CreateMember("acme", "bob");
  const std::vector<std::string> granted = {SignInKey("1"),
                                            SessionKey("1"),
                                            SessionListKey("acme", "ada", "1"),
                                            RememberedDevicesKey("acme", "ada"),
                                            RecoveryKey("acme", "ada"),
                                            ApprovalKey("1")};
  storage::Transaction transaction;
  for (const std::string& key : granted) transaction.Put(key, "granted");
  ASSERT_TRUE(
      storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  const auto generations = [this](const std::string& member_id) {
    record::v1::MemberRecord member;
    EXPECT_TRUE(member.ParseFromString(
        harness_.RawRecords(MemberKey("acme", member_id))[0].record.value));
    return std::pair(member.session_generation(), member.device_generation());
  };
  const auto ada = generations("ada");
  const auto bob = generations("bob");

  const auto report = Disarm();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->sessions, 1u);
  for (const std::string& key : granted) {
    EXPECT_TRUE(harness_.RawRecords(key).empty()) << key;
  }
  EXPECT_GT(generations("ada").first, ada.first);
  EXPECT_GT(generations("ada").second, ada.second);
  EXPECT_GT(generations("bob").first, bob.first);
}

TEST_F(RestoreTest, DisarmsAppsByTheCodesThatAreGoodNow) {
  const auto app = harness_.EnrollTotp("acme", "ada");
  const std::vector<storage::Entry> backup =
      harness_.RawRecords(std::string(kAllMembersPrefix));
  const std::string code = app.authenticator.CodeAt(harness_.now());
  ASSERT_TRUE(harness_.Verify("acme", "ada", code)->verified());
  PutBack(backup);
  ASSERT_TRUE(Disarm().ok());
  EXPECT_FALSE(harness_.Verify("acme", "ada", code)->verified());
}

}  // namespace
}  // namespace cofactor::services
