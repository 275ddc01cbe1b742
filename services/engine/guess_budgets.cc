#include "services/engine/guess_budgets.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace cofactor::services {
namespace {

// 0.5 % of kChanceUnits.
constexpr uint64_t kYearlyChance = kChanceUnits / 200;

absl::Status Exhausted(absl::string_view whose, absl::Duration wait) {
  return RetryLater("BUDGET_EXHAUSTED",
                    absl::StrCat("too many wrong codes over a long time: the "
                                 "budget of ",
                                 whose,
                                 " is used up; wait until the retry delay is "
                                 "over, use another factor, or have an "
                                 "operator look at it"),
                    wait);
}

}  // namespace

uint64_t ChanceOfCode(size_t digits) {
  uint64_t chance = kChanceUnits;
  for (; digits > 0 && chance > 1; --digits) chance /= 10;
  return chance;
}

uint32_t AccountFailures(uint64_t chance) {
  if (chance == 0) return std::numeric_limits<uint32_t>::max();
  return static_cast<uint32_t>(kYearlyChance / chance);
}

const SpanCounts& FailuresOf(const record::v1::MemberRecord& member,
                             absl::string_view factor_type) {
  for (const record::v1::FactorFailures& factor : member.failures()) {
    if (factor.factor_type() == factor_type) return factor.counts();
  }
  return record::v1::FactorFailures::default_instance().counts();
}

void CountMemberFailure(record::v1::MemberRecord& member,
                        absl::string_view factor_type, absl::Time now) {
  for (record::v1::FactorFailures& factor : *member.mutable_failures()) {
    if (factor.factor_type() != factor_type) continue;
    return AddOne(kMemberWindow, *factor.mutable_counts(), now);
  }
  record::v1::FactorFailures& factor = *member.add_failures();
  factor.set_factor_type(std::string(factor_type));
  AddOne(kMemberWindow, *factor.mutable_counts(), now);
}

void ForgetMemberFailures(record::v1::MemberRecord& member,
                          absl::string_view factor_type) {
  for (record::v1::FactorFailures& factor : *member.mutable_failures()) {
    if (factor.factor_type() == factor_type) factor.clear_counts();
  }
}

absl::Status CheckMemberBudget(const record::v1::MemberRecord& member,
                               absl::string_view factor_type, absl::Time now) {
  const absl::Duration wait = TimeUntilFewer(
      kMemberWindow, FailuresOf(member, factor_type), kMemberFailures, now);
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  return Exhausted("this factor of the member", wait);
}

absl::Status CheckAccountBudget(const record::v1::CodeOnlyRecord& code_only,
                                uint64_t chance, absl::Time now) {
  const uint32_t allowed = AccountFailures(chance);
  if (allowed < kFewestAccountFailures) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "CODE_ONLY_UNSAFE",
        "member_id: is required: the account has so many authenticators that a "
        "code alone would be guessed too easily; name the member, or enrol "
        "codes of 8 digits or with a strict window");
  }
  const absl::Duration wait =
      TimeUntilFewer(kAccountWindow, code_only.counts(), allowed, now);
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  return Exhausted("the account for codes without a member id", wait);
}

}  // namespace cofactor::services
