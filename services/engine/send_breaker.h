#ifndef COFACTOR_SERVICES_ENGINE_SEND_BREAKER_H_
#define COFACTOR_SERVICES_ENGINE_SEND_BREAKER_H_

#include <cstdint>

#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/lock_rule.h"

namespace cofactor::services {

// When too few codes of the last messages were typed back to go on sending.
// Who pumps messages to numbers of his own earns by the messages, not by the
// codes.
//
// The state of the break is never stored, but follows from the last messages:
// a send that is refused writes nothing, and a code that is typed back late
// ends a break that is not deserved. After a break the judgement begins anew,
// so that a country which was misused can come back; a second break in a row is
// twice as long, so that at most rule.sends messages leave for each.
struct BreakerRule {
  // How many messages are judged; none are before so many were sent. 0: never.
  uint32_t sends = 100;
  // With fewer verified, nothing is sent.
  uint32_t least_verified_percent = 20;
  // How long, counted from the last message.
  absl::Duration first_break = absl::Hours(1);
  absl::Duration longest_break = absl::Hours(24);
};

// How long nothing is sent; zero if something may be.
absl::Duration RemainingBreak(const BreakerRule& rule,
                              const record::v1::SendLimitRecord& record,
                              absl::Time now);

// Counts a message. REQUIRES: there is no break.
void CountSend(const BreakerRule& rule, record::v1::SendLimitRecord& record,
               absl::Time now);

// Counts a code that was typed back: for the last message that has none, which
// is most likely the one. Returns false, and changes nothing, if all have.
bool CountVerifiedSend(record::v1::SendLimitRecord& record);

// How many messages had their codes typed back.
uint32_t VerifiedSends(const record::v1::SendLimitRecord& record);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SEND_BREAKER_H_
