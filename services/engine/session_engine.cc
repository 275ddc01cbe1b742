#include "services/engine/session_engine.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/member_sessions.h"
#include "services/engine/policies.h"
#include "services/engine/remembered_devices.h"
#include "services/engine/sign_in_policy.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::SessionRecord;

absl::Status CheckMember(absl::string_view account_id,
                         absl::string_view member_id) {
  RETURN_IF_ERROR(CheckId("account_id", account_id));
  return CheckId("member_id", member_id);
}

// InfiniteDuration if the age does not count.
absl::StatusOr<absl::Duration> MaxAgeOf(
    const v1::IntrospectSessionRequest& request) {
  if (!request.has_max_age()) return absl::InfiniteDuration();
  ASSIGN_OR_RETURN(const absl::Duration max_age,
                   ToDuration("max_age", request.max_age()));
  if (max_age < absl::ZeroDuration()) {
    return InvalidField("max_age", "must not be negative");
  }
  return max_age;
}

// Whether the session has what is asked for.
absl::Status CheckStrength(const v1::Policy& policy,
                           const SessionRecord& session, absl::string_view acr,
                           absl::Duration asked_max_age, absl::Time now) {
  int wanted = kNoLevel;
  if (!acr.empty()) {
    wanted = LevelOf(policy, acr);
    if (wanted == kNoLevel) {
      return InvalidField("acr",
                          "is none that the policy of the account names: "
                          "GetPolicy tells which there are");
    }
  }
  const absl::Duration max_age =
      std::min(asked_max_age, LevelMaxAge(policy, wanted));
  if (ReachedLevel(policy, session.steps()) < wanted ||
      now - AuthTimeOf(session.steps()) > max_age) {
    return StepUpRequired(acr, max_age);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SessionEngine::RefreshSession(
    Plan& plan, const v1::RefreshSessionRequest& request,
    v1::RefreshSessionResponse& response) const {
  ASSIGN_OR_RETURN(std::optional<v1::Grant> grant,
                   sessions_.Refresh(plan, request.refresh_token()));
  if (grant.has_value()) {
    *response.mutable_grant() = *std::move(grant);
  } else {
    response.set_session_ended(true);
  }
  return absl::OkStatus();
}

absl::Status SessionEngine::IntrospectSession(
    Plan& plan, const v1::IntrospectSessionRequest& request,
    v1::IntrospectSessionResponse& response) const {
  if (request.receipt().empty()) return InvalidField("receipt", "is required");
  ASSIGN_OR_RETURN(const absl::Duration max_age, MaxAgeOf(request));
  const absl::StatusOr<SessionRecord> session =
      sessions_.OfReceipt(plan, request.receipt());
  if (absl::IsPermissionDenied(session.status())) return absl::OkStatus();
  RETURN_IF_ERROR(session.status());
  if (!plan.caller().MayTouch(session->account_id())) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, session->account_id()));
  RETURN_IF_ERROR(CheckStrength(policies.enforced, *session, request.acr(),
                                max_age, plan.now()));
  response.set_active(true);
  *response.mutable_session() = ViewOf(*session);
  return absl::OkStatus();
}

absl::Status SessionEngine::ListSessions(
    Plan& plan, const v1::ListSessionsRequest& request,
    v1::ListSessionsResponse& response) const {
  RETURN_IF_ERROR(CheckMember(request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, request.account_id()));
  const std::string prefix =
      SessionListPrefix(request.account_id(), request.member_id());
  ASSIGN_OR_RETURN(const Page page, ReadPage(plan, prefix, request.page_size(),
                                             request.page_token()));
  for (const storage::Entry& mark : page.entries) {
    ASSIGN_OR_RETURN(storage::Record raw,
                     plan.snapshot().Get(SessionKey(
                         absl::string_view(mark.key).substr(prefix.size()))));
    ASSIGN_OR_RETURN(auto session, Decode<SessionRecord>(std::move(raw)));
    if (!session.exists()) continue;
    ApplyPolicy(policies.enforced, session.record);
    if (IsOver(session.record, plan.now()) ||
        !IsStillGranted(member.record, session.record.member_create_micros(),
                        session.record.session_generation(), plan.now())) {
      continue;
    }
    *response.add_sessions() = ViewOf(session.record);
  }
  response.set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

absl::Status SessionEngine::RevokeSession(
    Plan& plan, const v1::RevokeSessionRequest& request,
    v1::RevokeSessionResponse& response) const {
  RETURN_IF_ERROR(CheckMember(request.account_id(), request.member_id()));
  RETURN_IF_ERROR(CheckId("session_id", request.session_id()));
  ASSIGN_OR_RETURN(const auto session,
                   plan.Read<SessionRecord>(SessionKey(request.session_id())));
  if (!session.exists() ||
      session.record.account_id() != request.account_id() ||
      session.record.member_id() != request.member_id() ||
      (!plan.caller().MayKnowMembers() &&
       session.record.client_id() != plan.caller().client_id())) {
    return MakeError(absl::StatusCode::kNotFound, "SESSION_NOT_FOUND",
                     "the member has no such session, or it is over");
  }
  plan.audit().set_account_id(request.account_id());
  plan.audit().set_member_id(request.member_id());
  plan.audit().set_note(absl::StrCat("session ", request.session_id()));
  RemoveSession(plan, session.record);
  return absl::OkStatus();
}

absl::Status SessionEngine::RevokeMemberSessions(
    Plan& plan, const v1::RevokeMemberSessionsRequest& request,
    v1::RevokeMemberSessionsResponse& response) const {
  RETURN_IF_ERROR(CheckMember(request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  RETURN_IF_ERROR(EndSessions(plan, member.record));
  if (request.forget_devices()) ForgetDevices(plan, member.record);
  plan.Write(MemberKey(request.account_id(), request.member_id()),
             member.record);
  return absl::OkStatus();
}

absl::Status SessionEngine::ListRememberedDevices(
    Plan& plan, const v1::ListRememberedDevicesRequest& request,
    v1::ListRememberedDevicesResponse& response) const {
  RETURN_IF_ERROR(CheckMember(request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, request.account_id()));
  ASSIGN_OR_RETURN(
      const auto devices,
      ReadRememberedDevices(plan, member.record, policies.enforced));
  for (const auto& device : devices.devices()) {
    *response.add_devices() = ViewOf(member.record, device);
  }
  return absl::OkStatus();
}

absl::Status SessionEngine::RevokeRememberedDevice(
    Plan& plan, const v1::RevokeRememberedDeviceRequest& request,
    v1::RevokeRememberedDeviceResponse& response) const {
  RETURN_IF_ERROR(CheckMember(request.account_id(), request.member_id()));
  RETURN_IF_ERROR(CheckId("device_id", request.device_id()));
  ASSIGN_OR_RETURN(
      const bool forgotten,
      ForgetRememberedDevice(plan, request.account_id(), request.member_id(),
                             request.device_id()));
  if (!forgotten) {
    return MakeError(absl::StatusCode::kNotFound, "DEVICE_NOT_FOUND",
                     "the member has no such remembered device, or it is "
                     "forgotten already");
  }
  plan.audit().set_account_id(request.account_id());
  plan.audit().set_member_id(request.member_id());
  plan.audit().set_note(absl::StrCat("device ", request.device_id()));
  return absl::OkStatus();
}

}  // namespace cofactor::services
