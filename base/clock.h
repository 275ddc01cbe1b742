#ifndef COFACTOR_BASE_CLOCK_H_
#define COFACTOR_BASE_CLOCK_H_

#include <atomic>

#include "absl/time/time.h"

namespace cofactor {

// Tells the time. Thread-safe.
//
// The time may jump in either direction: what must never happen twice is bound
// to a counter that only grows, never to the clock alone.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual absl::Time Now() const = 0;
};

// The machine's clock.
class SystemClock final : public Clock {
 public:
  absl::Time Now() const override;
};

// Another clock, moved ahead. For --dev.
class OffsetClock final : public Clock {
 public:
  // base: not owned; must outlive this.
  explicit OffsetClock(const Clock& base) : base_(base) {}

  absl::Time Now() const override;

  // Replaces the distance to the base. It may be negative.
  void SetOffset(absl::Duration offset);
  absl::Duration offset() const;

 private:
  const Clock& base_;
  std::atomic<int64_t> offset_nanos_{0};
};

// Stands still until it is moved. For tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Time start) : nanos_(absl::ToUnixNanos(start)) {}

  absl::Time Now() const override;

  // Moves by step, which may be negative.
  void Advance(absl::Duration step);
  void Set(absl::Time time);

 private:
  std::atomic<int64_t> nanos_;
};

}  // namespace cofactor

#endif  // COFACTOR_BASE_CLOCK_H_
