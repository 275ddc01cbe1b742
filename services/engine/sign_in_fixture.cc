#include "services/engine/sign_in_fixture.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <utility>

#include "services/engine/account_engine.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "services/receipts/receipt_keys.h"
#include "storage/store.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::MemberRecord;

void Check(bool holds, const absl::Status& status) {
  if (holds) return;
  std::cerr << "test set-up failed: " << status << std::endl;
  std::abort();
}

template <typename T>
T Must(absl::StatusOr<T> value) {
  Check(value.ok(), value.status());
  return *std::move(value);
}

}  // namespace

SignInFixture::SignInFixture()
    : engine_(harness_.registry(), harness_.verifications(),
              harness_.challenges(), harness_.enrollments(), sessions_,
              randomness_) {
  const absl::Status keys = CreateReceiptKeys(
      harness_.store(), config::v1::RECEIPT_ALGORITHM_EDDSA, harness_.now());
  Check(keys.ok(), keys);
  AddMember("ada");
}

void SignInFixture::AddMember(const std::string& member_id) {
  harness_.ActAs(Caller::Server());
  harness_.CreateMember("acme", member_id);
}

std::string SignInFixture::EnrolPassword(const std::string& member_id) {
  harness_.ActAs(Caller::Server());
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id(member_id);
  begin.set_factor_type("password");
  begin.mutable_parameters()->mutable_password()->set_password(kPassword);
  const auto begun =
      Must(harness_.Call(&EnrollmentEngine::BeginEnrollment, begin));
  v1::ConfirmEnrollmentRequest confirm;
  confirm.set_account_id("acme");
  confirm.set_member_id(member_id);
  confirm.set_enrollment_id(begun.enrollment().enrollment_id());
  confirm.mutable_response()->set_password(kPassword);
  const auto confirmed =
      Must(harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm));
  Check(confirmed.verified(), absl::OkStatus());
  return begun.enrollment().enrollment_id();
}

EngineHarness::Enrolled SignInFixture::EnrolTotp(const std::string& member_id) {
  harness_.ActAs(Caller::Server());
  return harness_.EnrollTotp("acme", member_id);
}

std::string SignInFixture::EnrolSms(const std::string& number,
                                    const std::string& member_id) {
  harness_.ActAs(Caller::Server());
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id(member_id);
  begin.set_factor_type("sms");
  begin.mutable_parameters()->mutable_sms()->set_phone_number(number);
  const auto begun =
      Must(harness_.Call(&EnrollmentEngine::BeginEnrollment, begin));
  v1::ConfirmEnrollmentRequest confirm;
  confirm.set_account_id("acme");
  confirm.set_member_id(member_id);
  confirm.set_enrollment_id(begun.enrollment().enrollment_id());
  confirm.mutable_response()->set_code(TakeTextedCode());
  const auto confirmed =
      Must(harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm));
  Check(confirmed.verified(), absl::OkStatus());
  // So that the next message to this number may leave.
  Advance(absl::Minutes(2));
  return begun.enrollment().enrollment_id();
}

PushPhone SignInFixture::EnrolPhone(const std::string& member_id) {
  harness_.ActAs(Caller::Server());
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id(member_id);
  begin.set_factor_type("push");
  const auto begun =
      Must(harness_.Call(&EnrollmentEngine::BeginEnrollment, begin));
  PushPhone phone(begun.activation().push().activation_uri());
  v1::ConfirmEnrollmentRequest confirm;
  confirm.set_account_id("acme");
  confirm.set_member_id(member_id);
  confirm.set_enrollment_id(phone.enrollment_id());
  *confirm.mutable_response()->mutable_device() = phone.Registration();
  const auto confirmed =
      Must(harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm));
  Check(confirmed.verified(), absl::OkStatus());
  return phone;
}

std::vector<std::string> SignInFixture::EnrolRecoveryCodes() {
  harness_.ActAs(Caller::Server());
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id("ada");
  begin.set_factor_type("recovery_code");
  begin.mutable_parameters()->mutable_recovery_code();
  const auto begun =
      Must(harness_.Call(&EnrollmentEngine::BeginEnrollment, begin));
  const auto& codes = begun.activation().recovery_code().codes();
  recovery_id_ = begun.enrollment().enrollment_id();
  v1::ConfirmEnrollmentRequest confirm;
  confirm.set_account_id("acme");
  confirm.set_member_id("ada");
  confirm.set_enrollment_id(recovery_id_);
  confirm.mutable_response()->set_code(codes[0]);
  const auto confirmed =
      Must(harness_.Call(&EnrollmentEngine::ConfirmEnrollment, confirm));
  Check(confirmed.verified(), absl::OkStatus());
  return {codes.begin(), codes.end()};
}

void SignInFixture::Revoke(const std::string& enrollment_id) {
  harness_.ActAs(Caller::Server());
  harness_.DeleteEnrollment("acme", "ada", enrollment_id);
}

void SignInFixture::Suspend(bool suspended) {
  harness_.ActAs(Caller::Server());
  v1::UpdateMemberRequest request;
  request.mutable_member()->set_account_id("acme");
  request.mutable_member()->set_member_id("ada");
  request.mutable_member()->set_state(suspended ? v1::MEMBER_STATE_SUSPENDED
                                                : v1::MEMBER_STATE_ACTIVE);
  request.mutable_update_mask()->add_paths("state");
  Must(harness_.Call(&AccountEngine::UpdateMember, request));
}

void SignInFixture::DeleteMember() {
  harness_.ActAs(Caller::Server());
  v1::DeleteMemberRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  Must(harness_.Call(&AccountEngine::DeleteMember, request));
}

void SignInFixture::SignOut() {
  ChangeMember([](MemberRecord& member) {
    member.set_session_generation(member.session_generation() + 1);
  });
}

MemberRecord SignInFixture::ReadAda() {
  const auto snapshot = harness_.store().GetSnapshot();
  auto stored =
      Must(Decode<MemberRecord>(Must(snapshot->Get(MemberKey("acme", "ada")))));
  return stored.record;
}

void SignInFixture::WriteAda(MemberRecord& member) {
  storage::Transaction transaction;
  transaction.Put(MemberKey("acme", "ada"), member.SerializeAsString());
  const absl::Status written =
      storage::CommitAndWait(harness_.store(), std::move(transaction));
  Check(written.ok(), written);
}

void SignInFixture::PutPolicy(const v1::Policy& policy) {
  PutPolicies(&policy, nullptr);
}

void SignInFixture::PutShadowPolicy(const v1::Policy& policy) {
  PutPolicies(nullptr, &policy);
}

void SignInFixture::PutPolicies(const v1::Policy* policy,
                                const v1::Policy* shadow) {
  record::v1::PolicyRecord record;
  record.set_version(kRecordVersion);
  if (policy != nullptr) policy->SerializeToString(record.mutable_policy());
  if (shadow != nullptr) shadow->SerializeToString(record.mutable_shadow());
  storage::Transaction transaction;
  transaction.Put(PolicyKey("acme"), record.SerializeAsString());
  const absl::Status written =
      storage::CommitAndWait(harness_.store(), std::move(transaction));
  Check(written.ok(), written);
}

Caller SignInFixture::Client() const {
  auto permissions = std::make_shared<Permissions>();
  permissions->client_id = client_id_;
  permissions->scopes.Add(v1::SCOPE_VERIFY);
  return {std::move(permissions), "", ""};
}

v1::StartSignInRequest SignInFixture::StartRequest(
    const std::string& member_id, const std::string& password) {
  v1::StartSignInRequest request;
  request.set_account_id("acme");
  request.set_member_id(member_id);
  request.set_password(password);
  return request;
}

absl::StatusOr<v1::StartSignInResponse> SignInFixture::Start(
    const v1::StartSignInRequest& request) {
  harness_.ActAs(Client());
  return harness_.Call(engine_, &SignInEngine::StartSignIn, request);
}

v1::StartSignInResponse SignInFixture::MustStart(
    const v1::StartSignInRequest& request) {
  return Must(Start(request));
}

v1::ContinueSignInRequest SignInFixture::ContinueRequest(
    const v1::SignIn& sign_in, const std::string& code,
    const std::string& factor_type) {
  v1::ContinueSignInRequest request;
  request.set_sign_in_id(sign_in.sign_in_id());
  request.set_factor_type(factor_type);
  if (!code.empty()) request.mutable_response()->set_code(code);
  return request;
}

absl::StatusOr<v1::ContinueSignInResponse> SignInFixture::Continue(
    const v1::ContinueSignInRequest& request) {
  harness_.ActAs(Client());
  return harness_.Call(engine_, &SignInEngine::ContinueSignIn, request);
}

absl::StatusOr<v1::ContinueSignInResponse> SignInFixture::Continue(
    const v1::SignIn& sign_in, const std::string& code,
    const std::string& factor_type) {
  return Continue(ContinueRequest(sign_in, code, factor_type));
}

v1::ContinueSignInResponse SignInFixture::MustContinue(
    const v1::SignIn& sign_in, const std::string& code,
    const std::string& factor_type) {
  return Must(Continue(sign_in, code, factor_type));
}

absl::StatusOr<v1::SignIn> SignInFixture::Get(const v1::SignIn& sign_in) {
  harness_.ActAs(Client());
  v1::GetSignInRequest request;
  request.set_sign_in_id(sign_in.sign_in_id());
  auto got = harness_.Call(engine_, &SignInEngine::GetSignIn, request);
  if (!got.ok()) return got.status();
  return got->sign_in();
}

absl::StatusOr<v1::SignIn> SignInFixture::Cancel(const v1::SignIn& sign_in) {
  harness_.ActAs(Client());
  v1::CancelSignInRequest request;
  request.set_sign_in_id(sign_in.sign_in_id());
  auto cancelled = harness_.Call(engine_, &SignInEngine::CancelSignIn, request);
  if (!cancelled.ok()) return cancelled.status();
  return cancelled->sign_in();
}

v1::Grant SignInFixture::SignIn(const EngineHarness::Enrolled& totp) {
  const auto started = MustStart();
  const auto done = MustContinue(started.sign_in(), CodeOf(totp), "totp");
  Check(done.has_grant(), absl::OkStatus());
  Advance(absl::Minutes(1));
  return done.grant();
}

void SignInFixture::AnswerOn(const PushPhone& phone,
                             const v1::Challenge& challenge,
                             const std::string& number,
                             v1::PushDecision decision) {
  harness_.ActAs(Caller::Server());
  v1::AnswerChallengeRequest request;
  request.set_challenge_id(challenge.challenge_id());
  request.set_account_id(phone.account_id());
  request.set_member_id(phone.member_id());
  request.set_enrollment_id(phone.enrollment_id());
  *request.mutable_answer() = phone.Answer(
      challenge, decision, decision == v1::PUSH_DECISION_APPROVE ? number : "");
  const auto answered =
      harness_.Call(&ChallengeEngine::AnswerChallenge, request);
  ASSERT_TRUE(answered.ok()) << answered.status();
  EXPECT_TRUE(answered->accepted());
}

std::string SignInFixture::TakeTextedCode() {
  std::vector<PlannedMessage> messages = harness_.TakeMessages();
  EXPECT_EQ(messages.size(), 1u);
  if (messages.size() != 1) return "";
  EXPECT_EQ(messages[0].message.channel, "sms");
  return std::string(messages[0].message.code.ExposeSecret());
}

Receipt SignInFixture::ReceiptOf(const v1::Grant& grant) {
  const auto snapshot = harness_.store().GetSnapshot();
  const Caller caller = Client();
  const Plan plan(*snapshot, harness_.now(), caller);
  return Must(receipts_.Check(plan, grant.receipt()));
}

v1::ChallengeState SignInFixture::StateOfChallenge(
    const std::string& challenge_id) {
  harness_.ActAs(Caller::Server());
  v1::GetChallengeRequest request;
  request.set_challenge_id(challenge_id);
  return Must(harness_.Call(&ChallengeEngine::GetChallenge, request))
      .challenge()
      .state();
}

std::vector<std::string> OptionsOf(const v1::SignIn& sign_in) {
  std::vector<std::string> types;
  for (const v1::Enrollment& option : sign_in.options()) {
    types.push_back(option.factor_type());
  }
  return types;
}

std::vector<std::string> AmrOf(const v1::Session& session) {
  return {session.amr().begin(), session.amr().end()};
}

std::string OtherCode(const std::string& code) {
  std::string other = code;
  other[0] = other[0] == '9' ? '0' : static_cast<char>(other[0] + 1);
  return other;
}

}  // namespace cofactor::services
