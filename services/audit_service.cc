#include "services/audit_service.h"

#include <utility>

#include "services/open_streams.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* AuditService::ListAuditEvents(
    grpc::CallbackServerContext* context,
    const v1::ListAuditEventsRequest* request,
    v1::ListAuditEventsResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &AuditEngine::ListAuditEvents);
}

AuditTail::Reactor* AuditService::TailAuditEvents(
    grpc::CallbackServerContext* context,
    const v1::TailAuditEventsRequest* request) {
  absl::StatusOr<Caller> caller = chokepoint_.Admit(*context, *request);
  if (!caller.ok()) return RefuseStream<AuditTail::Reactor>(caller.status());
  return tail_.Open(*std::move(caller), *request);
}

grpc::ServerUnaryReactor* AuditService::VerifyAuditChain(
    grpc::CallbackServerContext* context,
    const v1::VerifyAuditChainRequest* request,
    v1::VerifyAuditChainResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &AuditEngine::VerifyAuditChain);
}

}  // namespace cofactor::services
