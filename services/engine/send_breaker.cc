#include "services/engine/send_breaker.h"

#include <algorithm>
#include <string>

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::SendLimitRecord;

constexpr char kUnverified = 0;
constexpr char kVerified = 1;

bool IsJudged(const BreakerRule& rule, const SendLimitRecord& record) {
  return rule.sends > 0 && record.outcomes().size() >= rule.sends;
}

bool TooFewVerified(const BreakerRule& rule, const SendLimitRecord& record) {
  if (!IsJudged(rule, record)) return false;
  return uint64_t{100} * VerifiedSends(record) <
         uint64_t{rule.least_verified_percent} * record.outcomes().size();
}

}  // namespace

absl::Duration RemainingBreak(const BreakerRule& rule,
                              const SendLimitRecord& record, absl::Time now) {
  if (!TooFewVerified(rule, record)) return absl::ZeroDuration();
  const LockRule breaks{1, rule.first_break, rule.longest_break};
  const absl::Time end = absl::FromUnixMicros(record.last_send_micros()) +
                         LockAfter(breaks, record.breaks() + 1);
  return std::max(end - now, absl::ZeroDuration());
}

void CountSend(const BreakerRule& rule, SendLimitRecord& record,
               absl::Time now) {
  std::string& outcomes = *record.mutable_outcomes();
  if (TooFewVerified(rule, record)) {
    record.set_breaks(record.breaks() + 1);
    outcomes.clear();
  } else if (IsJudged(rule, record)) {
    record.set_breaks(0);
  }
  outcomes.push_back(kUnverified);
  if (outcomes.size() > rule.sends) {
    outcomes.erase(0, outcomes.size() - rule.sends);
  }
  record.set_last_send_micros(absl::ToUnixMicros(now));
}

bool CountVerifiedSend(SendLimitRecord& record) {
  const size_t last = record.outcomes().rfind(kUnverified);
  if (last == std::string::npos) return false;
  (*record.mutable_outcomes())[last] = kVerified;
  return true;
}

uint32_t VerifiedSends(const SendLimitRecord& record) {
  return static_cast<uint32_t>(std::count(record.outcomes().begin(),
                                          record.outcomes().end(), kVerified));
}

}  // namespace cofactor::services
