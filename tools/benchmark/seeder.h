#ifndef COFACTOR_TOOLS_BENCHMARK_SEEDER_H_
#define COFACTOR_TOOLS_BENCHMARK_SEEDER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "base/secret.h"

namespace cofactor::benchmark {

// Accounts with members, each of whom holds at most one authenticator. All of
// it follows from a member's index, so that nothing has to be remembered.
// A value type.
struct Population {
  // Distinguishes populations in one store.
  std::string name = "a";
  uint64_t members = 1'000;
  uint64_t members_per_account = 100;
  int digits = 6;
  // Whether the members' authenticators are enrolled already.
  bool enrolled = true;
  // They are enrolled by text message instead, each with a number of its own.
  bool phones = false;

  std::string AccountId(uint64_t member) const;
  std::string MemberId(uint64_t member) const;
  // The seed in the member's authenticator.
  std::string SeedOf(uint64_t member) const;
  // What it shows in a time step.
  Secret CodeOf(uint64_t member, int64_t step) const;
};

// Length of a time step of the authenticators.
inline constexpr int64_t kStepSeconds = 30;

// Writes a population into the store of a data folder, which no server uses;
// the folder and the store are made if they are missing.
absl::Status Seed(const std::string& data_dir, const Population& population);

}  // namespace cofactor::benchmark

#endif  // COFACTOR_TOOLS_BENCHMARK_SEEDER_H_
