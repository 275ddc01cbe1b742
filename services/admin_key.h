#ifndef COFACTOR_SERVICES_ADMIN_KEY_H_
#define COFACTOR_SERVICES_ADMIN_KEY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "services/engine/audit_log.h"
#include "storage/store.h"

namespace cofactor::services {

// What it takes to change a store while nobody is served.
struct ClosedStore {
  storage::Store& store;
  const Clock& clock;
  Randomness& randomness;
  const AuditLog& audit_log;
};

// Gives the client "admin" all scopes and a new API key, which is written to a
// file of mode 0600; its other keys end. Waits for the disk. UNAVAILABLE: the
// file or the store cannot be written; then an old key may still be good.
absl::Status ResetAdminKey(const ClosedStore& closed, const std::string& path);

// Does so if no client may administer the server, as at its first start.
// Returns whether it did.
absl::StatusOr<bool> EnsureAdminKey(const ClosedStore& closed,
                                    const std::string& path);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ADMIN_KEY_H_
