#ifndef COFACTOR_SERVICES_TELEMETRY_HISTOGRAM_H_
#define COFACTOR_SERVICES_TELEMETRY_HISTOGRAM_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "prometheus/client_metric.h"

namespace cofactor::services {

// Counts whole numbers by size. Thread-safe.
//
// The histogram of prometheus-cpp 1.0.1 takes a mutex at every observation,
// which all threads of the server would meet at. This one adds to two atomic
// numbers and waits for nobody. Its numbers are whole because adding to an
// atomic double is a loop.
class Histogram {
 public:
  // bounds: the greatest number of each bucket, ascending; what is above the
  // last one has a bucket of its own. divisor: turns what is observed into what
  // is shown: 1e9 shows nanoseconds as seconds.
  Histogram(std::vector<int64_t> bounds, double divisor);

  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  // A negative value counts as 0.
  void Observe(int64_t value);

  // The counts agree with each other. The sum may lack, or have more of, what
  // is observed meanwhile.
  prometheus::ClientMetric::Histogram Collect() const;

 private:
  const std::vector<int64_t> bounds_;
  const double divisor_;
  // One more than bounds.
  std::vector<std::atomic<uint64_t>> counts_;
  std::atomic<int64_t> sum_{0};
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TELEMETRY_HISTOGRAM_H_
