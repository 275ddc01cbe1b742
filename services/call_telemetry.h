#ifndef COFACTOR_SERVICES_CALL_TELEMETRY_H_
#define COFACTOR_SERVICES_CALL_TELEMETRY_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/engine/caller.h"
#include "services/engine/decision_observer.h"
#include "services/gate.h"
#include "services/telemetry/log.h"
#include "services/telemetry/metrics.h"

namespace cofactor::services {

// Counts and logs calls and decisions. Thread-safe, waits for nobody.
class CallTelemetry final : public DecisionObserver {
 public:
  // metrics, log: not owned; must outlive this. log_all_calls: false logs those
  // alone that are not answered OK.
  CallTelemetry(Metrics& metrics, Log& log, bool log_all_calls)
      : metrics_(metrics), log_(log), log_all_calls_(log_all_calls) {}

  void Started(const MethodAccess& method) {
    metrics_.ForMethod(method.index).Started();
  }
  // The gate did not let a call in.
  void Refused(const absl::Status& why);
  // The executor could not take a call.
  void Shed() { metrics_.CallShed(); }
  // caller: null if the call was not let in.
  void Ended(const MethodAccess& method, const Caller* caller,
             const std::string& peer, const absl::Status& status,
             absl::Duration duration);

  void Decided(const record::v1::AuditRecord& event) override;

 private:
  Metrics& metrics_;
  Log& log_;
  const bool log_all_calls_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CALL_TELEMETRY_H_
