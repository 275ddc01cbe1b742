#ifndef COFACTOR_SERVICES_AUDIT_SERVICE_H_
#define COFACTOR_SERVICES_AUDIT_SERVICE_H_

#include "cofactor/v1/audit_service.grpc.pb.h"
#include "services/audit_tail.h"
#include "services/chokepoint.h"
#include "services/engine/audit_engine.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.AuditService to the engine. Thread-safe.
class AuditService final : public v1::AuditService::CallbackService {
 public:
  // None is owned; all must outlive this.
  AuditService(Chokepoint& chokepoint, const AuditEngine& engine,
               AuditTail& tail)
      : chokepoint_(chokepoint), engine_(engine), tail_(tail) {}

  grpc::ServerUnaryReactor* ListAuditEvents(
      grpc::CallbackServerContext* context,
      const v1::ListAuditEventsRequest* request,
      v1::ListAuditEventsResponse* response) override;
  AuditTail::Reactor* TailAuditEvents(
      grpc::CallbackServerContext* context,
      const v1::TailAuditEventsRequest* request) override;
  grpc::ServerUnaryReactor* VerifyAuditChain(
      grpc::CallbackServerContext* context,
      const v1::VerifyAuditChainRequest* request,
      v1::VerifyAuditChainResponse* response) override;

 private:
  Chokepoint& chokepoint_;
  const AuditEngine& engine_;
  AuditTail& tail_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_AUDIT_SERVICE_H_
