#include "services/engine/send_limits.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/keys.h"
#include "services/engine/rolling_window.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::SendLimitRecord;
using ::cofactor::record::v1::SendSaltRecord;

// Do not change these: the records count by their spans.
constexpr RollingWindow k10Minutes{absl::Seconds(25), 25};
constexpr RollingWindow kHour{absl::Seconds(150), 25};
constexpr RollingWindow kDay{absl::Hours(1), 25};

// How long a record is of use after its last message: until the longest window
// has rolled on, or for as long as a break should be remembered.
constexpr absl::Duration kCountRetention = absl::Hours(25);
constexpr absl::Duration kBreakerRetention = absl::Hours(30 * 24);

constexpr size_t kSaltBytes = 32;
// Digits that a prefix leaves out.
constexpr size_t kBlockDigits = 4;

bool HasBreaker(v1::SendSubject kind) {
  return kind == v1::SEND_SUBJECT_PREFIX || kind == v1::SEND_SUBJECT_REGION;
}

bool IsPersonal(v1::SendSubject kind) {
  return kind == v1::SEND_SUBJECT_NUMBER || kind == v1::SEND_SUBJECT_PREFIX;
}

// Stands in the keys. Do not change these.
char LetterOf(v1::SendSubject kind) {
  switch (kind) {
    case v1::SEND_SUBJECT_NUMBER:
      return 'n';
    case v1::SEND_SUBJECT_PREFIX:
      return 'p';
    case v1::SEND_SUBJECT_CLIENT:
      return 'c';
    case v1::SEND_SUBJECT_ACCOUNT:
      return 'a';
    case v1::SEND_SUBJECT_REGION:
      return 'r';
    default:
      return 't';
  }
}

// For messages to people: "... of one account".
absl::string_view NameOf(v1::SendSubject kind) {
  switch (kind) {
    case v1::SEND_SUBJECT_NUMBER:
      return "to this number";
    case v1::SEND_SUBJECT_PREFIX:
      return "to numbers with the same prefix";
    case v1::SEND_SUBJECT_CLIENT:
      return "of this client";
    case v1::SEND_SUBJECT_ACCOUNT:
      return "of the account";
    case v1::SEND_SUBJECT_REGION:
      return "to this country";
    default:
      return "in all";
  }
}

absl::Status RegionNotAllowed(const Caller& caller, absl::string_view region) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "REGION_NOT_ALLOWED",
      caller.MayKnowMembers()
          ? absl::StrCat("messages to numbers of the region ", region,
                         " are not allowed: an operator can add it to the "
                         "allowed regions of the configuration")
          : "messages to this number are not allowed");
}

}  // namespace

struct SendLimits::Budget {
  RollingWindow window;
  uint32_t allowed;
};

// A subject with its record.
struct SendLimits::Counter {
  SendLimitSubject subject;
  std::string key;
  SendLimitRecord record;
  std::vector<Budget> budgets;

  const SpanCounts& CountsOf(size_t budget) const {
    return record.windows(static_cast<int>(budget)).counts();
  }

  void Write(Plan& plan) {
    const absl::Duration retention =
        HasBreaker(subject.kind) ? kBreakerRetention : kCountRetention;
    plan.Write(key, record, plan.now() + retention);
  }
};

// Why nothing can be sent now.
struct SendLimits::Obstacle {
  absl::Duration wait = absl::ZeroDuration();
  // For who may know.
  std::string what;

  absl::Status ToError(const Plan& plan) const {
    if (!plan.caller().MayKnowMembers()) {
      // To the minute: the time of the next span would tell which limit it is.
      return RetryLater("SEND_LIMIT", "try again later",
                        absl::Ceil(wait, absl::Minutes(1)));
    }
    return RetryLater(
        "SEND_LIMIT",
        absl::StrCat(what, " until ",
                     absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", plan.now() + wait,
                                      absl::UTCTimeZone()),
                     ": wait until then, or see ListSendLimits and "
                     "ResetSendLimit"),
        wait);
  }
};

// Hides numbers in keys.
class SendLimits::Salt {
 public:
  static absl::StatusOr<Salt> Read(Plan& plan, Randomness& randomness) {
    ASSIGN_OR_RETURN(auto stored, plan.Read<SendSaltRecord>(kSendSaltKey));
    Salt salt;
    salt.is_new_ = !stored.exists();
    if (salt.is_new_) {
      stored.record.set_salt(
          std::string(randomness.DrawSecret(kSaltBytes).ExposeSecret()));
    }
    salt.record_ = std::move(stored.record);
    return salt;
  }

  std::string KeyOf(const SendLimitSubject& subject) const {
    const char letter = LetterOf(subject.kind);
    if (!IsPersonal(subject.kind)) return SendLimitKey(letter, subject.whose);
    const std::string& salt = record_.salt();
    uint8_t digest[SHA256_DIGEST_LENGTH];
    HMAC(EVP_sha256(), salt.data(), static_cast<int>(salt.size()),
         reinterpret_cast<const uint8_t*>(subject.whose.data()),
         subject.whose.size(), digest, nullptr);
    // 128 bits: no two numbers meet.
    const absl::string_view half(reinterpret_cast<const char*>(digest),
                                 sizeof(digest) / 2);
    return SendLimitKey(letter, absl::BytesToHexString(half));
  }

  // Keeps a salt that was drawn for this plan. Of two plans that do so at once,
  // one finds its condition broken, and takes the other's.
  void Keep(Plan& plan) {
    if (is_new_) plan.Write(kSendSaltKey, record_);
  }

 private:
  SendSaltRecord record_;
  bool is_new_ = false;
};

Destination MakeDestination(absl::string_view e164, absl::string_view region) {
  Destination destination;
  destination.e164 = std::string(e164);
  destination.region = std::string(region);
  destination.prefix = std::string(
      e164.substr(0, e164.size() - std::min(e164.size(), kBlockDigits)));
  return destination;
}

SendLimits::SendLimits(SendPolicy policy, Randomness& randomness)
    : policy_(std::move(policy)), randomness_(randomness) {}

bool SendLimits::IsAllowed(absl::string_view region) const {
  return policy_.allowed_regions.find(region) != policy_.allowed_regions.end();
}

std::vector<SendLimits::Budget> SendLimits::BudgetsOf(
    v1::SendSubject kind) const {
  switch (kind) {
    case v1::SEND_SUBJECT_NUMBER:
      return {{k10Minutes, policy_.number_per_10_minutes},
              {kDay, policy_.number_per_day}};
    case v1::SEND_SUBJECT_PREFIX:
      return {{kHour, policy_.prefix_per_hour}, {kDay, policy_.prefix_per_day}};
    case v1::SEND_SUBJECT_CLIENT:
      return {{kHour, policy_.client_per_hour}};
    case v1::SEND_SUBJECT_ACCOUNT:
      return {{kHour, policy_.account_per_hour},
              {kDay, policy_.account_per_day}};
    case v1::SEND_SUBJECT_REGION:
      return {};
    default:
      return {{kHour, policy_.all_per_hour}, {kDay, policy_.all_per_day}};
  }
}

SendLimits::Counter SendLimits::MakeCounter(SendLimitSubject subject,
                                            std::string key,
                                            SendLimitRecord record) const {
  Counter counter;
  counter.budgets = BudgetsOf(subject.kind);
  counter.subject = std::move(subject);
  counter.key = std::move(key);
  counter.record = std::move(record);
  while (static_cast<size_t>(counter.record.windows_size()) <
         counter.budgets.size()) {
    counter.record.add_windows();
  }
  return counter;
}

absl::StatusOr<SendLimits::Counter> SendLimits::ReadCounter(
    Plan& plan, const Salt& salt, SendLimitSubject subject) const {
  std::string key = salt.KeyOf(subject);
  ASSIGN_OR_RETURN(auto stored, plan.Read<SendLimitRecord>(key));
  return MakeCounter(std::move(subject), std::move(key),
                     std::move(stored.record));
}

SendLimits::Obstacle SendLimits::ObstacleOf(const Counter& counter,
                                            absl::Time now) const {
  Obstacle obstacle;
  for (size_t i = 0; i < counter.budgets.size(); ++i) {
    const Budget& budget = counter.budgets[i];
    // Nothing that is waited for frees a budget of none.
    const absl::Duration wait =
        budget.allowed == 0 ? budget.window.length()
                            : TimeUntilFewer(budget.window, counter.CountsOf(i),
                                             budget.allowed, now);
    if (wait <= obstacle.wait) continue;
    obstacle.wait = wait;
    obstacle.what = absl::StrCat("the limit of ", budget.allowed, " messages ",
                                 NameOf(counter.subject.kind), " in ",
                                 absl::FormatDuration(budget.window.length()),
                                 " is used up");
  }
  if (!HasBreaker(counter.subject.kind)) return obstacle;
  const absl::Duration wait =
      RemainingBreak(policy_.breaker, counter.record, now);
  if (wait <= obstacle.wait) return obstacle;
  obstacle.wait = wait;
  obstacle.what = absl::StrCat(
      "messages ", NameOf(counter.subject.kind),
      " are stopped, as the codes of only ", VerifiedSends(counter.record),
      " of the last ", counter.record.outcomes().size(), " were typed back,");
  return obstacle;
}

absl::Status SendLimits::Reserve(Plan& plan, const Destination& destination,
                                 absl::string_view account_id,
                                 MessageUse use) const {
  if (!IsAllowed(destination.region)) {
    return RegionNotAllowed(plan.caller(), destination.region);
  }
  ASSIGN_OR_RETURN(Salt salt, Salt::Read(plan, randomness_));
  std::vector<Counter> counters;
  // Of several the longest: a retry before its end is in vain.
  Obstacle longest;
  for (SendLimitSubject subject : {
           SendLimitSubject{v1::SEND_SUBJECT_NUMBER, destination.e164},
           SendLimitSubject{v1::SEND_SUBJECT_PREFIX, destination.prefix},
           SendLimitSubject{v1::SEND_SUBJECT_CLIENT, plan.caller().client_id()},
           SendLimitSubject{v1::SEND_SUBJECT_ACCOUNT, std::string(account_id)},
           SendLimitSubject{v1::SEND_SUBJECT_REGION, destination.region},
           SendLimitSubject{v1::SEND_SUBJECT_ALL, ""},
       }) {
    ASSIGN_OR_RETURN(Counter counter,
                     ReadCounter(plan, salt, std::move(subject)));
    Obstacle obstacle = ObstacleOf(counter, plan.now());
    if (obstacle.wait > longest.wait) longest = std::move(obstacle);
    counters.push_back(std::move(counter));
  }
  if (longest.wait > absl::ZeroDuration()) return longest.ToError(plan);

  salt.Keep(plan);
  for (Counter& counter : counters) {
    for (size_t i = 0; i < counter.budgets.size(); ++i) {
      AddOne(counter.budgets[i].window,
             *counter.record.mutable_windows(static_cast<int>(i))
                  ->mutable_counts(),
             plan.now());
    }
    if (use == MessageUse::kCode && HasBreaker(counter.subject.kind)) {
      CountSend(policy_.breaker, counter.record, plan.now());
    }
    counter.Write(plan);
  }
  return absl::OkStatus();
}

absl::Status SendLimits::CountVerified(Plan& plan,
                                       const Destination& destination) const {
  ASSIGN_OR_RETURN(const Salt salt, Salt::Read(plan, randomness_));
  for (SendLimitSubject subject :
       {SendLimitSubject{v1::SEND_SUBJECT_PREFIX, destination.prefix},
        SendLimitSubject{v1::SEND_SUBJECT_REGION, destination.region}}) {
    ASSIGN_OR_RETURN(Counter counter,
                     ReadCounter(plan, salt, std::move(subject)));
    if (CountVerifiedSend(counter.record)) counter.Write(plan);
  }
  return absl::OkStatus();
}

v1::SendLimit SendLimits::ViewOf(const Counter& counter, absl::Time now) const {
  v1::SendLimit limit;
  limit.set_subject(counter.subject.kind);
  for (size_t i = 0; i < counter.budgets.size(); ++i) {
    const auto& [window, allowed] = counter.budgets[i];
    v1::SendBudget& budget = *limit.add_budgets();
    budget.mutable_window()->set_seconds(absl::ToInt64Seconds(window.length()));
    budget.set_used(CountIn(window, counter.CountsOf(i), now));
    budget.set_allowed(allowed);
    const absl::Duration wait =
        TimeUntilFewer(window, counter.CountsOf(i), allowed, now);
    if (wait > absl::ZeroDuration()) {
      *budget.mutable_exhausted_until() = ToTimestamp(now + wait);
    }
  }
  if (!HasBreaker(counter.subject.kind)) return limit;
  v1::SendConversion& conversion = *limit.mutable_conversion();
  conversion.set_sent(static_cast<uint32_t>(counter.record.outcomes().size()));
  conversion.set_verified(VerifiedSends(counter.record));
  const absl::Duration wait =
      RemainingBreak(policy_.breaker, counter.record, now);
  if (wait > absl::ZeroDuration()) {
    *conversion.mutable_break_until() = ToTimestamp(now + wait);
  }
  return limit;
}

absl::StatusOr<v1::SendLimit> SendLimits::Describe(
    Plan& plan, const SendLimitSubject& subject) const {
  ASSIGN_OR_RETURN(const Salt salt, Salt::Read(plan, randomness_));
  ASSIGN_OR_RETURN(const Counter counter, ReadCounter(plan, salt, subject));
  return ViewOf(counter, plan.now());
}

absl::StatusOr<v1::SendLimit> SendLimits::Reset(
    Plan& plan, const SendLimitSubject& subject) const {
  ASSIGN_OR_RETURN(const Salt salt, Salt::Read(plan, randomness_));
  std::string key = salt.KeyOf(subject);
  plan.Delete(key);
  return ViewOf(MakeCounter(subject, std::move(key), {}), plan.now());
}

}  // namespace cofactor::services
