#ifndef COFACTOR_SERVICES_SIGN_IN_SERVICE_H_
#define COFACTOR_SERVICES_SIGN_IN_SERVICE_H_

#include "cofactor/v1/sign_in_service.grpc.pb.h"
#include "services/chokepoint.h"
#include "services/engine/sign_in_engine.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.SignInService to the engine. The chokepoint
// keeps those that bring a password in the pool of slow calls. Thread-safe.
class SignInService final : public v1::SignInService::CallbackService {
 public:
  // None is owned; all must outlive this.
  SignInService(Chokepoint& chokepoint, const SignInEngine& sign_ins)
      : chokepoint_(chokepoint), sign_ins_(sign_ins) {}

  grpc::ServerUnaryReactor* StartSignIn(
      grpc::CallbackServerContext* context,
      const v1::StartSignInRequest* request,
      v1::StartSignInResponse* response) override;
  grpc::ServerUnaryReactor* ContinueSignIn(
      grpc::CallbackServerContext* context,
      const v1::ContinueSignInRequest* request,
      v1::ContinueSignInResponse* response) override;
  grpc::ServerUnaryReactor* GetSignIn(grpc::CallbackServerContext* context,
                                      const v1::GetSignInRequest* request,
                                      v1::GetSignInResponse* response) override;
  grpc::ServerUnaryReactor* CancelSignIn(
      grpc::CallbackServerContext* context,
      const v1::CancelSignInRequest* request,
      v1::CancelSignInResponse* response) override;

 private:
  Chokepoint& chokepoint_;
  const SignInEngine& sign_ins_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_SIGN_IN_SERVICE_H_
