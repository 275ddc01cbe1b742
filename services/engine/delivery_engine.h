#ifndef COFACTOR_SERVICES_ENGINE_DELIVERY_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_DELIVERY_ENGINE_H_

#include "absl/status/status.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Writes down what becomes of messages, on the challenge or the pending
// enrollment that they belong to. Thread-safe.
class DeliveryEngine {
 public:
  // A report about a message that is not the last of its challenge, or that
  // says less than is known, changes nothing. NOT_FOUND: there is no such
  // message, or it was long ago.
  absl::Status RecordDelivery(Plan& plan,
                              const record::v1::DeliveryReport& report,
                              record::v1::DeliveryReported& reported) const;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_DELIVERY_ENGINE_H_
