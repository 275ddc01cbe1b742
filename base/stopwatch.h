#ifndef COFACTOR_BASE_STOPWATCH_H_
#define COFACTOR_BASE_STOPWATCH_H_

#include <chrono>

#include "absl/time/time.h"

namespace cofactor {

// Tells how long something took, by the machine's clock that never jumps. For
// measurements: what is decided by the time asks a Clock. Thread-compatible.
class Stopwatch {
 public:
  // Runs from then on.
  Stopwatch() : start_(std::chrono::steady_clock::now()) {}

  absl::Duration Elapsed() const {
    return absl::FromChrono(std::chrono::steady_clock::now() - start_);
  }

 private:
  std::chrono::steady_clock::time_point start_;
};

}  // namespace cofactor

#endif  // COFACTOR_BASE_STOPWATCH_H_
