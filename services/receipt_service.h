#ifndef COFACTOR_SERVICES_RECEIPT_SERVICE_H_
#define COFACTOR_SERVICES_RECEIPT_SERVICE_H_

#include "cofactor/v1/receipt_service.grpc.pb.h"
#include "services/chokepoint.h"
#include "services/engine/receipt_engine.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.ReceiptService to the engine. Thread-safe.
class ReceiptService final : public v1::ReceiptService::CallbackService {
 public:
  // None is owned; all must outlive this.
  ReceiptService(Chokepoint& chokepoint, const ReceiptEngine& engine)
      : chokepoint_(chokepoint), engine_(engine) {}

  grpc::ServerUnaryReactor* GetReceiptKeys(
      grpc::CallbackServerContext* context,
      const v1::GetReceiptKeysRequest* request,
      v1::GetReceiptKeysResponse* response) override;
  grpc::ServerUnaryReactor* RotateReceiptKeys(
      grpc::CallbackServerContext* context,
      const v1::RotateReceiptKeysRequest* request,
      v1::RotateReceiptKeysResponse* response) override;

 private:
  Chokepoint& chokepoint_;
  const ReceiptEngine& engine_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_RECEIPT_SERVICE_H_
