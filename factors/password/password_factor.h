#ifndef COFACTOR_FACTORS_PASSWORD_PASSWORD_FACTOR_H_
#define COFACTOR_FACTORS_PASSWORD_PASSWORD_FACTOR_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "factors/factor_registry.h"
#include "factors/password/password_strength.h"

namespace cofactor::factors::password {

struct PasswordOptions {
  // What a hash costs: 19,456 to 262,144 KiB, 2 to 10 passes. One that costs
  // less is made anew at the next right password.
  uint32_t memory_kib = 19'456;
  uint32_t iterations = 2;
  // Code points of a new password, 8 to 64. Those that there are stay good.
  uint32_t min_code_points = 8;
  // Null: nothing is on it.
  std::shared_ptr<const Blocklist> blocklist;
};

// Adds "password": what a person knows, kept as a hash by Argon2id.
//
// A hash from elsewhere can be taken over, and is replaced by one of our own at
// the first right password. A verdict takes tens of milliseconds of one
// processor and memory_kib: the host judges passwords in a pool of their own.
//
// INVALID_ARGUMENT: the options are out of range.
absl::Status RegisterPassword(FactorRegistry::Builder& builder,
                              const PasswordOptions& options);

}  // namespace cofactor::factors::password

#endif  // COFACTOR_FACTORS_PASSWORD_PASSWORD_FACTOR_H_
