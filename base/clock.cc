#include "base/clock.h"

#include "absl/time/clock.h"

namespace cofactor {

absl::Time SystemClock::Now() const { return absl::Now(); }

absl::Time OffsetClock::Now() const { return base_.Now() + offset(); }

void OffsetClock::SetOffset(absl::Duration offset) {
  offset_nanos_ = absl::ToInt64Nanoseconds(offset);
}

absl::Duration OffsetClock::offset() const {
  return absl::Nanoseconds(offset_nanos_.load());
}

absl::Time ManualClock::Now() const {
  return absl::FromUnixNanos(nanos_.load());
}

void ManualClock::Advance(absl::Duration step) {
  nanos_ += absl::ToInt64Nanoseconds(step);
}

void ManualClock::Set(absl::Time time) { nanos_ = absl::ToUnixNanos(time); }

}  // namespace cofactor
