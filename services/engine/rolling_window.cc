#include "services/engine/rolling_window.h"

#include <algorithm>

namespace cofactor::services {
namespace {

int64_t SpanAt(const RollingWindow& window, absl::Time now) {
  return absl::ToUnixMicros(now) / absl::ToInt64Microseconds(window.span);
}

// Whether a span is still in the window. One that lies ahead is: a clock that
// is set back forgives nothing.
bool Counts(const RollingWindow& window, int64_t span, int64_t present) {
  return present - span < window.spans;
}

}  // namespace

uint32_t CountIn(const RollingWindow& window, const SpanCounts& counts,
                 absl::Time now) {
  const int64_t present = SpanAt(window, now);
  uint32_t events = 0;
  for (const record::v1::FailureCount& count : counts) {
    if (Counts(window, count.span(), present)) events += count.failures();
  }
  return events;
}

void AddOne(const RollingWindow& window, SpanCounts& counts, absl::Time now) {
  int64_t present = SpanAt(window, now);
  const auto kept = std::find_if(
      counts.begin(), counts.end(),
      [&](const auto& count) { return Counts(window, count.span(), present); });
  counts.erase(counts.begin(), kept);
  if (!counts.empty()) {
    present = std::max(present, counts[counts.size() - 1].span());
  }
  if (counts.empty() || counts[counts.size() - 1].span() != present) {
    counts.Add()->set_span(present);
  }
  record::v1::FailureCount& count = counts[counts.size() - 1];
  count.set_failures(count.failures() + 1);
}

absl::Duration TimeUntilFewer(const RollingWindow& window,
                              const SpanCounts& counts, uint32_t limit,
                              absl::Time now) {
  uint32_t events = CountIn(window, counts, now);
  const int64_t present = SpanAt(window, now);
  for (const record::v1::FailureCount& count : counts) {
    if (events < limit) break;
    if (!Counts(window, count.span(), present)) continue;
    events -= count.failures();
    if (events < limit) {
      return absl::UnixEpoch() + (count.span() + window.spans) * window.span -
             now;
    }
  }
  return absl::ZeroDuration();
}

}  // namespace cofactor::services
