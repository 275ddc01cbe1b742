#include "services/engine/lock_rule.h"

#include "base/errors.h"

namespace cofactor::services {

absl::Duration LockAfter(const LockRule& rule, uint32_t consecutive_failures) {
  if (consecutive_failures == 0 ||
      consecutive_failures % rule.failures_per_lock != 0) {
    return absl::ZeroDuration();
  }
  absl::Duration lock = rule.first_lock;
  for (uint32_t locks = consecutive_failures / rule.failures_per_lock;
       locks > 1 && lock < rule.longest_lock; --locks) {
    lock *= 2;
  }
  return std::min(lock, rule.longest_lock);
}

absl::Status LockedError(absl::Duration remaining) {
  return RetryLater("LOCKED",
                    "too many wrong codes: verification is locked; wait until "
                    "the retry delay is over",
                    remaining);
}

}  // namespace cofactor::services
