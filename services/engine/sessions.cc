#include "services/engine/sessions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/v1/audit.pb.h"
#include "services/engine/keys.h"
#include "services/engine/opaque_token.h"
#include "services/engine/policies.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::SessionRecord;
using ::cofactor::record::v1::StepRecord;

// A refresh token: "cfr_" + session id + "_" + the part of its family + "_" + a
// part of its own.
constexpr absl::string_view kRefreshTokenPrefix = "cfr_";

// A step-up begins a new family, as it does not have the secret of the one
// before. The hashes of some older ones are kept behind that of the newest, so
// that whoever shows a token from before the step-up is still found out.
constexpr size_t kHashBytes = 32;
constexpr size_t kFamiliesKept = 8;

absl::Status SessionEnded() {
  return MakeError(absl::StatusCode::kPermissionDenied, "SESSION_ENDED",
                   "there is no such session, or it is over: the person has to "
                   "sign in anew");
}

absl::Status ReceiptRefused() {
  return MakeError(absl::StatusCode::kPermissionDenied, "RECEIPT_REFUSED",
                   "the receipt is of no session of this account: send the "
                   "last one of the session");
}

absl::Time TimeOf(int64_t micros) { return absl::FromUnixMicros(micros); }

bool IsSameProof(const StepRecord& a, const StepRecord& b) {
  return a.enrollment_id() == b.enrollment_id() &&
         a.remembered_device_id() == b.remembered_device_id();
}

// Adds the steps that the session does not have, or has from an earlier time.
// Returns them.
Steps AddSteps(const Steps& steps, SessionRecord& session) {
  Steps added;
  for (const StepRecord& step : steps) {
    const auto known = std::find_if(
        session.mutable_steps()->begin(), session.mutable_steps()->end(),
        [&step](const StepRecord& own) { return IsSameProof(own, step); });
    if (known == session.mutable_steps()->end()) {
      *session.add_steps() = step;
    } else if (known->time_micros() < step.time_micros()) {
      *known = step;
    } else {
      continue;
    }
    *added.Add() = step;
  }
  return added;
}

// Of the newest step that has one.
std::string ChallengeDigestOf(const Steps& steps) {
  const StepRecord* newest = nullptr;
  for (const StepRecord& step : steps) {
    if (!step.challenge_digest().empty() &&
        (newest == nullptr || step.time_micros() >= newest->time_micros())) {
      newest = &step;
    }
  }
  return newest == nullptr ? "" : newest->challenge_digest();
}

std::vector<std::string> EnrollmentIdsOf(const Steps& steps) {
  std::vector<std::string> ids;
  for (const StepRecord& step : steps) {
    if (!step.enrollment_id().empty() &&
        std::find(ids.begin(), ids.end(), step.enrollment_id()) == ids.end()) {
      ids.push_back(step.enrollment_id());
    }
  }
  return ids;
}

// Whether a remembered device stands in for factors that were not proven.
bool RestsOnRememberedDevice(const v1::Policy& policy, const Steps& steps) {
  return ReachedLevel(policy, steps) < SignInLevel(policy) &&
         std::any_of(steps.begin(), steps.end(), [](const StepRecord& step) {
           return !step.remembered_device_id().empty();
         });
}

bool IsOfFamily(const SessionRecord& session, absl::string_view hash) {
  bool found = false;
  for (absl::string_view known = session.family_hash();
       known.size() >= kHashBytes; known.remove_prefix(kHashBytes)) {
    found |= ConstantTimeEquals(known.substr(0, kHashBytes), hash);
  }
  return found;
}

// Whether it is the one token of the session that is good now.
bool IsCurrent(const SessionRecord& session, absl::string_view family_hash,
               absl::string_view token_hash) {
  const auto newest =
      absl::string_view(session.family_hash()).substr(0, kHashBytes);
  return ConstantTimeEquals(newest, family_hash) &&
         ConstantTimeEquals(session.token_hash(), token_hash);
}

// The policy that holds for a live session, which is applied to it. Nothing: it
// is over.
absl::StatusOr<std::optional<v1::Policy>> PolicyIfLive(Plan& plan,
                                                       SessionRecord& session) {
  ASSIGN_OR_RETURN(const auto member,
                   plan.Read<MemberRecord>(
                       MemberKey(session.account_id(), session.member_id())));
  ASSIGN_OR_RETURN(Policies policies, ReadPolicies(plan, session.account_id()));
  ApplyPolicy(policies.enforced, session);
  if (!member.exists() || IsOver(session, plan.now()) ||
      !IsStillGranted(member.record, session.member_create_micros(),
                      session.session_generation(), plan.now())) {
    return std::nullopt;
  }
  return std::move(policies.enforced);
}

}  // namespace

absl::StatusOr<v1::Grant> Sessions::Create(Plan& plan,
                                           const MemberRecord& member,
                                           const v1::Policy& policy,
                                           const Steps& steps) const {
  SessionRecord session;
  session.set_session_id(randomness_.DrawId());
  session.set_account_id(member.account_id());
  session.set_member_id(member.member_id());
  session.set_client_id(plan.caller().client_id());
  *session.mutable_steps() = steps;
  session.set_session_generation(member.session_generation());
  session.set_member_create_micros(member.create_micros());
  session.set_create_micros(absl::ToUnixMicros(plan.now()));
  session.set_expire_micros(
      absl::ToUnixMicros(plan.now() + SessionLifetime(policy)));
  const Secret family = DrawTokenSecret(randomness_);
  session.set_family_hash(HashOfTokenSecret(family));
  return Grant(plan, policy, family, ChallengeDigestOf(steps), session);
}

absl::StatusOr<v1::Grant> Sessions::StepUp(Plan& plan, SessionRecord session,
                                           const v1::Policy& policy,
                                           const Steps& steps) const {
  if (session.client_id() != plan.caller().client_id()) {
    return SessionEnded();
  }
  const Steps added = AddSteps(steps, session);
  session.set_refresh_micros(absl::ToUnixMicros(plan.now()));
  const Secret family = DrawTokenSecret(randomness_);
  session.set_family_hash((HashOfTokenSecret(family) + session.family_hash())
                              .substr(0, kFamiliesKept * kHashBytes));
  return Grant(plan, policy, family, ChallengeDigestOf(added), session);
}

absl::StatusOr<std::optional<v1::Grant>> Sessions::Refresh(
    Plan& plan, absl::string_view refresh_token) const {
  const absl::Status refused = SessionEnded();
  const std::optional<PresentedToken> presented =
      ParseToken(kRefreshTokenPrefix, 2, refresh_token);
  if (!presented.has_value()) return refused;
  ASSIGN_OR_RETURN(auto stored,
                   plan.Read<SessionRecord>(SessionKey(presented->id)));
  SessionRecord& session = stored.record;
  const Secret& family = presented->secrets[0];
  const std::string family_hash = HashOfTokenSecret(family);
  // The id alone stands in every receipt, so that whoever knows no more than
  // that changes nothing.
  if (!stored.exists() || !IsOfFamily(session, family_hash) ||
      session.client_id() != plan.caller().client_id() ||
      !plan.caller().MayTouch(session.account_id())) {
    return refused;
  }
  plan.audit().set_account_id(session.account_id());
  plan.audit().set_member_id(session.member_id());
  if (!IsCurrent(session, family_hash,
                 HashOfTokenSecret(presented->secrets[1]))) {
    // Somebody has a copy, and nothing tells who is the thief.
    RemoveSession(plan, session);
    plan.audit().set_result(v1::AUDIT_RESULT_REFUSED);
    plan.audit().set_reason("REFRESH_TOKEN_REUSED");
    plan.audit().set_note(
        absl::StrCat("a refresh token was used a second time: ended session ",
                     session.session_id()));
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const std::optional<v1::Policy> policy,
                   PolicyIfLive(plan, session));
  if (!policy.has_value()) return refused;
  session.set_refresh_micros(absl::ToUnixMicros(plan.now()));
  // What the person agreed to was told by the receipt of that sign-in: it must
  // not come back fresh each time.
  absl::StatusOr<v1::Grant> grant =
      Grant(plan, *policy, family, /*challenge_digest=*/"", session);
  if (absl::IsPermissionDenied(grant.status())) return refused;
  RETURN_IF_ERROR(grant.status());
  return *std::move(grant);
}

absl::StatusOr<v1::Grant> Sessions::Grant(Plan& plan, const v1::Policy& policy,
                                          const Secret& family,
                                          absl::string_view challenge_digest,
                                          SessionRecord& session) const {
  session.set_idle_expire_micros(
      absl::ToUnixMicros(plan.now() + IdleTimeout(policy)));
  ApplyPolicy(policy, session);
  const absl::Time end = TimeOf(session.idle_expire_micros());
  const absl::Duration lifetime = absl::Trunc(
      std::min(ReceiptLifetime(policy), end - plan.now()), absl::Seconds(1));
  if (lifetime <= absl::ZeroDuration()) {
    return SessionEnded();
  }
  const Secret part = DrawTokenSecret(randomness_);
  session.set_token_hash(HashOfTokenSecret(part));
  plan.Write(SessionKey(session.session_id()), session, end);
  plan.WriteMark(SessionListKey(session.account_id(), session.member_id(),
                                session.session_id()),
                 end);

  Receipt receipt;
  receipt.account_id = session.account_id();
  receipt.member_id = session.member_id();
  receipt.client_id = session.client_id();
  receipt.amr = AmrOf(session.steps());
  receipt.acr = session.acr();
  receipt.auth_time = AuthTimeOf(session.steps());
  receipt.session_id = session.session_id();
  receipt.enrollment_ids = EnrollmentIdsOf(session.steps());
  receipt.challenge_digest = std::string(challenge_digest);
  receipt.remembered_device = RestsOnRememberedDevice(policy, session.steps());
  ASSIGN_OR_RETURN(IssuedReceipt issued,
                   receipts_.Issue(plan, std::move(receipt), lifetime));

  v1::Grant grant;
  *grant.mutable_session() = ViewOf(session);
  grant.set_receipt(std::move(issued.jwt));
  *grant.mutable_receipt_expire_time() = ToTimestamp(issued.expire_time);
  const Secret token =
      MakeToken(kRefreshTokenPrefix, session.session_id(), {&family, &part});
  grant.set_refresh_token(std::string(token.ExposeSecret()));
  return grant;
}

absl::StatusOr<SessionRecord> Sessions::ReadLive(
    Plan& plan, absl::string_view session_id) const {
  ASSIGN_OR_RETURN(auto session,
                   plan.Read<SessionRecord>(SessionKey(session_id)));
  if (!session.exists()) {
    return SessionEnded();
  }
  ASSIGN_OR_RETURN(const std::optional<v1::Policy> policy,
                   PolicyIfLive(plan, session.record));
  if (!policy.has_value()) {
    return SessionEnded();
  }
  return std::move(session.record);
}

absl::StatusOr<SessionRecord> Sessions::OfReceipt(Plan& plan,
                                                  absl::string_view account_id,
                                                  absl::string_view jwt) const {
  ASSIGN_OR_RETURN(const Receipt receipt, receipts_.Check(plan, jwt));
  if (receipt.account_id != account_id) return ReceiptRefused();
  return OfChecked(plan, receipt);
}

absl::StatusOr<SessionRecord> Sessions::OfReceipt(Plan& plan,
                                                  absl::string_view jwt) const {
  ASSIGN_OR_RETURN(const Receipt receipt, receipts_.Check(plan, jwt));
  return OfChecked(plan, receipt);
}

absl::StatusOr<SessionRecord> Sessions::OfChecked(
    Plan& plan, const Receipt& receipt) const {
  if (receipt.session_id.empty()) return ReceiptRefused();
  ASSIGN_OR_RETURN(SessionRecord session, ReadLive(plan, receipt.session_id));
  if (session.account_id() != receipt.account_id ||
      session.member_id() != receipt.member_id) {
    return ReceiptRefused();
  }
  return session;
}

void ApplyPolicy(const v1::Policy& policy, SessionRecord& session) {
  const absl::Time used =
      TimeOf(std::max(session.create_micros(), session.refresh_micros()));
  const absl::Time end =
      std::min(TimeOf(session.expire_micros()),
               TimeOf(session.create_micros()) + SessionLifetime(policy));
  const absl::Time idle_end = std::min(
      {TimeOf(session.idle_expire_micros()), used + IdleTimeout(policy), end});
  session.set_expire_micros(absl::ToUnixMicros(end));
  session.set_idle_expire_micros(absl::ToUnixMicros(idle_end));
  session.set_acr(AcrOf(policy, ReachedLevel(policy, session.steps())));
}

bool IsOver(const SessionRecord& session, absl::Time now) {
  return now >= TimeOf(session.idle_expire_micros()) ||
         now >= TimeOf(session.expire_micros());
}

void RemoveSession(Plan& plan, const SessionRecord& session) {
  plan.Delete(SessionKey(session.session_id()));
  plan.Delete(SessionListKey(session.account_id(), session.member_id(),
                             session.session_id()));
}

bool IsStillGranted(const MemberRecord& member, int64_t member_create_micros,
                    uint64_t session_generation, absl::Time now) {
  return member.create_micros() == member_create_micros &&
         member.session_generation() == session_generation &&
         MayVerify(member, now);
}

v1::ProvenStep ViewOf(const StepRecord& step) {
  v1::ProvenStep view;
  view.set_enrollment_id(step.enrollment_id());
  view.set_factor_type(step.factor_type());
  view.set_kind(static_cast<v1::FactorKind>(step.kind()));
  *view.mutable_amr() = step.amr();
  *view.mutable_time() = ToTimestamp(TimeOf(step.time_micros()));
  view.set_remembered_device_id(step.remembered_device_id());
  return view;
}

v1::Session ViewOf(const SessionRecord& session) {
  v1::Session view;
  view.set_session_id(session.session_id());
  view.set_account_id(session.account_id());
  view.set_member_id(session.member_id());
  view.set_client_id(session.client_id());
  view.set_acr(session.acr());
  for (const std::string& method : AmrOf(session.steps())) {
    view.add_amr(method);
  }
  for (const StepRecord& step : session.steps()) {
    *view.add_steps() = ViewOf(step);
  }
  *view.mutable_create_time() = ToTimestamp(TimeOf(session.create_micros()));
  if (!session.steps().empty()) {
    *view.mutable_auth_time() = ToTimestamp(AuthTimeOf(session.steps()));
  }
  if (session.refresh_micros() != 0) {
    *view.mutable_refresh_time() =
        ToTimestamp(TimeOf(session.refresh_micros()));
  }
  *view.mutable_idle_expire_time() =
      ToTimestamp(TimeOf(session.idle_expire_micros()));
  *view.mutable_expire_time() = ToTimestamp(TimeOf(session.expire_micros()));
  return view;
}

}  // namespace cofactor::services
