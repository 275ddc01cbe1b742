#include "services/policy_service.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* PolicyService::GetPolicy(
    grpc::CallbackServerContext* context, const v1::GetPolicyRequest* request,
    v1::GetPolicyResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &PolicyEngine::GetPolicy);
}

grpc::ServerUnaryReactor* PolicyService::SetPolicy(
    grpc::CallbackServerContext* context, const v1::SetPolicyRequest* request,
    v1::SetPolicyResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &PolicyEngine::SetPolicy);
}

grpc::ServerUnaryReactor* PolicyService::ClearShadowPolicy(
    grpc::CallbackServerContext* context,
    const v1::ClearShadowPolicyRequest* request,
    v1::ClearShadowPolicyResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &PolicyEngine::ClearShadowPolicy);
}

grpc::ServerUnaryReactor* PolicyService::ListPolicyVersions(
    grpc::CallbackServerContext* context,
    const v1::ListPolicyVersionsRequest* request,
    v1::ListPolicyVersionsResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &PolicyEngine::ListPolicyVersions);
}

grpc::ServerUnaryReactor* PolicyService::ListShadowDifferences(
    grpc::CallbackServerContext* context,
    const v1::ListShadowDifferencesRequest* request,
    v1::ListShadowDifferencesResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &PolicyEngine::ListShadowDifferences);
}

}  // namespace cofactor::services
