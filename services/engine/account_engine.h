#ifndef COFACTOR_SERVICES_ENGINE_ACCOUNT_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_ACCOUNT_ENGINE_H_

#include "absl/status/status.h"
#include "cofactor/v1/account_service.pb.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Decides the calls of AccountService. See the proto for what they mean, and
// MutationRunner for how a plan is committed. Thread-safe.
class AccountEngine {
 public:
  absl::Status CreateAccount(Plan& plan,
                             const v1::CreateAccountRequest& request,
                             v1::CreateAccountResponse& response) const;
  absl::Status GetAccount(Plan& plan, const v1::GetAccountRequest& request,
                          v1::GetAccountResponse& response) const;
  absl::Status ListAccounts(Plan& plan, const v1::ListAccountsRequest& request,
                            v1::ListAccountsResponse& response) const;
  absl::Status UpdateAccount(Plan& plan,
                             const v1::UpdateAccountRequest& request,
                             v1::UpdateAccountResponse& response) const;
  absl::Status DeleteAccount(Plan& plan,
                             const v1::DeleteAccountRequest& request,
                             v1::DeleteAccountResponse& response) const;

  absl::Status CreateMember(Plan& plan, const v1::CreateMemberRequest& request,
                            v1::CreateMemberResponse& response) const;
  absl::Status GetMember(Plan& plan, const v1::GetMemberRequest& request,
                         v1::GetMemberResponse& response) const;
  absl::Status ListMembers(Plan& plan, const v1::ListMembersRequest& request,
                           v1::ListMembersResponse& response) const;
  absl::Status UpdateMember(Plan& plan, const v1::UpdateMemberRequest& request,
                            v1::UpdateMemberResponse& response) const;
  absl::Status DeleteMember(Plan& plan, const v1::DeleteMemberRequest& request,
                            v1::DeleteMemberResponse& response) const;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_ACCOUNT_ENGINE_H_
