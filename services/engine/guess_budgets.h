#ifndef COFACTOR_SERVICES_ENGINE_GUESS_BUDGETS_H_
#define COFACTOR_SERVICES_ENGINE_GUESS_BUDGETS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/rolling_window.h"

namespace cofactor::services {

// Budgets of wrong answers that no right answer clears: they bound what
// guessing can reach over years, where locks bound it over hours.

// For a member and a factor: so many in 30 days. A chance of 3 in 10^6 a guess
// (6 digits, 3 time steps) makes 0.36 % a year.
inline constexpr RollingWindow kMemberWindow{absl::Hours(24), 31};
inline constexpr uint32_t kMemberFailures = 100;

// For an account's verification by code alone, where a guess may hit anybody:
// the yearly chance of one stays below 0.5 %, whatever the number of seeds.
inline constexpr RollingWindow kAccountWindow{absl::Hours(7 * 24), 54};

// Chances are counted in units of 10^-8, one code of 8 digits: exact for codes
// of up to 8 digits.
inline constexpr uint64_t kChanceUnits = 100'000'000;
// The chance that a guess hits one acceptable code of so many digits.
uint64_t ChanceOfCode(size_t digits);

// Failures a year that keep the chance below 0.5 %:
//
//   failures = 0.005 / sum over acceptable codes of 10^-digits
//
// With 6 digits and 3 time steps that is 1,667 divided by the number of seeds.
// chance: that a guess hits any code of the account, in kChanceUnits.
uint32_t AccountFailures(uint64_t chance);
// Below so many a year people's own mistakes would use them up, and code-only
// verification is refused: from 70 seeds of 6 digits and 3 steps on, 209 of 6
// digits in a strict window, 6,945 of 8 digits.
inline constexpr uint32_t kFewestAccountFailures = 24;

// The counts of a factor in a member's record; empty if there are none.
const SpanCounts& FailuresOf(const record::v1::MemberRecord& member,
                             absl::string_view factor_type);
// Counts a failure of a member.
void CountMemberFailure(record::v1::MemberRecord& member,
                        absl::string_view factor_type, absl::Time now);

// Forgets the failures of a member: the budget is that of the seeds which were
// guessed at, and none of them verifies any more.
void ForgetMemberFailures(record::v1::MemberRecord& member,
                          absl::string_view factor_type);

// RESOURCE_EXHAUSTED, reason BUDGET_EXHAUSTED, with RetryInfo, if the member's
// budget for the factor is used up.
absl::Status CheckMemberBudget(const record::v1::MemberRecord& member,
                               absl::string_view factor_type, absl::Time now);
// The same for an account's code-only verification; FAILED_PRECONDITION,
// reason CODE_ONLY_UNSAFE, if the account holds too many seeds for it.
absl::Status CheckAccountBudget(const record::v1::CodeOnlyRecord& code_only,
                                uint64_t chance, absl::Time now);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_GUESS_BUDGETS_H_
