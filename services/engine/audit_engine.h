#ifndef COFACTOR_SERVICES_ENGINE_AUDIT_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_AUDIT_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cofactor/v1/audit_service.pb.h"
#include "services/engine/caller.h"
#include "services/engine/plan.h"
#include "storage/store.h"

namespace cofactor::services {

// Decides the calls of AuditService. Thread-safe.
class AuditEngine {
 public:
  absl::Status ListAuditEvents(Plan& plan,
                               const v1::ListAuditEventsRequest& request,
                               v1::ListAuditEventsResponse& response) const;
  absl::Status VerifyAuditChain(Plan& plan,
                                const v1::VerifyAuditChainRequest& request,
                                v1::VerifyAuditChainResponse& response) const;
};

// INVALID_ARGUMENT unless the filter is one.
absl::Status CheckFilter(const v1::AuditFilter& filter);

// Events behind a sequence that the caller may see and the filter lets pass.
struct EventsAfter {
  std::vector<v1::AuditEvent> events;
  // The last event that was looked at; what is asked for next.
  uint64_t sequence = 0;
  // Whether it is the end of the log.
  bool at_end = false;
};
// Looks at no more than max_looked_at events. Errors: as Snapshot::Scan.
absl::StatusOr<EventsAfter> ReadEventsAfter(const storage::Snapshot& snapshot,
                                            const Caller& caller,
                                            const v1::AuditFilter& filter,
                                            uint64_t sequence,
                                            size_t max_events,
                                            size_t max_looked_at);

// The number of the last event; 0 if there is none.
absl::StatusOr<uint64_t> LastSequence(const storage::Snapshot& snapshot);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_AUDIT_ENGINE_H_
