#include "services/receipt_service.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* ReceiptService::GetReceiptKeys(
    grpc::CallbackServerContext* context,
    const v1::GetReceiptKeysRequest* request,
    v1::GetReceiptKeysResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &ReceiptEngine::GetReceiptKeys);
}

grpc::ServerUnaryReactor* ReceiptService::RotateReceiptKeys(
    grpc::CallbackServerContext* context,
    const v1::RotateReceiptKeysRequest* request,
    v1::RotateReceiptKeysResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &ReceiptEngine::RotateReceiptKeys);
}

}  // namespace cofactor::services
