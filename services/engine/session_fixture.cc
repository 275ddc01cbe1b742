#include "services/engine/session_fixture.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <utility>

#include "cofactor/v1/account_service.pb.h"
#include "google/rpc/error_details.pb.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/policies.h"
#include "services/engine/policy_fixture.h"
#include "services/engine/remembered_devices.h"
#include "services/engine/sign_in_policy.h"
#include "services/engine/views.h"
#include "services/receipts/receipt_keys.h"

namespace cofactor::services {
namespace {

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

}  // namespace

absl::Status SessionFixture::Door::SignIn(
    Plan& plan, const v1::StartSignInRequest& request,
    v1::StartSignInResponse& response) const {
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, request.account_id()));
  ASSIGN_OR_RETURN(
      *response.mutable_grant(),
      sessions.Create(plan, member.record, policies.enforced, steps));
  return absl::OkStatus();
}

absl::Status SessionFixture::Door::StepUp(
    Plan& plan, const v1::ContinueSignInRequest& request,
    v1::ContinueSignInResponse& response) const {
  ASSIGN_OR_RETURN(auto session, sessions.ReadLive(plan, request.sign_in_id()));
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, session.account_id()));
  ASSIGN_OR_RETURN(
      *response.mutable_grant(),
      sessions.StepUp(plan, std::move(session), policies.enforced, steps));
  return absl::OkStatus();
}

absl::Status SessionFixture::Door::Remember(
    Plan& plan, const v1::StartSignInRequest& request,
    v1::StartSignInResponse& response) const {
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, request.account_id()));
  ASSIGN_OR_RETURN(const Secret token,
                   RememberDevice(plan, member.record, policies.enforced,
                                  request.remember_device_name(), randomness));
  response.mutable_grant()->set_remembered_device_token(
      std::string(token.ExposeSecret()));
  return absl::OkStatus();
}

absl::Status SessionFixture::Door::UseDevice(
    Plan& plan, const v1::StartSignInRequest& request,
    v1::StartSignInResponse& response) const {
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, request.account_id()));
  ASSIGN_OR_RETURN(const std::optional<std::string> device_id,
                   UseRememberedDevice(plan, member.record, policies.enforced,
                                       request.remembered_device_token()));
  response.set_number(device_id.value_or(""));
  return absl::OkStatus();
}

SessionFixture::SessionFixture() {
  Must(CreateReceiptKeys(harness_.store(), config::v1::RECEIPT_ALGORITHM_EDDSA,
                         harness_.now()));
  harness_.CreateMember("acme", "ada");
  ActAs("web");
}

void SessionFixture::ActAs(const std::string& client_id,
                           std::initializer_list<v1::Scope> scopes,
                           std::initializer_list<std::string> account_ids) {
  auto permissions = std::make_shared<Permissions>();
  permissions->client_id = client_id;
  for (const v1::Scope scope : scopes) permissions->scopes.Add(scope);
  permissions->account_ids.insert(account_ids.begin(), account_ids.end());
  harness_.ActAs({std::move(permissions), "", ""});
}

void SessionFixture::ActAsServer() { harness_.ActAs(Caller::Server()); }

record::v1::StepRecord SessionFixture::Step(
    const std::string& factor_type) const {
  record::v1::StepRecord step;
  step.set_enrollment_id("enrolled-" + factor_type);
  step.set_factor_type(factor_type);
  const bool knows = factor_type == "password";
  step.set_kind(knows ? v1::FACTOR_KIND_KNOWLEDGE : v1::FACTOR_KIND_POSSESSION);
  step.add_amr(knows ? "pwd" : factor_type == "totp" ? "otp" : "hwk");
  step.set_phishing_resistant(factor_type == "webauthn");
  step.set_time_micros(absl::ToUnixMicros(harness_.now()));
  return step;
}

v1::Grant SessionFixture::SignIn() {
  return SignIn({Step("password"), Step("totp")});
}

v1::Grant SessionFixture::SignIn(
    const std::vector<record::v1::StepRecord>& steps,
    const std::string& member_id) {
  Door door{sessions_, randomness_};
  for (const auto& step : steps) *door.steps.Add() = step;
  v1::StartSignInRequest request;
  request.set_account_id("acme");
  request.set_member_id(member_id);
  return Must(harness_.Call(door, &Door::SignIn, request)).grant();
}

absl::StatusOr<v1::Grant> SessionFixture::StepUp(
    const std::string& session_id,
    const std::vector<record::v1::StepRecord>& steps) {
  Door door{sessions_, randomness_};
  for (const auto& step : steps) *door.steps.Add() = step;
  v1::ContinueSignInRequest request;
  request.set_sign_in_id(session_id);
  auto response = harness_.Call(door, &Door::StepUp, request);
  if (!response.ok()) return response.status();
  return response->grant();
}

std::string SessionFixture::Remember(const std::string& name) {
  v1::StartSignInRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_remember_device_name(name);
  return Must(harness_.Call(Door{sessions_, randomness_}, &Door::Remember,
                            request))
      .grant()
      .remembered_device_token();
}

std::string SessionFixture::UseDevice(const std::string& token,
                                      const std::string& member_id,
                                      const std::string& account_id) {
  v1::StartSignInRequest request;
  request.set_account_id(account_id);
  request.set_member_id(member_id);
  request.set_remembered_device_token(token);
  return Must(harness_.Call(Door{sessions_, randomness_}, &Door::UseDevice,
                            request))
      .number();
}

absl::StatusOr<v1::RefreshSessionResponse> SessionFixture::Refresh(
    const std::string& token, const std::string& request_id) {
  v1::RefreshSessionRequest request;
  request.set_request_id(request_id);
  request.set_refresh_token(token);
  return harness_.Call(engine_, &SessionEngine::RefreshSession, request);
}

absl::StatusOr<v1::IntrospectSessionResponse> SessionFixture::Introspect(
    const std::string& receipt, const std::string& acr,
    std::optional<absl::Duration> max_age) {
  v1::IntrospectSessionRequest request;
  request.set_receipt(receipt);
  request.set_acr(acr);
  if (max_age.has_value()) {
    request.mutable_max_age()->set_seconds(absl::ToInt64Seconds(*max_age));
  }
  return harness_.Call(engine_, &SessionEngine::IntrospectSession, request);
}

bool SessionFixture::IsActive(const std::string& receipt) {
  const auto response = Introspect(receipt);
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() && response->active();
}

bool SessionFixture::Refreshes(const std::string& token) {
  const auto response = Refresh(token);
  return response.ok() && response->has_grant();
}

absl::StatusOr<v1::ListSessionsResponse> SessionFixture::List(
    const std::string& member_id, const std::string& page_token,
    int page_size) {
  v1::ListSessionsRequest request;
  request.set_account_id("acme");
  request.set_member_id(member_id);
  request.set_page_token(page_token);
  request.set_page_size(page_size);
  return harness_.Call(engine_, &SessionEngine::ListSessions, request);
}

absl::Status SessionFixture::Suspend(bool suspended,
                                     const std::string& member_id) {
  v1::UpdateMemberRequest request;
  request.mutable_member()->set_account_id("acme");
  request.mutable_member()->set_member_id(member_id);
  request.mutable_member()->set_state(suspended ? v1::MEMBER_STATE_SUSPENDED
                                                : v1::MEMBER_STATE_ACTIVE);
  request.mutable_update_mask()->add_paths("state");
  return harness_.Call(&AccountEngine::UpdateMember, request).status();
}

absl::Status SessionFixture::SetValidUntil(absl::Time time) {
  v1::UpdateMemberRequest request;
  request.mutable_member()->set_account_id("acme");
  request.mutable_member()->set_member_id("ada");
  *request.mutable_member()->mutable_valid_until() = ToTimestamp(time);
  request.mutable_update_mask()->add_paths("valid_until");
  return harness_.Call(&AccountEngine::UpdateMember, request).status();
}

absl::Status SessionFixture::DeleteMember(const std::string& member_id) {
  v1::DeleteMemberRequest request;
  request.set_account_id("acme");
  request.set_member_id(member_id);
  return harness_.Call(&AccountEngine::DeleteMember, request).status();
}

v1::Policy SessionFixture::MakePolicy() const {
  v1::Policy policy = DefaultPolicy();
  policy.set_version(1);
  AddCombination(AddLevel(policy, "resistant"), {"knows", "resistant"});
  policy.mutable_remembered_devices()->mutable_lifetime()->set_seconds(
      absl::ToInt64Seconds(absl::Hours(24 * 30)));
  return policy;
}

void SessionFixture::PutPolicy(v1::Policy policy,
                               const std::string& account_id) {
  policy.set_account_id(account_id);
  record::v1::PolicyRecord record;
  record.set_version(kRecordVersion);
  record.set_policy(policy.SerializeAsString());
  storage::Transaction transaction;
  transaction.Put(PolicyKey(account_id), record.SerializeAsString());
  Must(storage::CommitAndWait(harness_.store(), std::move(transaction)));
}

void SessionFixture::PutBack(const std::vector<storage::Entry>& entries) {
  storage::Transaction transaction;
  for (const storage::Entry& entry : entries) {
    transaction.Put(entry.key, entry.record.value, entry.record.expire_time);
  }
  Must(storage::CommitAndWait(harness_.store(), std::move(transaction)));
}

std::string MetadataOf(const absl::Status& status, const std::string& name) {
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
