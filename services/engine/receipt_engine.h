#ifndef COFACTOR_SERVICES_ENGINE_RECEIPT_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_RECEIPT_ENGINE_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cofactor/config/v1/server_config.pb.h"
#include "cofactor/v1/receipt_service.pb.h"
#include "services/engine/plan.h"
#include "services/receipts/receipts.h"

namespace cofactor::services {

// Decides the calls of ReceiptService, and what the server does with the keys
// of receipts by itself. Thread-safe.
class ReceiptEngine {
 public:
  // receipts: not owned; must outlive this. algorithm: of keys that are drawn
  // from now on.
  ReceiptEngine(const Receipts& receipts,
                config::v1::ReceiptAlgorithm algorithm)
      : receipts_(receipts), algorithm_(algorithm) {}

  absl::Status GetReceiptKeys(Plan& plan,
                              const v1::GetReceiptKeysRequest& request,
                              v1::GetReceiptKeysResponse& response) const;
  // Errors: as services::RotateReceiptKeys. INTERNAL: the store has no keys.
  absl::Status RotateReceiptKeys(Plan& plan,
                                 const v1::RotateReceiptKeysRequest& request,
                                 v1::RotateReceiptKeysResponse& response) const;

  // Rotates if the current key has signed for rotate_every, and forgets the
  // keys of before whose receipts are over. Writes nothing if there is nothing
  // to do. Errors: as RotateReceiptKeys.
  absl::Status KeepReceiptKeys(Plan& plan, absl::Duration rotate_every,
                               v1::RotateReceiptKeysResponse& response) const;

 private:
  const Receipts& receipts_;
  const config::v1::ReceiptAlgorithm algorithm_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_RECEIPT_ENGINE_H_
