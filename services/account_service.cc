#include "services/account_service.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* AccountService::CreateAccount(
    grpc::CallbackServerContext* context,
    const v1::CreateAccountRequest* request,
    v1::CreateAccountResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &AccountEngine::CreateAccount);
}

grpc::ServerUnaryReactor* AccountService::GetAccount(
    grpc::CallbackServerContext* context, const v1::GetAccountRequest* request,
    v1::GetAccountResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &AccountEngine::GetAccount);
}

grpc::ServerUnaryReactor* AccountService::ListAccounts(
    grpc::CallbackServerContext* context,
    const v1::ListAccountsRequest* request,
    v1::ListAccountsResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &AccountEngine::ListAccounts);
}

grpc::ServerUnaryReactor* AccountService::UpdateAccount(
    grpc::CallbackServerContext* context,
    const v1::UpdateAccountRequest* request,
    v1::UpdateAccountResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &AccountEngine::UpdateAccount);
}

grpc::ServerUnaryReactor* AccountService::DeleteAccount(
    grpc::CallbackServerContext* context,
    const v1::DeleteAccountRequest* request,
    v1::DeleteAccountResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &AccountEngine::DeleteAccount);
}

grpc::ServerUnaryReactor* AccountService::CreateMember(
    grpc::CallbackServerContext* context,
    const v1::CreateMemberRequest* request,
    v1::CreateMemberResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &AccountEngine::CreateMember);
}

grpc::ServerUnaryReactor* AccountService::GetMember(
    grpc::CallbackServerContext* context, const v1::GetMemberRequest* request,
    v1::GetMemberResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &AccountEngine::GetMember);
}

grpc::ServerUnaryReactor* AccountService::ListMembers(
    grpc::CallbackServerContext* context, const v1::ListMembersRequest* request,
    v1::ListMembersResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &AccountEngine::ListMembers);
}

grpc::ServerUnaryReactor* AccountService::UpdateMember(
    grpc::CallbackServerContext* context,
    const v1::UpdateMemberRequest* request,
    v1::UpdateMemberResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &AccountEngine::UpdateMember);
}

grpc::ServerUnaryReactor* AccountService::DeleteMember(
    grpc::CallbackServerContext* context,
    const v1::DeleteMemberRequest* request,
    v1::DeleteMemberResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &AccountEngine::DeleteMember);
}

}  // namespace cofactor::services
