#include "services/engine/binding_fixture.h"

#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/v1/account_service.pb.h"
#include "cofactor/v1/sign_in_service.pb.h"
#include "google/rpc/error_details.pb.h"
#include "services/engine/account_engine.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/policies.h"
#include "services/engine/policy_fixture.h"
#include "services/engine/recovery_engine.h"
#include "services/receipts/receipt_keys.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::StepRecord;

// A fixture that cannot set up its scene has nothing to test.
void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << "test set-up failed: " << status << std::endl;
  std::abort();
}
template <typename T>
T Must(absl::StatusOr<T> value) {
  Must(value.status());
  return *std::move(value);
}

// Stands where sign-ins end.
struct Door {
  absl::Status SignIn(Plan& plan, const v1::StartSignInRequest& request,
                      v1::StartSignInResponse& response) const {
    ASSIGN_OR_RETURN(const auto member, ReadMember(plan, request.account_id(),
                                                   request.member_id()));
    ASSIGN_OR_RETURN(const Policies policies,
                     ReadPolicies(plan, request.account_id()));
    ASSIGN_OR_RETURN(
        *response.mutable_grant(),
        sessions.Create(plan, member.record, policies.enforced, steps));
    return absl::OkStatus();
  }

  const Sessions& sessions;
  Steps steps = {};
};

template <typename Record>
void Put(storage::Store& store, const std::string& key, Record record) {
  record.set_version(kRecordVersion);
  storage::Transaction transaction;
  transaction.Put(key, record.SerializeAsString());
  Must(storage::CommitAndWait(store, std::move(transaction)));
}

template <typename Request>
Request For(const std::string& member_id) {
  Request request;
  request.set_account_id("acme");
  request.set_member_id(member_id);
  return request;
}

// The recovery of a response.
template <typename Response>
absl::StatusOr<v1::Recovery> RecoveryOf(
    const absl::StatusOr<Response>& response) {
  if (!response.ok()) return response.status();
  return response->recovery();
}

}  // namespace

BindingFixture::BindingFixture() {
  Must(CreateReceiptKeys(harness_.store(), config::v1::RECEIPT_ALGORITHM_EDDSA,
                         harness_.now()));
  CreateMember("ada", v1::MEMBER_ROLE_MEMBER);
  CreateMember("olga", v1::MEMBER_ROLE_OWNER);
  CreateMember("adam", v1::MEMBER_ROLE_ADMIN);
  CreateMember("bob", v1::MEMBER_ROLE_MEMBER);
}

v1::Policy BindingFixture::MakePolicy() {
  v1::Policy policy;
  AddCombination(AddLevel(policy, "pwd"), {"password"});
  AddCombination(AddLevel(policy, "mfa"), {"password", "has"});
  policy.set_sign_in_acr("mfa");
  return policy;
}

void BindingFixture::PutPolicy(v1::Policy policy,
                               const std::string& account_id) {
  policy.set_account_id(account_id);
  record::v1::PolicyRecord record;
  record.set_policy(policy.SerializeAsString());
  Put(harness_.store(), PolicyKey(account_id), std::move(record));
}

void BindingFixture::CreateMember(const std::string& member_id,
                                  v1::MemberRole role,
                                  const std::string& account_id) {
  // No two members are made at the same time, as none would be.
  Advance(absl::Milliseconds(1));
  harness_.CreateMember(account_id, member_id);
  if (account_id == "acme") SetRole(member_id, role);
  GiveFactor(member_id, "password", account_id);
  GiveFactor(member_id, "totp", account_id);
}

void BindingFixture::SetRole(const std::string& member_id,
                             v1::MemberRole role) {
  v1::UpdateMemberRequest request;
  request.mutable_member()->set_account_id("acme");
  request.mutable_member()->set_member_id(member_id);
  request.mutable_member()->set_role(role);
  request.mutable_update_mask()->add_paths("role");
  Must(harness_.Call(&AccountEngine::UpdateMember, request).status());
}

void BindingFixture::DeleteMember(const std::string& member_id) {
  Must(harness_
           .Call(&AccountEngine::DeleteMember,
                 For<v1::DeleteMemberRequest>(member_id))
           .status());
}

MemberRecord BindingFixture::Member(const std::string& member_id,
                                    const std::string& account_id) {
  MemberRecord member;
  const storage::Record raw = Must(
      harness_.store().GetSnapshot()->Get(MemberKey(account_id, member_id)));
  if (!member.ParseFromString(raw.value)) std::abort();
  return member;
}

void BindingFixture::ChangeMember(
    const std::string& member_id,
    const std::function<void(MemberRecord&)>& how) {
  MemberRecord member = Member(member_id);
  how(member);
  Put(harness_.store(), MemberKey("acme", member_id), std::move(member));
}

void BindingFixture::GiveFactor(const std::string& member_id,
                                const std::string& factor_type,
                                const std::string& account_id) {
  MemberRecord member = Member(member_id, account_id);
  EnrollmentRecord& enrollment = *member.add_enrollments();
  enrollment.set_enrollment_id(absl::StrCat(member_id, "-", factor_type, "-",
                                            member.enrollments_size()));
  enrollment.set_factor_type(factor_type);
  enrollment.set_confirmed(true);
  Put(harness_.store(), MemberKey(account_id, member_id), std::move(member));
}

EnrollmentRecord& BindingFixture::EnrollmentOf(MemberRecord& member,
                                               const std::string& factor_type) {
  EnrollmentRecord* found = nullptr;
  for (EnrollmentRecord& enrollment : *member.mutable_enrollments()) {
    if (enrollment.factor_type() == factor_type) found = &enrollment;
  }
  if (found == nullptr) std::abort();
  return *found;
}

StepRecord BindingFixture::Step(const std::string& member_id,
                                const std::string& factor_type,
                                const std::string& account_id) {
  StepRecord step;
  step.set_time_micros(absl::ToUnixMicros(harness_.now()));
  if (factor_type == "device") {
    step.set_remembered_device_id("laptop");
    return step;
  }
  MemberRecord member = Member(member_id, account_id);
  step.set_enrollment_id(EnrollmentOf(member, factor_type).enrollment_id());
  step.set_factor_type(factor_type);
  step.set_kind(factor_type == "password" ? v1::FACTOR_KIND_KNOWLEDGE
                                          : v1::FACTOR_KIND_POSSESSION);
  return step;
}

std::string BindingFixture::Receipt(
    const std::string& member_id, const std::vector<std::string>& factor_types,
    const std::string& account_id) {
  Door door{harness_.sessions()};
  for (const std::string& factor_type : factor_types) {
    *door.steps.Add() = Step(member_id, factor_type, account_id);
  }
  v1::StartSignInRequest request;
  request.set_account_id(account_id);
  request.set_member_id(member_id);
  return Must(harness_.Call(door, &Door::SignIn, request)).grant().receipt();
}

v1::Proof BindingFixture::ReceiptProof(
    const std::string& member_id,
    const std::vector<std::string>& factor_types) {
  return ProofBy(Receipt(member_id, factor_types));
}

v1::Proof BindingFixture::ProofBy(const std::string& receipt) {
  v1::Proof proof;
  proof.set_receipt(receipt);
  return proof;
}

v1::Proof BindingFixture::ProofByTicket(const std::string& ticket) {
  v1::Proof proof;
  proof.set_enrollment_ticket(ticket);
  return proof;
}

v1::Proof BindingFixture::ProofBySignIn(const std::string& sign_in_id) {
  v1::Proof proof;
  proof.set_sign_in_id(sign_in_id);
  return proof;
}

v1::BeginEnrollmentRequest BindingFixture::BeginRequest(
    const v1::Proof& proof, const std::string& factor_type,
    const std::string& member_id) {
  auto request = For<v1::BeginEnrollmentRequest>(member_id);
  request.set_factor_type(factor_type);
  *request.mutable_proof() = proof;
  if (factor_type == "sms") {
    request.mutable_parameters()->mutable_sms()->set_phone_number(
        "+4915123456789");
  }
  return request;
}

absl::StatusOr<v1::BeginEnrollmentResponse> BindingFixture::Begin(
    const v1::BeginEnrollmentRequest& request) {
  return harness_.Call(&EnrollmentEngine::BeginEnrollment, request);
}

absl::StatusOr<v1::BeginEnrollmentResponse> BindingFixture::Begin(
    const v1::Proof& proof, const std::string& factor_type,
    const std::string& member_id) {
  return Begin(BeginRequest(proof, factor_type, member_id));
}

std::string BindingFixture::BeginError(const v1::Proof& proof,
                                       const std::string& factor_type,
                                       const std::string& member_id) {
  return Outcome(Begin(proof, factor_type, member_id).status());
}

absl::Status BindingFixture::Remove(const v1::Proof& proof,
                                    const std::string& factor_type,
                                    const std::string& member_id) {
  auto request = For<v1::DeleteEnrollmentRequest>(member_id);
  MemberRecord member = Member(member_id);
  request.set_enrollment_id(EnrollmentOf(member, factor_type).enrollment_id());
  *request.mutable_proof() = proof;
  return harness_.Call(&EnrollmentEngine::DeleteEnrollment, request).status();
}

std::string BindingFixture::RemoveError(const v1::Proof& proof,
                                        const std::string& factor_type,
                                        const std::string& member_id) {
  return Outcome(Remove(proof, factor_type, member_id));
}

absl::StatusOr<v1::Recovery> BindingFixture::Start(
    const std::string& receipt, const std::string& member_id) {
  auto request = For<v1::StartRecoveryRequest>(member_id);
  request.set_receipt(receipt);
  request.set_reason("lost the phone");
  return RecoveryOf(harness_.Call(&RecoveryEngine::StartRecovery, request));
}

absl::StatusOr<v1::Recovery> BindingFixture::Approve(
    const std::string& recovery_id, const std::string& receipt,
    const std::string& member_id) {
  auto request = For<v1::ApproveRecoveryRequest>(member_id);
  request.set_recovery_id(recovery_id);
  request.set_receipt(receipt);
  return RecoveryOf(harness_.Call(&RecoveryEngine::ApproveRecovery, request));
}

absl::StatusOr<v1::IssueEnrollmentTicketResponse> BindingFixture::Issue(
    const std::string& recovery_id, const std::string& member_id) {
  auto request = For<v1::IssueEnrollmentTicketRequest>(member_id);
  request.set_recovery_id(recovery_id);
  return harness_.Call(&RecoveryEngine::IssueEnrollmentTicket, request);
}

absl::StatusOr<v1::Recovery> BindingFixture::Cancel(
    const std::string& recovery_id, const std::string& member_id) {
  auto request = For<v1::CancelRecoveryRequest>(member_id);
  request.set_recovery_id(recovery_id);
  return RecoveryOf(harness_.Call(&RecoveryEngine::CancelRecovery, request));
}

absl::StatusOr<v1::Recovery> BindingFixture::GetRecovery(
    const std::string& member_id) {
  return RecoveryOf(harness_.Call(&RecoveryEngine::GetRecovery,
                                  For<v1::GetRecoveryRequest>(member_id)));
}

std::string BindingFixture::Ticket() {
  const v1::Recovery recovery = Must(Start(Receipt("olga")));
  return Must(Issue(recovery.recovery_id())).enrollment_ticket();
}

std::string Outcome(const absl::Status& status) {
  if (status.ok()) return "OK";
  const std::string reason = ErrorReason(status);
  return reason.empty() ? absl::StatusCodeToString(status.code()) : reason;
}

std::string MetadataValue(const absl::Status& status, const std::string& name) {
  google::rpc::ErrorInfo info;
  const auto payload =
      status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) {
    return "";
  }
  const auto found = info.metadata().find(name);
  return found == info.metadata().end() ? "" : found->second;
}

}  // namespace cofactor::services
