#include "services/recovery_service.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* RecoveryService::StartRecovery(
    grpc::CallbackServerContext* context,
    const v1::StartRecoveryRequest* request,
    v1::StartRecoveryResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &RecoveryEngine::StartRecovery);
}

grpc::ServerUnaryReactor* RecoveryService::ApproveRecovery(
    grpc::CallbackServerContext* context,
    const v1::ApproveRecoveryRequest* request,
    v1::ApproveRecoveryResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &RecoveryEngine::ApproveRecovery);
}

grpc::ServerUnaryReactor* RecoveryService::IssueEnrollmentTicket(
    grpc::CallbackServerContext* context,
    const v1::IssueEnrollmentTicketRequest* request,
    v1::IssueEnrollmentTicketResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &RecoveryEngine::IssueEnrollmentTicket);
}

grpc::ServerUnaryReactor* RecoveryService::CancelRecovery(
    grpc::CallbackServerContext* context,
    const v1::CancelRecoveryRequest* request,
    v1::CancelRecoveryResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &RecoveryEngine::CancelRecovery);
}

grpc::ServerUnaryReactor* RecoveryService::GetRecovery(
    grpc::CallbackServerContext* context, const v1::GetRecoveryRequest* request,
    v1::GetRecoveryResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &RecoveryEngine::GetRecovery);
}

grpc::ServerUnaryReactor* RecoveryService::ListRecoveries(
    grpc::CallbackServerContext* context,
    const v1::ListRecoveriesRequest* request,
    v1::ListRecoveriesResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &RecoveryEngine::ListRecoveries);
}

}  // namespace cofactor::services
