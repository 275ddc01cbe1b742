#include "services/receipts/receipt_key_keeper.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "cofactor/v1/receipt_service.pb.h"
#include "services/engine/caller.h"
#include "services/engine/plan.h"

namespace cofactor::services {

ReceiptKeyKeeper::~ReceiptKeyKeeper() {
  MutexLock lock(mutex_);
  while (under_way_) ended_.Wait(mutex_);
}

void ReceiptKeyKeeper::Tick() {
  {
    MutexLock lock(mutex_);
    if (under_way_) return;
    under_way_ = true;
  }
  struct Call {
    v1::RotateReceiptKeysRequest request;
    v1::RotateReceiptKeysResponse response;
  };
  auto call = std::make_unique<Call>();
  Call& borrowed = *call;
  runner_.Run(
      Caller::Server(), borrowed.request, "", borrowed.response,
      [this, &borrowed](Plan& plan) {
        const absl::Status status =
            engine_.KeepReceiptKeys(plan, rotate_every_, borrowed.response);
        // A refusal would stand in the audit log once per Tick.
        return status.ok() ? status : absl::UnavailableError(status.message());
      },
      [this, call = std::move(call)](const absl::Status& status) { Ended(); });
}

void ReceiptKeyKeeper::Ended() {
  MutexLock lock(mutex_);
  under_way_ = false;
  ended_.NotifyAll();
}

}  // namespace cofactor::services
