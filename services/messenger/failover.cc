#include "services/messenger/failover.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace cofactor::services {
namespace {

// Whether another gateway may have the text, for this one certainly has not
// sent it.
bool MakesWay(SmsVerdict verdict) {
  return verdict == SmsVerdict::kNotSent ||
         verdict == SmsVerdict::kMisconfigured ||
         verdict == SmsVerdict::kRefusedHere;
}

// Whether the gateway did not do its work. One that refuses a number does.
bool IsFailure(SmsVerdict verdict) {
  return verdict == SmsVerdict::kNotSent ||
         verdict == SmsVerdict::kMisconfigured ||
         verdict == SmsVerdict::kUnknown;
}

// How much an outcome tells the sender when nobody took the text: that it may
// be tried later, more than that an operator has to act, more than that it is
// of no use.
int Weight(SmsVerdict verdict) {
  switch (verdict) {
    case SmsVerdict::kNotSent:
      return 2;
    case SmsVerdict::kMisconfigured:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

// A gateway with its breaker and its bound. Thread-safe.
class Failover::Route {
 public:
  Route(std::unique_ptr<SmsGateway> gateway, const Options& options)
      : gateway_(std::move(gateway)), options_(options) {}

  SmsGateway& gateway() const { return *gateway_; }

  enum class Entry { kRefused, kOrdinary, kTrial };

  // Whether a text may go to the gateway. Unless it is refused, which sets why,
  // Leave is to follow.
  Entry Enter(absl::Time now, absl::string_view& why) {
    MutexLock lock(mutex_);
    if (under_way_ >= options_.max_under_way) {
      why = "too many texts under way";
      return Entry::kRefused;
    }
    const Breaker breaker = BreakerAt(now);
    if (breaker == Breaker::kOpen ||
        (breaker == Breaker::kHalfOpen && trying_)) {
      why = "it failed too often";
      return Entry::kRefused;
    }
    ++under_way_;
    if (breaker == Breaker::kClosed) return Entry::kOrdinary;
    trying_ = true;
    return Entry::kTrial;
  }

  void Leave(absl::Time now, Entry entry, SmsVerdict verdict) {
    MutexLock lock(mutex_);
    --under_way_;
    if (entry == Entry::kTrial) trying_ = false;
    if (!IsFailure(verdict)) {
      failures_ = 0;
      return;
    }
    // Not without end: only whether it is enough matters.
    if (failures_ < options_.failures_to_open) ++failures_;
    if (failures_ >= options_.failures_to_open) {
      open_until_ = now + options_.open_for;
    }
  }

  Health GetHealth(absl::Time now) const {
    MutexLock lock(mutex_);
    return {.gateway = gateway_->name(),
            .breaker = BreakerAt(now),
            .under_way = under_way_,
            .failures_in_a_row = failures_};
  }

 private:
  Breaker BreakerAt(absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (failures_ < options_.failures_to_open) return Breaker::kClosed;
    // If the clock was set back, not longer than it would have been.
    const bool is_open =
        now < open_until_ && open_until_ - now <= options_.open_for;
    return is_open ? Breaker::kOpen : Breaker::kHalfOpen;
  }

  const std::unique_ptr<SmsGateway> gateway_;
  const Options& options_;
  mutable Mutex mutex_;
  size_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time open_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // A text is under way that tries whether the gateway works again.
  bool trying_ ABSL_GUARDED_BY(mutex_) = false;
};

// What texts under way keep alive.
struct Failover::Core {
  Core(const Clock& clock_in, const Options& options_in)
      : clock(clock_in), options(options_in) {}

  const Clock& clock;
  const Options options;
  std::vector<std::unique_ptr<Route>> routes;
};

// The way of one text along the gateways.
struct Failover::Search {
  std::shared_ptr<const Core> core;
  SmsMessage message;
  Done done;
  size_t next = 0;
  // The one that says most, of gateways that made way.
  SmsOutcome best;
  bool has_best = false;

  void Note(SmsOutcome outcome) {
    if (has_best && Weight(outcome.verdict) <= Weight(best.verdict)) return;
    best = std::move(outcome);
    has_best = true;
  }
};

Failover::Failover(const Clock& clock, const Options& options,
                   std::vector<std::unique_ptr<SmsGateway>> gateways)
    : core_([&] {
        auto core = std::make_shared<Core>(clock, options);
        for (std::unique_ptr<SmsGateway>& gateway : gateways) {
          core->routes.push_back(
              std::make_unique<Route>(std::move(gateway), core->options));
        }
        return core;
      }()) {}

Failover::~Failover() = default;

const std::string& Failover::name() const { return core_->options.name; }

void Failover::Send(const SmsMessage& message, Done done) {
  auto search = std::make_unique<Search>();
  search->core = core_;
  search->message = message.Clone();
  search->done = std::move(done);
  AskNext(std::move(search));
}

void Failover::AskNext(std::unique_ptr<Search> search) {
  const Core& core = *search->core;
  while (search->next < core.routes.size()) {
    const absl::Time now = core.clock.Now();
    if (search->message.deadline - now < core.options.min_time) {
      search->Note({.verdict = SmsVerdict::kNotSent,
                    .gateway = core.options.name,
                    .reason = "too little time is left"});
      break;
    }
    Route& route = *core.routes[search->next++];
    absl::string_view why;
    const Route::Entry entry = route.Enter(now, why);
    if (entry == Route::Entry::kRefused) {
      search->Note({.verdict = SmsVerdict::kNotSent,
                    .gateway = route.gateway().name(),
                    .reason = std::string(why)});
      continue;
    }
    // A copy, for the search ends with the gateway's answer, which may come
    // before Send returns.
    const SmsMessage message = search->message.Clone();
    route.gateway().Send(message, [&route, entry, search = std::move(search)](
                                      SmsOutcome outcome) mutable {
      route.Leave(search->core->clock.Now(), entry, outcome.verdict);
      if (!MakesWay(outcome.verdict)) {
        std::move(search->done)(std::move(outcome));
        return;
      }
      search->Note(std::move(outcome));
      AskNext(std::move(search));
    });
    return;
  }
  if (!search->has_best) {
    search->best = {.verdict = SmsVerdict::kNotSent,
                    .gateway = core.options.name,
                    .reason = "there is no gateway"};
  }
  std::move(search->done)(std::move(search->best));
}

std::vector<Failover::Health> Failover::GetHealth() const {
  std::vector<Health> health;
  for (const auto& route : core_->routes) {
    health.push_back(route->GetHealth(core_->clock.Now()));
  }
  return health;
}

}  // namespace cofactor::services
