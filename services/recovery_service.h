#ifndef COFACTOR_SERVICES_RECOVERY_SERVICE_H_
#define COFACTOR_SERVICES_RECOVERY_SERVICE_H_

#include "cofactor/v1/recovery_service.grpc.pb.h"
#include "services/chokepoint.h"
#include "services/engine/recovery_engine.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.RecoveryService to the engine. Thread-safe.
class RecoveryService final : public v1::RecoveryService::CallbackService {
 public:
  // None is owned; all must outlive this.
  RecoveryService(Chokepoint& chokepoint, const RecoveryEngine& engine)
      : chokepoint_(chokepoint), engine_(engine) {}

  grpc::ServerUnaryReactor* StartRecovery(
      grpc::CallbackServerContext* context,
      const v1::StartRecoveryRequest* request,
      v1::StartRecoveryResponse* response) override;
  grpc::ServerUnaryReactor* ApproveRecovery(
      grpc::CallbackServerContext* context,
      const v1::ApproveRecoveryRequest* request,
      v1::ApproveRecoveryResponse* response) override;
  grpc::ServerUnaryReactor* IssueEnrollmentTicket(
      grpc::CallbackServerContext* context,
      const v1::IssueEnrollmentTicketRequest* request,
      v1::IssueEnrollmentTicketResponse* response) override;
  grpc::ServerUnaryReactor* CancelRecovery(
      grpc::CallbackServerContext* context,
      const v1::CancelRecoveryRequest* request,
      v1::CancelRecoveryResponse* response) override;
  grpc::ServerUnaryReactor* GetRecovery(
      grpc::CallbackServerContext* context,
      const v1::GetRecoveryRequest* request,
      v1::GetRecoveryResponse* response) override;
  grpc::ServerUnaryReactor* ListRecoveries(
      grpc::CallbackServerContext* context,
      const v1::ListRecoveriesRequest* request,
      v1::ListRecoveriesResponse* response) override;

 private:
  Chokepoint& chokepoint_;
  const RecoveryEngine& engine_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_RECOVERY_SERVICE_H_
