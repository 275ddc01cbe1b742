#ifndef COFACTOR_SERVICES_ENGINE_LOCK_RULE_H_
#define COFACTOR_SERVICES_ENGINE_LOCK_RULE_H_

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cofactor::services {

// When wrong answers in a row lock what they were tried on, and for how long:
// throttling by NIST SP 800-63B-4, section 3.2.2.
struct LockRule {
  // Every so many wrong answers in a row lock.
  uint32_t failures_per_lock;
  // The first lock in a row; each further one is twice as long.
  absl::Duration first_lock;
  absl::Duration longest_lock;
};

// For an enrollment.
inline constexpr LockRule kEnrollmentLockRule{5, absl::Seconds(30),
                                              absl::Hours(1)};
// So many wrong answers in a row disable an enrollment until it is bound again.
inline constexpr uint32_t kDisablingFailures = 100;

// For verification by code alone of one account.
inline constexpr LockRule kCodeOnlyLockRule{10, absl::Seconds(30),
                                            absl::Hours(1)};

// How long the lock is that the last of so many failures in a row brings; zero
// if it brings none.
absl::Duration LockAfter(const LockRule& rule, uint32_t consecutive_failures);

// RESOURCE_EXHAUSTED, reason LOCKED, with RetryInfo.
absl::Status LockedError(absl::Duration remaining);

// The functions below are for the records that count failures: EnrollmentRecord
// and CodeOnlyRecord.

// How long the lock still holds; zero if there is none.
template <typename CountingRecord>
absl::Duration RemainingLock(const CountingRecord& record, absl::Time now) {
  return std::max(absl::FromUnixMicros(record.lock_until_micros()) - now,
                  absl::ZeroDuration());
}

// Returns whether the failure brings a lock.
template <typename CountingRecord>
bool CountFailure(const LockRule& rule, CountingRecord& record,
                  absl::Time now) {
  record.set_consecutive_failures(record.consecutive_failures() + 1);
  const absl::Duration lock = LockAfter(rule, record.consecutive_failures());
  if (lock == absl::ZeroDuration()) return false;
  record.set_lock_until_micros(absl::ToUnixMicros(now + lock));
  return true;
}

template <typename CountingRecord>
void ForgetFailures(CountingRecord& record) {
  record.set_consecutive_failures(0);
  record.set_lock_until_micros(0);
}

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_LOCK_RULE_H_
