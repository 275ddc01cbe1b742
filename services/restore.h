#ifndef COFACTOR_SERVICES_RESTORE_H_
#define COFACTOR_SERVICES_RESTORE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "factors/factor_registry.h"
#include "services/admin_key.h"

namespace cofactor::services {

// What was changed in a store that was restored.
struct DisarmReport {
  // Whose enrollments were changed.
  uint64_t members = 0;
  uint64_t enrollments = 0;
  uint64_t challenges = 0;
  uint64_t sessions = 0;
};

// Makes a store that was restored from a backup accept nothing that may have
// been used since the backup was made, which it cannot know of:
//
//   - a factor with counters takes those alone that come after all that are
//     acceptable now, as the codes that an app shows from the next time step
//     on;
//   - a factor whose state changes with use, as a set of recovery codes, is
//     disabled until it is bound again;
//   - challenges, sign-ins, sessions, recoveries and approvals end, remembered
//     devices are forgotten, and kept results of calls are dropped.
//
// Failures and locks since the backup are forgotten with it; so are changes of
// members, enrollments and clients: whoever was removed since is there again.
// Waits for the disk. Can be repeated.
absl::StatusOr<DisarmReport> DisarmRestored(
    const ClosedStore& closed, const factors::FactorRegistry& registry);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_RESTORE_H_
