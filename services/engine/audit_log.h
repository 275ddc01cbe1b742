#ifndef COFACTOR_SERVICES_ENGINE_AUDIT_LOG_H_
#define COFACTOR_SERVICES_ENGINE_AUDIT_LOG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/audit.pb.h"
#include "storage/log.h"
#include "storage/store.h"

namespace cofactor::services {

// Writes the audit log. It seals nothing and chains nothing: the digest of an
// event is made here, by whoever commits, and the store only adds one hash to
// the chain as it writes a batch. Thread-safe.
class AuditLog {
 public:
  // randomness: not owned; must outlive this. retention: how long an event is
  // kept. It takes effect for the events that are written from then on, and
  // must not be shortened while longer-lived ones are there: events end in
  // their order.
  AuditLog(Randomness& randomness, absl::Duration retention)
      : randomness_(randomness), retention_(retention) {}

  // Adds an event to the transaction of what it tells.
  void Append(record::v1::AuditRecord event, absl::Time now,
              storage::Transaction& transaction) const;

 private:
  Randomness& randomness_;
  const absl::Duration retention_;
};

// An event of the log as it was read.
struct LoggedEvent {
  record::v1::AuditRecord record;
  storage::LogRecord place;
  // What its link covers.
  std::string digest;
};

// Errors: as Decode. The value must outlive what is returned.
absl::StatusOr<LoggedEvent> DecodeEvent(const storage::Entry& entry);

v1::AuditEvent ViewOf(uint64_t sequence, const LoggedEvent& event);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_AUDIT_LOG_H_
