#ifndef COFACTOR_SERVICES_ACCOUNT_SERVICE_H_
#define COFACTOR_SERVICES_ACCOUNT_SERVICE_H_

#include "cofactor/v1/account_service.grpc.pb.h"
#include "services/chokepoint.h"
#include "services/engine/account_engine.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.AccountService to the engine. Thread-safe.
class AccountService final : public v1::AccountService::CallbackService {
 public:
  // None is owned; all must outlive this.
  AccountService(Chokepoint& chokepoint, const AccountEngine& engine)
      : chokepoint_(chokepoint), engine_(engine) {}

  grpc::ServerUnaryReactor* CreateAccount(
      grpc::CallbackServerContext* context,
      const v1::CreateAccountRequest* request,
      v1::CreateAccountResponse* response) override;
  grpc::ServerUnaryReactor* GetAccount(
      grpc::CallbackServerContext* context,
      const v1::GetAccountRequest* request,
      v1::GetAccountResponse* response) override;
  grpc::ServerUnaryReactor* ListAccounts(
      grpc::CallbackServerContext* context,
      const v1::ListAccountsRequest* request,
      v1::ListAccountsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateAccount(
      grpc::CallbackServerContext* context,
      const v1::UpdateAccountRequest* request,
      v1::UpdateAccountResponse* response) override;
  grpc::ServerUnaryReactor* DeleteAccount(
      grpc::CallbackServerContext* context,
      const v1::DeleteAccountRequest* request,
      v1::DeleteAccountResponse* response) override;
  grpc::ServerUnaryReactor* CreateMember(
      grpc::CallbackServerContext* context,
      const v1::CreateMemberRequest* request,
      v1::CreateMemberResponse* response) override;
  grpc::ServerUnaryReactor* GetMember(grpc::CallbackServerContext* context,
                                      const v1::GetMemberRequest* request,
                                      v1::GetMemberResponse* response) override;
  grpc::ServerUnaryReactor* ListMembers(
      grpc::CallbackServerContext* context,
      const v1::ListMembersRequest* request,
      v1::ListMembersResponse* response) override;
  grpc::ServerUnaryReactor* UpdateMember(
      grpc::CallbackServerContext* context,
      const v1::UpdateMemberRequest* request,
      v1::UpdateMemberResponse* response) override;
  grpc::ServerUnaryReactor* DeleteMember(
      grpc::CallbackServerContext* context,
      const v1::DeleteMemberRequest* request,
      v1::DeleteMemberResponse* response) override;

 private:
  Chokepoint& chokepoint_;
  const AccountEngine& engine_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ACCOUNT_SERVICE_H_
