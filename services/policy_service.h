#ifndef COFACTOR_SERVICES_POLICY_SERVICE_H_
#define COFACTOR_SERVICES_POLICY_SERVICE_H_

#include "cofactor/v1/policy_service.grpc.pb.h"
#include "services/chokepoint.h"
#include "services/engine/policy_engine.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.PolicyService to the engine. Thread-safe.
class PolicyService final : public v1::PolicyService::CallbackService {
 public:
  // None is owned; all must outlive this.
  PolicyService(Chokepoint& chokepoint, const PolicyEngine& engine)
      : chokepoint_(chokepoint), engine_(engine) {}

  grpc::ServerUnaryReactor* GetPolicy(grpc::CallbackServerContext* context,
                                      const v1::GetPolicyRequest* request,
                                      v1::GetPolicyResponse* response) override;
  grpc::ServerUnaryReactor* SetPolicy(grpc::CallbackServerContext* context,
                                      const v1::SetPolicyRequest* request,
                                      v1::SetPolicyResponse* response) override;
  grpc::ServerUnaryReactor* ClearShadowPolicy(
      grpc::CallbackServerContext* context,
      const v1::ClearShadowPolicyRequest* request,
      v1::ClearShadowPolicyResponse* response) override;
  grpc::ServerUnaryReactor* ListPolicyVersions(
      grpc::CallbackServerContext* context,
      const v1::ListPolicyVersionsRequest* request,
      v1::ListPolicyVersionsResponse* response) override;
  grpc::ServerUnaryReactor* ListShadowDifferences(
      grpc::CallbackServerContext* context,
      const v1::ListShadowDifferencesRequest* request,
      v1::ListShadowDifferencesResponse* response) override;

 private:
  Chokepoint& chokepoint_;
  const PolicyEngine& engine_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_POLICY_SERVICE_H_
