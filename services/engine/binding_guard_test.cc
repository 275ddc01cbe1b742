// What it takes to bind a factor and to remove one (requirement 27), with the
// attacks that it has to stop.

#include "services/engine/binding_guard.h"

#include <string>

#include "cofactor/v1/sign_in.pb.h"
#include "gtest/gtest.h"
#include "services/engine/binding_fixture.h"
#include "services/engine/keys.h"
#include "services/engine/policy_fixture.h"
#include "services/engine/session_engine.h"
#include "tests/doubles/push_phone.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::SignInRecord;

const v1::Proof kNone;

class BindingGuardTest : public BindingFixture {
 protected:
  BindingGuardTest() { PutPolicy(MakePolicy()); }

  // Wrong answers have locked, or disabled, what ada has of that factor.
  void Lock(const std::string& factor_type) {
    ChangeMember("ada", [&](MemberRecord& ada) {
      EnrollmentOf(ada, factor_type)
          .set_lock_until_micros(
              absl::ToUnixMicros(harness_.now() + absl::Hours(1)));
    });
  }
  void Disable(const std::string& factor_type) {
    ChangeMember("ada", [&](MemberRecord& ada) {
      EnrollmentOf(ada, factor_type).set_disabled(true);
    });
  }
  void TakeFactor(const std::string& member_id,
                  const std::string& factor_type) {
    ChangeMember(member_id, [&](MemberRecord& member) {
      auto& all = *member.mutable_enrollments();
      for (int i = all.size() - 1; i >= 0; --i) {
        if (all[i].factor_type() == factor_type) all.DeleteSubrange(i, 1);
      }
    });
  }
  size_t EnrollmentsOf(const std::string& member_id) {
    return Member(member_id).enrollments().size();
  }
};

// Without a policy.

TEST_F(BindingFixture, LeavesItToTheBackendWithoutAPolicy) {
  EXPECT_EQ(BeginError(kNone), "OK");
  EXPECT_EQ(RemoveError(kNone, "password"), "OK");
}

TEST_F(BindingFixture, LooksAtAGivenProofWithoutAPolicyToo) {
  EXPECT_EQ(BeginError(ReceiptProof("ada", {"password"})), "OK");
  EXPECT_EQ(BeginError(ReceiptProof("bob")), "PROOF_REFUSED");
  EXPECT_EQ(BeginError(ProofBy("x.y.z")), "RECEIPT_REFUSED");
  EXPECT_EQ(BeginError(ProofBySignIn("x")), "PROOF_REFUSED");
  EXPECT_EQ(BeginError(ProofByTicket("cft_x_y")), "PROOF_REFUSED");
  const v1::Proof ticket = ProofByTicket(Ticket());
  EXPECT_EQ(BeginError(ticket), "OK");
  EXPECT_EQ(BeginError(ticket), "PROOF_REFUSED");
  EXPECT_EQ(RemoveError(ReceiptProof("ada", {"password"}), "totp"), "OK");
  EXPECT_EQ(RemoveError(ReceiptProof("bob"), "password"), "NOT_A_RECOVERER");
}

// Binding.

TEST_F(BindingGuardTest, BindsNothingWithoutAProof) {
  const absl::Status status = Begin(kNone).status();
  EXPECT_EQ(Outcome(status), "STEP_UP_REQUIRED");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(MetadataValue(status, "acr_values"), "mfa");
  EXPECT_EQ(MetadataValue(status, "max_age"), "300");
  EXPECT_EQ(EnrollmentsOf("ada"), 2u);
}

TEST_F(BindingGuardTest, BindsWithAFreshReceiptOfTheMember) {
  EXPECT_EQ(BeginError(ReceiptProof("ada")), "OK");
  EXPECT_EQ(EnrollmentsOf("ada"), 3u);
}

TEST_F(BindingGuardTest, WantsTheSameProofForNewRecoveryCodes) {
  GiveFactor("ada", "recovery_code");
  EXPECT_EQ(BeginError(kNone, "recovery_code"), "STEP_UP_REQUIRED");
  EXPECT_EQ(BeginError(ReceiptProof("ada"), "recovery_code"), "OK");
}

TEST_F(BindingGuardTest, TellsTheAuditLogWhatTheProofWas) {
  EXPECT_EQ(BeginError(ReceiptProof("ada")), "OK");
  const record::v1::AuditRecord event = harness_.AuditEvents().back();
  EXPECT_EQ(event.action(), "BeginEnrollment");
  EXPECT_EQ(event.account_id(), "acme");
  EXPECT_EQ(event.member_id(), "ada");
  EXPECT_EQ(event.note().substr(0, 8), "session ");
}

TEST_F(BindingGuardTest, RefusesWhatWasProvenTooLongAgo) {
  v1::Policy policy = MakePolicy();
  policy.mutable_sessions()->mutable_receipt_lifetime()->set_seconds(3600);
  policy.mutable_binding_max_age()->set_seconds(120);
  PutPolicy(policy);
  const v1::Proof proof = ReceiptProof("ada");
  Advance(absl::Seconds(120));
  EXPECT_EQ(BeginError(proof), "OK");
  Advance(absl::Seconds(1));
  EXPECT_EQ(BeginError(proof), "STEP_UP_REQUIRED");
  EXPECT_EQ(RemoveError(proof, "password"), "STEP_UP_REQUIRED");
}

TEST_F(BindingGuardTest, RefusesAReceiptThatIsOver) {
  v1::Policy policy = MakePolicy();
  policy.mutable_binding_max_age()->set_seconds(3600);
  policy.mutable_sessions()->mutable_receipt_lifetime()->set_seconds(60);
  PutPolicy(policy);
  const v1::Proof proof = ReceiptProof("ada");
  Advance(absl::Minutes(3));
  EXPECT_EQ(BeginError(proof), "RECEIPT_REFUSED");
}

TEST_F(BindingGuardTest, RefusesReceiptsOfOthers) {
  EXPECT_EQ(BeginError(ReceiptProof("bob")), "PROOF_REFUSED");
  // Nor does an owner bind for a member.
  EXPECT_EQ(BeginError(ReceiptProof("olga")), "PROOF_REFUSED");
  // The same name, another account.
  CreateMember("ada", v1::MEMBER_ROLE_OWNER, "other");
  const std::string receipt = Receipt("ada", {"password", "totp"}, "other");
  EXPECT_EQ(BeginError(ProofBy(receipt)), "RECEIPT_REFUSED");
  EXPECT_EQ(EnrollmentsOf("ada"), 2u);
}

TEST_F(BindingGuardTest, RefusesAReceiptThatWasTamperedWith) {
  std::string receipt = Receipt("ada");
  receipt[receipt.size() / 2] ^= 1;
  EXPECT_EQ(BeginError(ProofBy(receipt)), "RECEIPT_REFUSED");
  EXPECT_EQ(BeginError(ProofBy("")), "RECEIPT_REFUSED");
}

TEST_F(BindingGuardTest, RefusesAReceiptOfARevokedSession) {
  const v1::Proof proof = ReceiptProof("ada");
  const SessionEngine engine(harness_.sessions());
  v1::RevokeMemberSessionsRequest revoke;
  revoke.set_account_id("acme");
  revoke.set_member_id("ada");
  ASSERT_TRUE(
      harness_.Call(engine, &SessionEngine::RevokeMemberSessions, revoke).ok());
  EXPECT_EQ(BeginError(proof), "SESSION_ENDED");
  EXPECT_EQ(RemoveError(proof, "totp"), "SESSION_ENDED");
}

TEST_F(BindingGuardTest, RefusesTheReceiptOfAnEarlierMemberOfTheSameId) {
  const v1::Proof proof = ReceiptProof("ada");
  DeleteMember("ada");
  CreateMember("ada", v1::MEMBER_ROLE_MEMBER);
  EXPECT_EQ(BeginError(proof), "SESSION_ENDED");
}

TEST_F(BindingGuardTest, RefusesLessThanTheLevel) {
  const absl::Status status = Begin(ReceiptProof("ada", {"password"})).status();
  EXPECT_EQ(Outcome(status), "STEP_UP_REQUIRED");
  EXPECT_EQ(MetadataValue(status, "acr_values"), "mfa");
  EXPECT_EQ(BeginError(ReceiptProof("ada", {"totp"})), "STEP_UP_REQUIRED");
}

TEST_F(BindingGuardTest, CountsNoRememberedDevice) {
  v1::Policy policy = MakePolicy();
  policy.mutable_remembered_devices()->mutable_lifetime()->set_seconds(86'400);
  PutPolicy(policy);
  EXPECT_EQ(BeginError(ReceiptProof("ada", {"password", "device"})),
            "STEP_UP_REQUIRED");
}

TEST_F(BindingGuardTest, CountsNoStepOfAFactorThatIsGone) {
  // The thief of a phone has a session that is a minute old.
  GiveFactor("ada", "push");
  const v1::Proof proof = ReceiptProof("ada", {"password", "push"});
  ASSERT_EQ(RemoveError(ReceiptProof("olga"), "push"), "OK");
  EXPECT_EQ(BeginError(proof), "STEP_UP_REQUIRED");
}

TEST_F(BindingGuardTest, AsksNoMoreThanTheMemberCanReach) {
  TakeFactor("ada", "totp");
  EXPECT_EQ(MetadataValue(Begin(kNone).status(), "acr_values"), "pwd");
  EXPECT_EQ(BeginError(ReceiptProof("ada", {"password"})), "OK");
}

TEST_F(BindingGuardTest, IsNotLoweredByALock) {
  const v1::Proof password = ReceiptProof("ada", {"password"});
  Lock("totp");
  EXPECT_EQ(BeginError(password), "STEP_UP_REQUIRED");
  Disable("totp");
  EXPECT_EQ(BeginError(password), "STEP_UP_REQUIRED");
  EXPECT_EQ(RemoveError(password, "totp"), "STEP_UP_REQUIRED");
}

TEST_F(BindingGuardTest, IsNotOpenedByALock) {
  Lock("totp");
  Lock("password");
  EXPECT_EQ(BeginError(kNone), "STEP_UP_REQUIRED");
  Disable("totp");
  Disable("password");
  EXPECT_EQ(BeginError(kNone), "STEP_UP_REQUIRED");
  EXPECT_EQ(BeginError(ProofByTicket(Ticket())), "OK");
}

TEST_F(BindingGuardTest, ProvesNothingByFactorsThatReachNoLevel) {
  TakeFactor("ada", "password");
  EXPECT_EQ(BeginError(kNone), "STEP_UP_REQUIRED");
  EXPECT_EQ(BeginError(ReceiptProof("ada", {"totp"})), "STEP_UP_REQUIRED");
  EXPECT_EQ(BeginError(ProofByTicket(Ticket())), "OK");
}

TEST_F(BindingGuardTest, TakesTheWordOfTheBackendForAMemberWithoutAFactor) {
  TakeFactor("ada", "password");
  TakeFactor("ada", "totp");
  EXPECT_EQ(BeginError(kNone), "OK");
  // One that is pending proves nothing yet.
  EXPECT_EQ(BeginError(kNone), "OK");
  GiveFactor("ada", "totp");
  EXPECT_EQ(BeginError(kNone), "STEP_UP_REQUIRED");
}

TEST_F(BindingGuardTest, BindsNoFactorThatThePolicyDoesNotHave) {
  v1::Policy policy = MakePolicy();
  for (const char* allowed : {"password", "totp"}) {
    policy.add_allowed_factor_types(allowed);
  }
  PutPolicy(policy);
  EXPECT_EQ(BeginError(ReceiptProof("ada"), "sms"), "FACTOR_NOT_ALLOWED");
  EXPECT_EQ(BeginError(ReceiptProof("ada"), "totp"), "OK");
}

TEST_F(BindingGuardTest, CountsNoFactorThatThePolicyDoesNotHave) {
  v1::Policy policy = MakePolicy();
  for (const char* allowed : {"password", "push"}) {
    policy.add_allowed_factor_types(allowed);
  }
  PutPolicy(policy);
  // The app that she has is worth nothing, so that the password is all.
  EXPECT_EQ(BeginError(ReceiptProof("ada", {"password"}), "push"), "OK");
  TakeFactor("ada", "password");
  EXPECT_EQ(BeginError(kNone, "push"), "OK");
}

TEST_F(BindingGuardTest, LetsADeviceConfirmWhatAProofBegan) {
  const auto begun = Begin(ReceiptProof("ada"), "push");
  ASSERT_TRUE(begun.ok()) << begun.status();
  const PushPhone phone(begun->activation().push().activation_uri());
  v1::RegisterDeviceRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_enrollment_id(phone.enrollment_id());
  *request.mutable_registration() = phone.Registration();
  const auto registered = harness_.Call(&DeviceEngine::RegisterDevice, request);
  ASSERT_TRUE(registered.ok()) << registered.status();
  EXPECT_TRUE(registered->registered());
}

// Sign-ins.

class SignInProofTest : public BindingGuardTest {
 protected:
  // Ada has a password, and is asked to bind something that she has.
  SignInProofTest() {
    TakeFactor("ada", "totp");
    const MemberRecord ada = Member("ada");
    sign_in_.set_sign_in_id("s1");
    sign_in_.set_account_id("acme");
    sign_in_.set_member_id("ada");
    sign_in_.set_client_id(Caller::Server().client_id());
    sign_in_.set_state(v1::SIGN_IN_STATE_ENROLLMENT_REQUIRED);
    *sign_in_.add_steps() = Step("ada", "password");
    sign_in_.set_session_generation(ada.session_generation());
    sign_in_.set_member_create_micros(ada.create_micros());
    sign_in_.set_expire_micros(
        absl::ToUnixMicros(harness_.now() + absl::Minutes(10)));
  }

  // With the sign-in as it stands now.
  std::string BindError(const std::string& factor_type = "totp") {
    sign_in_.set_version(kRecordVersion);
    storage::Transaction transaction;
    transaction.Put(SignInKey("s1"), sign_in_.SerializeAsString());
    EXPECT_TRUE(
        storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
    return BeginError(ProofBySignIn("s1"), factor_type);
  }

  SignInRecord sign_in_;
};

TEST_F(SignInProofTest, BindsForASignInThatWaitsForIt) {
  EXPECT_EQ(BindError(), "OK");
  const MemberRecord ada = Member("ada");
  EXPECT_EQ(ada.enrollments().rbegin()->sign_in_id(), "s1");
}

TEST_F(SignInProofTest, BindsInNoOtherState) {
  for (const v1::SignInState state :
       {v1::SIGN_IN_STATE_OPEN, v1::SIGN_IN_STATE_COMPLETE,
        v1::SIGN_IN_STATE_FAILED, v1::SIGN_IN_STATE_CANCELLED}) {
    sign_in_.set_state(state);
    EXPECT_EQ(BindError(), "PROOF_REFUSED") << state;
  }
}

TEST_F(SignInProofTest, BindsForNobodyElse) {
  sign_in_.set_member_id("bob");
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
  sign_in_.set_member_id("ada");
  sign_in_.set_account_id("other");
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
}

TEST_F(SignInProofTest, BindsForNoOtherClient) {
  sign_in_.set_client_id("another");
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
}

TEST_F(SignInProofTest, BindsNothingOnceItIsOver) {
  sign_in_.set_expire_micros(absl::ToUnixMicros(harness_.now()));
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
}

TEST_F(SignInProofTest, BindsNothingOnceTheMemberIsSignedOut) {
  ChangeMember("ada", [](MemberRecord& ada) { ada.set_session_generation(7); });
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
}

TEST_F(SignInProofTest, BindsNothingForAnotherMemberOfTheSameId) {
  sign_in_.set_member_create_micros(sign_in_.member_create_micros() - 1);
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
}

// Whoever has the password must not get in by locking the rest.
TEST_F(SignInProofTest, BindsNothingThatALockedFactorCouldDo) {
  GiveFactor("ada", "totp");
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
  Lock("totp");
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
  Disable("totp");
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
}

TEST_F(SignInProofTest, GoesByTheLevelThatTheSignInTakes) {
  // A wish for less than the policy asks for is none.
  sign_in_.set_acr("pwd");
  EXPECT_EQ(BindError(), "OK");
  sign_in_.set_acr("gone");
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
  // With an app she lacks nothing to sign in, but something for more.
  GiveFactor("ada", "totp");
  v1::Policy policy = MakePolicy();
  AddCombination(AddLevel(policy, "strong"), {"resistant"});
  PutPolicy(policy);
  sign_in_.set_acr("strong");
  EXPECT_EQ(BindError(), "OK");
  sign_in_.clear_acr();
  EXPECT_EQ(BindError(), "PROOF_REFUSED");
}

TEST_F(SignInProofTest, ReplacesNothing) {
  EXPECT_EQ(BindError("password"), "PROOF_REFUSED");
  EXPECT_EQ(BindError("recovery_code"), "OK");
}

TEST_F(SignInProofTest, RemovesNothing) {
  ASSERT_EQ(BindError(), "OK");
  EXPECT_EQ(RemoveError(ProofBySignIn("s1"), "password"), "PROOF_REFUSED");
}

// Removing.

TEST_F(BindingGuardTest, RemovesNothingWithoutAProof) {
  EXPECT_EQ(RemoveError(kNone, "totp"), "STEP_UP_REQUIRED");
  EXPECT_EQ(EnrollmentsOf("ada"), 2u);
}

TEST_F(BindingGuardTest, RemovesWithAFreshReceiptOfTheMember) {
  EXPECT_EQ(RemoveError(ReceiptProof("ada", {"password"}), "totp"),
            "STEP_UP_REQUIRED");
  EXPECT_EQ(RemoveError(ReceiptProof("ada"), "totp"), "OK");
}

TEST_F(BindingGuardTest, RemovesWithTheReceiptOfAnOwnerOrAdmin) {
  EXPECT_EQ(RemoveError(ReceiptProof("bob"), "totp"), "NOT_A_RECOVERER");
  EXPECT_EQ(RemoveError(ReceiptProof("olga", {"password"}), "totp"),
            "STEP_UP_REQUIRED");
  EXPECT_EQ(RemoveError(ReceiptProof("olga"), "totp"), "OK");
  EXPECT_EQ(RemoveError(ReceiptProof("adam"), "password"), "OK");
}

TEST_F(BindingGuardTest, RemovesNothingForAnAdminWhoWasSuspendedOrDemoted) {
  const v1::Proof proof = ReceiptProof("adam");
  SetRole("adam", v1::MEMBER_ROLE_MEMBER);
  EXPECT_EQ(RemoveError(proof, "totp"), "NOT_A_RECOVERER");
  SetRole("adam", v1::MEMBER_ROLE_ADMIN);
  harness_.SuspendMember("acme", "adam");
  EXPECT_EQ(RemoveError(proof, "totp"), "SESSION_ENDED");
}

// Somebody with less than the level cannot remove for others, whatever else
// they do not have.
TEST_F(BindingGuardTest, AsksTheWholeLevelOfWhomeverActsForOthers) {
  TakeFactor("adam", "totp");
  EXPECT_EQ(RemoveError(ReceiptProof("adam", {"password"}), "totp"),
            "STEP_UP_REQUIRED");
}

TEST_F(BindingGuardTest, RemovesNothingByATicket) {
  const std::string ticket = Ticket();
  EXPECT_EQ(RemoveError(ProofByTicket(ticket), "totp"), "PROOF_REFUSED");
  // Which is as good as before.
  EXPECT_EQ(BeginError(ProofByTicket(ticket)), "OK");
}

TEST_F(BindingGuardTest, RemovesAPendingOneWithoutAProof) {
  ASSERT_EQ(BeginError(ReceiptProof("ada")), "OK");
  EXPECT_EQ(RemoveError(kNone, "totp"), "OK");
  EXPECT_EQ(EnrollmentsOf("ada"), 2u);
}

TEST_F(BindingGuardTest, RemovesADisabledOneWithAProofAlone) {
  Disable("totp");
  EXPECT_EQ(RemoveError(kNone, "totp"), "STEP_UP_REQUIRED");
  EXPECT_EQ(RemoveError(ReceiptProof("olga"), "totp"), "OK");
}

}  // namespace
}  // namespace cofactor::services
