#ifndef COFACTOR_SERVICES_ENGINE_ROLLING_WINDOW_H_
#define COFACTOR_SERVICES_ENGINE_ROLLING_WINDOW_H_

#include <cstdint>

#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "google/protobuf/repeated_field.h"

namespace cofactor::services {

// Counts events, as wrong answers, over a time that rolls on, in spans: an
// event counts until its whole span has left the window, so never for less than
// length().
struct RollingWindow {
  absl::Duration span;
  // The present one and those before it.
  int64_t spans;

  absl::Duration length() const { return (spans - 1) * span; }
};

// One entry for each span that has events, in the order of time.
using SpanCounts = google::protobuf::RepeatedPtrField<record::v1::FailureCount>;

// How many events the window holds.
uint32_t CountIn(const RollingWindow& window, const SpanCounts& counts,
                 absl::Time now);

// Counts one, and drops what has left the window.
void AddOne(const RollingWindow& window, SpanCounts& counts, absl::Time now);

// How long until the window holds fewer than limit events if none is added;
// zero if it does.
absl::Duration TimeUntilFewer(const RollingWindow& window,
                              const SpanCounts& counts, uint32_t limit,
                              absl::Time now);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_ROLLING_WINDOW_H_
