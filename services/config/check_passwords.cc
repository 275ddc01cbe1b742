#include "services/config/check_passwords.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace cofactor::services {
namespace {

constexpr uint32_t kMinMemoryKib = 19'456;
constexpr uint32_t kMinIterations = 2;
constexpr uint32_t kMinCodePoints = 8;
// More hash more, and others feel it more: on two cores, two of them leave
// Verify with a code no core that is its own.
constexpr uint32_t kDefaultThreads = 1;
constexpr uint32_t kWaitingPerThread = 16;

}  // namespace

void CheckPasswords(ConfigChecker& check, const ConfigPart& part,
                    const config::v1::PasswordPolicy& passwords) {
  const auto check_range = [&](absl::string_view field, uint32_t value,
                               uint32_t least, uint32_t most) {
    if (value != 0 && (value < least || value > most)) {
      check.Complain(part, field, absl::StrCat("want ", least, " to ", most));
    }
  };
  check_range("memory_kib", passwords.memory_kib(), kMinMemoryKib, 262'144);
  check_range("iterations", passwords.iterations(), kMinIterations, 10);
  check_range("threads", passwords.threads(), 1, 64);
  check_range("max_waiting", passwords.max_waiting(), 1, 10'000);
  check_range("min_code_points", passwords.min_code_points(), kMinCodePoints,
              64);
}

void FillInDefaults(config::v1::PasswordPolicy& passwords) {
  if (passwords.memory_kib() == 0) passwords.set_memory_kib(kMinMemoryKib);
  if (passwords.iterations() == 0) passwords.set_iterations(kMinIterations);
  if (passwords.threads() == 0) passwords.set_threads(kDefaultThreads);
  if (passwords.max_waiting() == 0) {
    passwords.set_max_waiting(kWaitingPerThread * passwords.threads());
  }
  if (passwords.min_code_points() == 0) {
    passwords.set_min_code_points(kMinCodePoints);
  }
}

}  // namespace cofactor::services
