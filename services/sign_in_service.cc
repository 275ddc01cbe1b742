#include "services/sign_in_service.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* SignInService::StartSignIn(
    grpc::CallbackServerContext* context, const v1::StartSignInRequest* request,
    v1::StartSignInResponse* response) {
  return chokepoint_.Mutate(context, request, response, sign_ins_,
                            &SignInEngine::StartSignIn);
}

grpc::ServerUnaryReactor* SignInService::ContinueSignIn(
    grpc::CallbackServerContext* context,
    const v1::ContinueSignInRequest* request,
    v1::ContinueSignInResponse* response) {
  return chokepoint_.Mutate(context, request, response, sign_ins_,
                            &SignInEngine::ContinueSignIn);
}

grpc::ServerUnaryReactor* SignInService::GetSignIn(
    grpc::CallbackServerContext* context, const v1::GetSignInRequest* request,
    v1::GetSignInResponse* response) {
  return chokepoint_.Read(context, request, response, sign_ins_,
                          &SignInEngine::GetSignIn);
}

grpc::ServerUnaryReactor* SignInService::CancelSignIn(
    grpc::CallbackServerContext* context,
    const v1::CancelSignInRequest* request,
    v1::CancelSignInResponse* response) {
  return chokepoint_.Mutate(context, request, response, sign_ins_,
                            &SignInEngine::CancelSignIn);
}

}  // namespace cofactor::services
