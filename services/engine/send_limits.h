#ifndef COFACTOR_SERVICES_ENGINE_SEND_LIMITS_H_
#define COFACTOR_SERVICES_ENGINE_SEND_LIMITS_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "cofactor/v1/send_limit.pb.h"
#include "services/engine/plan.h"
#include "services/engine/send_breaker.h"

namespace cofactor::services {

// How many messages may leave that cost money, from the configuration. A budget
// of 0 lets none leave. The lengths of the windows are part of the format of
// the records.
struct SendPolicy {
  // Regions by ISO 3166, as "DE", of the numbers that are sent to. Empty: none,
  // for an operator lists those that his people have.
  std::set<std::string, std::less<>> allowed_regions;

  uint32_t number_per_10_minutes = 5;
  uint32_t number_per_day = 10;
  uint32_t prefix_per_hour = 20;
  uint32_t prefix_per_day = 60;
  uint32_t client_per_hour = 5'000;
  uint32_t account_per_hour = 200;
  uint32_t account_per_day = 1'000;
  uint32_t all_per_hour = 2'000;
  uint32_t all_per_day = 20'000;

  // For each prefix and for each region.
  BreakerRule breaker;
};

// Where a message goes to.
struct Destination {
  // "+4915112345678".
  std::string e164;
  // "DE".
  std::string region;
  // "+491511234": all but the last four digits.
  std::string prefix;
};
// What a message is for.
enum class MessageUse {
  // It brings a code that can be typed back.
  kCode,
  // Nobody answers it, so that the breakers do not look at it.
  kNotice,
};
Destination MakeDestination(absl::string_view e164, absl::string_view region);

// Whose messages are counted together.
struct SendLimitSubject {
  v1::SendSubject kind = v1::SEND_SUBJECT_UNSPECIFIED;
  // E.164 number, prefix, client id, account id or region; empty for all.
  std::string whose;
};

// Bounds what messages can cost, whoever asks for them: by number, prefix,
// client, account and in all, by the countries that are allowed, and by a
// breaker where few codes are typed back.
//
// The counts are records that the plan reads, so conditions of its transaction:
// exactly what a budget allows leaves, however many ask at once, at whatever
// replica, and a restart forgets nothing. The price is that all sends conflict
// with each other over the record that counts all of them, and go one after the
// other, one with each sync of the store; of a burst some may end as
// UNAVAILABLE (see MutationRunner). That is enough for budgets of a few
// thousand an hour, and verifications that need no message touch none of it.
//
// Numbers and prefixes stand in keys as HMACs under a salt that the store draws
// and seals: keys are not sealed, and a bare hash of a number is found by
// trying all numbers.
//
// Thread-safe.
class SendLimits {
 public:
  // randomness: not owned; must outlive this.
  SendLimits(SendPolicy policy, Randomness& randomness);

  // Counts one message against every limit, or refuses it and adds nothing to
  // the plan.
  //   FAILED_PRECONDITION  REGION_NOT_ALLOWED.
  //   RESOURCE_EXHAUSTED   SEND_LIMIT, with RetryInfo. Which limit, and until
  //                        when exactly, is told only to who may know members.
  absl::Status Reserve(Plan& plan, const Destination& destination,
                       absl::string_view account_id,
                       MessageUse use = MessageUse::kCode) const;

  // Counts that a code which was sent there was typed back.
  absl::Status CountVerified(Plan& plan, const Destination& destination) const;

  // Whether messages to the region are allowed at all.
  bool IsAllowed(absl::string_view region) const;

  // What is used up of a subject's limit.
  absl::StatusOr<v1::SendLimit> Describe(Plan& plan,
                                         const SendLimitSubject& subject) const;

  // Forgets what a subject has sent, and describes its limit as it is then.
  absl::StatusOr<v1::SendLimit> Reset(Plan& plan,
                                      const SendLimitSubject& subject) const;

 private:
  struct Budget;
  struct Counter;
  struct Obstacle;
  class Salt;

  // Shortest window first; the order of a record's windows.
  std::vector<Budget> BudgetsOf(v1::SendSubject kind) const;
  Counter MakeCounter(SendLimitSubject subject, std::string key,
                      record::v1::SendLimitRecord record) const;
  absl::StatusOr<Counter> ReadCounter(Plan& plan, const Salt& salt,
                                      SendLimitSubject subject) const;
  // What keeps the subject from sending for longest; no wait if nothing does.
  Obstacle ObstacleOf(const Counter& counter, absl::Time now) const;
  v1::SendLimit ViewOf(const Counter& counter, absl::Time now) const;

  const SendPolicy policy_;
  Randomness& randomness_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SEND_LIMITS_H_
