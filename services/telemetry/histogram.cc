#include "services/telemetry/histogram.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace cofactor::services {

Histogram::Histogram(std::vector<int64_t> bounds, double divisor)
    : bounds_(std::move(bounds)),
      divisor_(divisor),
      counts_(bounds_.size() + 1) {}

void Histogram::Observe(int64_t value) {
  value = std::max<int64_t>(value, 0);
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<size_t>(bound - bounds_.begin())].fetch_add(
      1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

prometheus::ClientMetric::Histogram Histogram::Collect() const {
  prometheus::ClientMetric::Histogram collected;
  collected.sample_sum =
      static_cast<double>(sum_.load(std::memory_order_relaxed)) / divisor_;
  for (size_t i = 0; i < counts_.size(); ++i) {
    // The total is what the buckets hold, so that no reader finds a bucket
    // with more than all.
    collected.sample_count += counts_[i].load(std::memory_order_relaxed);
    collected.bucket.push_back({collected.sample_count,
                                i < bounds_.size()
                                    ? static_cast<double>(bounds_[i]) / divisor_
                                    : std::numeric_limits<double>::infinity()});
  }
  return collected;
}

}  // namespace cofactor::services
