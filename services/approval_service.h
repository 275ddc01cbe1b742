#ifndef COFACTOR_SERVICES_APPROVAL_SERVICE_H_
#define COFACTOR_SERVICES_APPROVAL_SERVICE_H_

#include "cofactor/v1/approval_service.grpc.pb.h"
#include "services/chokepoint.h"
#include "services/engine/approval_engine.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.ApprovalService to the engine. Thread-safe.
class ApprovalService final : public v1::ApprovalService::CallbackService {
 public:
  // None is owned; all must outlive this.
  ApprovalService(Chokepoint& chokepoint, const ApprovalEngine& engine)
      : chokepoint_(chokepoint), engine_(engine) {}

  grpc::ServerUnaryReactor* ApproveTogether(
      grpc::CallbackServerContext* context,
      const v1::ApproveTogetherRequest* request,
      v1::ApproveTogetherResponse* response) override;
  grpc::ServerUnaryReactor* AskForApproval(
      grpc::CallbackServerContext* context,
      const v1::AskForApprovalRequest* request,
      v1::AskForApprovalResponse* response) override;
  grpc::ServerUnaryReactor* AddApproval(
      grpc::CallbackServerContext* context,
      const v1::AddApprovalRequest* request,
      v1::AddApprovalResponse* response) override;
  grpc::ServerUnaryReactor* GetApproval(
      grpc::CallbackServerContext* context,
      const v1::GetApprovalRequest* request,
      v1::GetApprovalResponse* response) override;
  grpc::ServerUnaryReactor* CancelApproval(
      grpc::CallbackServerContext* context,
      const v1::CancelApprovalRequest* request,
      v1::CancelApprovalResponse* response) override;

 private:
  Chokepoint& chokepoint_;
  const ApprovalEngine& engine_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_APPROVAL_SERVICE_H_
