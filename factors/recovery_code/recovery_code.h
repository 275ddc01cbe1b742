#ifndef COFACTOR_FACTORS_RECOVERY_CODE_RECOVERY_CODE_H_
#define COFACTOR_FACTORS_RECOVERY_CODE_RECOVERY_CODE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"

namespace cofactor::factors::recovery_code {

// A code is 16 symbols of 5 random bits each: 80 bits, where NIST SP 800-63B-4,
// section 4.2.1.1, wants 64 of a recovery code that is kept. More would be more
// to type. The 32 symbols are those of Crockford's Base32: the digits and the
// letters without I, L, O and U, so that a code that was written down by hand
// is read back right. "Plain" is a code in upper case without hyphens.
inline constexpr size_t kSymbols = 16;

// Draws a plain code, each as likely as any other.
Secret DrawCode(Randomness& randomness);

// A plain code as people see it: "7Q2M-0XKD-R9TA-4HWE".
std::string Spell(const Secret& plain);

// The plain form of a code as it was typed: with its three hyphens or without
// any, in upper or lower case, O for 0 and I or L for 1. None for all else, so
// that each code has few spellings and each spelling one code.
std::optional<Secret> ReadCode(absl::string_view typed);

// How much work a hash takes. Part of what is stored.
struct HashCost {
  uint32_t memory_kib;
  uint32_t passes;
};

// Far less than for a password, which people choose: whoever opens the store
// and tries all codes has 2^80 before them, which no cost makes more hopeless.
// So little that a flood of wrong codes does not slow anybody down: about a
// millisecond and 1 MiB for each.
inline constexpr HashCost kHashCost = {.memory_kib = 1024, .passes = 2};

inline constexpr size_t kSaltBytes = 16;
inline constexpr size_t kHashBytes = 32;

// Whether the cost is one that HashCode takes: 8 KiB to 64 MiB, 1 to 10 passes.
bool IsValid(const HashCost& cost);

// Argon2id of a plain code under a salt of kSaltBytes. NIST SP 800-63B-4,
// section 3.1.2.2, wants a salted password hash of a look-up secret under 112
// bits. The salt belongs to a whole set, so that a typed code is hashed once,
// whatever the number of codes that it is compared with; the codes of a set
// differ by themselves. UNAVAILABLE: there is no memory for it.
absl::StatusOr<Secret> HashCode(const Secret& plain, absl::string_view salt,
                                const HashCost& cost);

}  // namespace cofactor::factors::recovery_code

#endif  // COFACTOR_FACTORS_RECOVERY_CODE_RECOVERY_CODE_H_
