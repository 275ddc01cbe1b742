#ifndef COFACTOR_BASE_RANDOMNESS_H_
#define COFACTOR_BASE_RANDOMNESS_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "base/secret.h"

namespace cofactor {

// Draws bytes that nobody can predict. Thread-safe.
class Randomness {
 public:
  virtual ~Randomness() = default;

  // Fills out. Ends the process if the system has no randomness to give:
  // nothing that is safe can be done without it.
  virtual void Fill(absl::Span<uint8_t> out) = 0;

  // Draws a secret of that many bytes.
  Secret DrawSecret(size_t bytes);

  // Draws an id of 128 random bits in 32 lower-case hexadecimal digits.
  std::string DrawId();
};

// OpenSSL's generator, seeded by the kernel. A process that forks must not go
// on to use it in both parts.
class SystemRandomness final : public Randomness {
 public:
  void Fill(absl::Span<uint8_t> out) override;
};

// The same bytes for the same seed. For tests alone.
class SeededRandomness final : public Randomness {
 public:
  explicit SeededRandomness(uint64_t seed) : engine_(seed) {}

  void Fill(absl::Span<uint8_t> out) override;

 private:
  Mutex mutex_;
  std::mt19937_64 engine_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor

#endif  // COFACTOR_BASE_RANDOMNESS_H_
