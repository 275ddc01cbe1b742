#include "services/engine/account_engine.h"

#include <string>
#include <utility>

#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/member_sessions.h"
#include "services/engine/policies.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::AccountRecord;
using ::cofactor::record::v1::CodeOnlyRecord;
using ::cofactor::record::v1::MemberRecord;

// The view of an account with what its code-only verification knows.
absl::StatusOr<v1::Account> View(Plan& plan, const AccountRecord& account) {
  ASSIGN_OR_RETURN(
      const auto code_only,
      plan.Read<CodeOnlyRecord>(CodeOnlyKey(account.account_id())));
  return ViewOf(account, code_only.record, plan.now());
}

absl::Status SetDisplayName(absl::string_view field,
                            const std::string& display_name,
                            std::string& target) {
  RETURN_IF_ERROR(CheckText(field, display_name, kMaxNameBytes));
  target = display_name;
  return absl::OkStatus();
}

absl::Status SetRole(v1::MemberRole role, MemberRecord& member) {
  if (role != v1::MEMBER_ROLE_OWNER && role != v1::MEMBER_ROLE_ADMIN &&
      role != v1::MEMBER_ROLE_MEMBER) {
    return InvalidField("member.role",
                        "want MEMBER_ROLE_OWNER, MEMBER_ROLE_ADMIN or "
                        "MEMBER_ROLE_MEMBER");
  }
  member.set_role(role);
  return absl::OkStatus();
}

absl::Status SetState(v1::MemberState state, MemberRecord& member) {
  if (state != v1::MEMBER_STATE_ACTIVE && state != v1::MEMBER_STATE_SUSPENDED) {
    return InvalidField("member.state",
                        "want MEMBER_STATE_ACTIVE or MEMBER_STATE_SUSPENDED; "
                        "MEMBER_STATE_EXPIRED follows from valid_until");
  }
  member.set_suspended(state == v1::MEMBER_STATE_SUSPENDED);
  return absl::OkStatus();
}

absl::Status SetValidUntil(const v1::Member& from, MemberRecord& member) {
  if (!from.has_valid_until()) {
    member.set_valid_until_micros(0);
    return absl::OkStatus();
  }
  const auto& until = from.valid_until();
  // Years 1971 to 9999: an end before that is a mistake.
  if (until.seconds() < 31'536'000 || until.seconds() > 253'402'300'799 ||
      until.nanos() < 0 || until.nanos() > 999'999'999) {
    return InvalidField("member.valid_until",
                        "want a time in the years 1971 to 9999");
  }
  member.set_valid_until_micros(
      absl::ToUnixMicros(absl::FromUnixSeconds(until.seconds()) +
                         absl::Nanoseconds(until.nanos())));
  return absl::OkStatus();
}

absl::Status AlreadyExists(absl::string_view what) {
  return MakeError(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
                   absl::StrCat(what, " with this id exists already"));
}

}  // namespace

absl::Status AccountEngine::CreateAccount(
    Plan& plan, const v1::CreateAccountRequest& request,
    v1::CreateAccountResponse& response) const {
  const std::string& account_id = request.account().account_id();
  RETURN_IF_ERROR(CheckId("account.account_id", account_id));
  plan.audit().set_account_id(account_id);
  const std::string key = AccountKey(account_id);
  ASSIGN_OR_RETURN(auto account, plan.Read<AccountRecord>(key));
  if (account.exists()) return AlreadyExists("an account");
  account.record.set_account_id(account_id);
  RETURN_IF_ERROR(SetDisplayName("account.display_name",
                                 request.account().display_name(),
                                 *account.record.mutable_display_name()));
  account.record.set_create_micros(absl::ToUnixMicros(plan.now()));
  account.record.set_update_micros(account.record.create_micros());
  plan.Write(key, account.record);
  *response.mutable_account() = ViewOf(account.record, {}, plan.now());
  return absl::OkStatus();
}

absl::Status AccountEngine::GetAccount(Plan& plan,
                                       const v1::GetAccountRequest& request,
                                       v1::GetAccountResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  ASSIGN_OR_RETURN(const auto account, ReadAccount(plan, request.account_id()));
  ASSIGN_OR_RETURN(*response.mutable_account(), View(plan, account.record));
  return absl::OkStatus();
}

absl::Status AccountEngine::ListAccounts(
    Plan& plan, const v1::ListAccountsRequest& request,
    v1::ListAccountsResponse& response) const {
  ASSIGN_OR_RETURN(Page page,
                   ReadPage(plan, kAccountPrefix, request.page_size(),
                            request.page_token()));
  for (storage::Entry& entry : page.entries) {
    ASSIGN_OR_RETURN(const auto account,
                     Decode<AccountRecord>(std::move(entry.record)));
    if (!plan.caller().MayTouch(account.record.account_id())) continue;
    ASSIGN_OR_RETURN(*response.add_accounts(), View(plan, account.record));
  }
  response.set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

absl::Status AccountEngine::UpdateAccount(
    Plan& plan, const v1::UpdateAccountRequest& request,
    v1::UpdateAccountResponse& response) const {
  const std::string& account_id = request.account().account_id();
  RETURN_IF_ERROR(CheckId("account.account_id", account_id));
  RETURN_IF_ERROR(CheckUpdateMask(request.update_mask(), {"display_name"}));
  ASSIGN_OR_RETURN(auto account, ReadAccount(plan, account_id));
  RETURN_IF_ERROR(SetDisplayName("account.display_name",
                                 request.account().display_name(),
                                 *account.record.mutable_display_name()));
  account.record.set_update_micros(absl::ToUnixMicros(plan.now()));
  plan.Write(AccountKey(account_id), account.record);
  ASSIGN_OR_RETURN(*response.mutable_account(), View(plan, account.record));
  return absl::OkStatus();
}

absl::Status AccountEngine::DeleteAccount(
    Plan& plan, const v1::DeleteAccountRequest& request,
    v1::DeleteAccountResponse& response) const {
  const std::string& account_id = request.account_id();
  RETURN_IF_ERROR(CheckId("account_id", account_id));
  RETURN_IF_ERROR(ReadAccount(plan, account_id).status());
  // The roster changes when a member comes, so that this scan stays true until
  // the commit.
  RETURN_IF_ERROR(
      plan.Read<record::v1::RosterRecord>(RosterKey(account_id)).status());
  ASSIGN_OR_RETURN(const std::vector<storage::Entry> members,
                   plan.snapshot().Scan(MemberPrefix(account_id), "", 1));
  if (!members.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "ACCOUNT_HAS_MEMBERS",
                     "the account still has members: delete them first");
  }
  plan.Delete(AccountKey(account_id));
  plan.Delete(RosterKey(account_id));
  plan.Delete(CodeOnlyKey(account_id));
  RETURN_IF_ERROR(DeletePolicies(plan, account_id));
  return absl::OkStatus();
}

absl::Status AccountEngine::CreateMember(
    Plan& plan, const v1::CreateMemberRequest& request,
    v1::CreateMemberResponse& response) const {
  const v1::Member& wanted = request.member();
  RETURN_IF_ERROR(CheckId("member.account_id", wanted.account_id()));
  RETURN_IF_ERROR(CheckId("member.member_id", wanted.member_id()));
  RETURN_IF_ERROR(ReadAccount(plan, wanted.account_id()).status());
  plan.audit().set_member_id(wanted.member_id());
  const std::string key = MemberKey(wanted.account_id(), wanted.member_id());
  ASSIGN_OR_RETURN(auto member, plan.Read<MemberRecord>(key));
  if (member.exists()) return AlreadyExists("a member");
  member.record.set_account_id(wanted.account_id());
  member.record.set_member_id(wanted.member_id());
  RETURN_IF_ERROR(SetDisplayName("member.display_name", wanted.display_name(),
                                 *member.record.mutable_display_name()));
  RETURN_IF_ERROR(SetRole(wanted.role() == v1::MEMBER_ROLE_UNSPECIFIED
                              ? v1::MEMBER_ROLE_MEMBER
                              : wanted.role(),
                          member.record));
  RETURN_IF_ERROR(SetState(wanted.state() == v1::MEMBER_STATE_UNSPECIFIED
                               ? v1::MEMBER_STATE_ACTIVE
                               : wanted.state(),
                           member.record));
  RETURN_IF_ERROR(SetValidUntil(wanted, member.record));
  member.record.set_create_micros(absl::ToUnixMicros(plan.now()));
  member.record.set_update_micros(member.record.create_micros());
  plan.Write(key, member.record);
  ChangeRoster(plan, wanted.account_id());
  *response.mutable_member() = ViewOf(member.record, plan.now());
  return absl::OkStatus();
}

absl::Status AccountEngine::GetMember(Plan& plan,
                                      const v1::GetMemberRequest& request,
                                      v1::GetMemberResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  ASSIGN_OR_RETURN(const auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  *response.mutable_member() = ViewOf(member.record, plan.now());
  return absl::OkStatus();
}

absl::Status AccountEngine::ListMembers(
    Plan& plan, const v1::ListMembersRequest& request,
    v1::ListMembersResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(ReadAccount(plan, request.account_id()).status());
  ASSIGN_OR_RETURN(Page page,
                   ReadPage(plan, MemberPrefix(request.account_id()),
                            request.page_size(), request.page_token()));
  for (storage::Entry& entry : page.entries) {
    ASSIGN_OR_RETURN(const auto member,
                     Decode<MemberRecord>(std::move(entry.record)));
    *response.add_members() = ViewOf(member.record, plan.now());
  }
  response.set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

absl::Status AccountEngine::UpdateMember(
    Plan& plan, const v1::UpdateMemberRequest& request,
    v1::UpdateMemberResponse& response) const {
  const v1::Member& wanted = request.member();
  RETURN_IF_ERROR(CheckId("member.account_id", wanted.account_id()));
  RETURN_IF_ERROR(CheckId("member.member_id", wanted.member_id()));
  RETURN_IF_ERROR(CheckUpdateMask(
      request.update_mask(), {"display_name", "role", "state", "valid_until"}));
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, wanted.account_id(), wanted.member_id()));
  const bool could_verify = MayVerify(member.record, plan.now());
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "display_name") {
      RETURN_IF_ERROR(SetDisplayName("member.display_name",
                                     wanted.display_name(),
                                     *member.record.mutable_display_name()));
    } else if (path == "role") {
      RETURN_IF_ERROR(SetRole(wanted.role(), member.record));
    } else if (path == "state") {
      RETURN_IF_ERROR(SetState(wanted.state(), member.record));
    } else {
      RETURN_IF_ERROR(SetValidUntil(wanted, member.record));
    }
  }
  // Who comes back after a suspension or an end signs in anew.
  if (!could_verify || !MayVerify(member.record, plan.now())) {
    RETURN_IF_ERROR(EndSessions(plan, member.record));
    ForgetDevices(plan, member.record);
  }
  member.record.set_update_micros(absl::ToUnixMicros(plan.now()));
  plan.Write(MemberKey(wanted.account_id(), wanted.member_id()), member.record);
  plan.Announce({wanted.account_id(), wanted.member_id(), ""});
  *response.mutable_member() = ViewOf(member.record, plan.now());
  return absl::OkStatus();
}

absl::Status AccountEngine::DeleteMember(
    Plan& plan, const v1::DeleteMemberRequest& request,
    v1::DeleteMemberResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckId("member_id", request.member_id()));
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, request.account_id(), request.member_id()));
  for (const auto& enrollment : member.record.enrollments()) {
    RETURN_IF_ERROR(ForgetActivation(plan, enrollment));
  }
  RETURN_IF_ERROR(EndSessions(plan, member.record));
  ForgetDevices(plan, member.record);
  plan.Delete(MemberKey(request.account_id(), request.member_id()));
  plan.Announce({request.account_id(), request.member_id(), ""});
  ChangeRoster(plan, request.account_id());
  return absl::OkStatus();
}

}  // namespace cofactor::services
