#ifndef COFACTOR_SERVICES_ENGINE_DECISION_OBSERVER_H_
#define COFACTOR_SERVICES_ENGINE_DECISION_OBSERVER_H_

#include "cofactor/record/v1/record.pb.h"

namespace cofactor::services {

// Hears of every event that is in the audit log, for metrics. Thread-safe.
class DecisionObserver {
 public:
  virtual ~DecisionObserver() = default;

  // The event is on disk. It is called before the caller is answered, on a
  // thread that must not be held up.
  virtual void Decided(const record::v1::AuditRecord& event) = 0;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_DECISION_OBSERVER_H_
