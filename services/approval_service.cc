#include "services/approval_service.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* ApprovalService::ApproveTogether(
    grpc::CallbackServerContext* context,
    const v1::ApproveTogetherRequest* request,
    v1::ApproveTogetherResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &ApprovalEngine::ApproveTogether);
}

grpc::ServerUnaryReactor* ApprovalService::AskForApproval(
    grpc::CallbackServerContext* context,
    const v1::AskForApprovalRequest* request,
    v1::AskForApprovalResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &ApprovalEngine::AskForApproval);
}

grpc::ServerUnaryReactor* ApprovalService::AddApproval(
    grpc::CallbackServerContext* context, const v1::AddApprovalRequest* request,
    v1::AddApprovalResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &ApprovalEngine::AddApproval);
}

grpc::ServerUnaryReactor* ApprovalService::GetApproval(
    grpc::CallbackServerContext* context, const v1::GetApprovalRequest* request,
    v1::GetApprovalResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &ApprovalEngine::GetApproval);
}

grpc::ServerUnaryReactor* ApprovalService::CancelApproval(
    grpc::CallbackServerContext* context,
    const v1::CancelApprovalRequest* request,
    v1::CancelApprovalResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &ApprovalEngine::CancelApproval);
}

}  // namespace cofactor::services
