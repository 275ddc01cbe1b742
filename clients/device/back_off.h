#ifndef COFACTOR_CLIENTS_DEVICE_BACK_OFF_H_
#define COFACTOR_CLIENTS_DEVICE_BACK_OFF_H_

#include "absl/time/time.h"
#include "base/randomness.h"

namespace cofactor::device {

// How long to wait until a server is tried again: anything from nothing to a
// bound that doubles with each failure (full jitter), so that devices that lost
// the same server do not come back at once. Thread-compatible.
class BackOff {
 public:
  static constexpr absl::Duration kFirst = absl::Milliseconds(500);
  static constexpr absl::Duration kLongest = absl::Seconds(60);
  // A connection that lasted so long was a good one, and the next failure is
  // the first again. One that breaks right after the welcome is none.
  static constexpr absl::Duration kGood = absl::Seconds(10);

  // randomness: not owned; must outlive this.
  explicit BackOff(Randomness& randomness) : randomness_(randomness) {}

  // After a connection failed. lasted: since its welcome, zero without one.
  absl::Duration AfterFailure(absl::Duration lasted);

 private:
  Randomness& randomness_;
  absl::Duration bound_ = kFirst;
};

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_BACK_OFF_H_
