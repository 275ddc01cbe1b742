#include "services/wake_up/waker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/stopwatch.h"
#include "cofactor/v1/delivery.pb.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::DeliveryReport;

constexpr char kWakeUp[] = "wake_up";

DeliveryReport MakeReport(absl::string_view message_id, v1::DeliveryState state,
                          absl::string_view reason,
                          absl::string_view gateway = "") {
  DeliveryReport report;
  report.set_message_id(std::string(message_id));
  report.set_state(state);
  report.set_reason(std::string(reason));
  report.set_gateway(std::string(gateway));
  return report;
}

DeliveryReport ReportOf(absl::string_view message_id,
                        const WakeUpOutcome& outcome,
                        const std::string& gateway, bool is_expired) {
  switch (outcome.verdict) {
    case WakeUpVerdict::kTaken:
      return MakeReport(message_id, v1::DELIVERY_STATE_SENT, "", gateway);
    case WakeUpVerdict::kAddressGone:
      return MakeReport(message_id, v1::DELIVERY_STATE_FAILED, "ADDRESS_GONE",
                        gateway);
    case WakeUpVerdict::kUnknown:
      return MakeReport(message_id, v1::DELIVERY_STATE_QUEUED,
                        "OUTCOME_UNKNOWN", gateway);
    case WakeUpVerdict::kNotSent:
      // Its time may have been over while the gateway was busy.
      if (is_expired) {
        return MakeReport(message_id, v1::DELIVERY_STATE_EXPIRED,
                          "NOT_SENT_IN_TIME", gateway);
      }
      break;
    case WakeUpVerdict::kRefused:
    case WakeUpVerdict::kMisconfigured:
      break;
  }
  return MakeReport(message_id, v1::DELIVERY_STATE_FAILED, outcome.reason,
                    gateway);
}

}  // namespace

struct Waker::State {
  explicit State(Report report_in) : report(std::move(report_in)) {}

  // Ends a wake-up that was taken.
  void Finish(DeliveryReport result) {
    {
      MutexLock lock(mutex);
      if (closed) return;
      ++reporting;
    }
    report(std::move(result));
    MutexLock lock(mutex);
    --reporting;
    --taken;
    changed.NotifyAll();
  }

  const Report report;
  Mutex mutex;
  CondVar changed;
  // Not reported yet.
  size_t taken ABSL_GUARDED_BY(mutex) = 0;
  size_t reporting ABSL_GUARDED_BY(mutex) = 0;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  // The waker may be gone: nothing but the mutex may be touched.
  bool closed ABSL_GUARDED_BY(mutex) = false;
};

Waker::Waker(const Clock& clock, const Options& options, Gateways gateways,
             Report report)
    : clock_(clock),
      options_(options),
      gateways_(std::move(gateways)),
      state_(std::make_shared<State>(std::move(report))),
      dispatcher_(1, 1) {}

Waker::~Waker() { Shutdown(); }

void Waker::Send(std::vector<PlannedMessage> messages) {
  for (PlannedMessage& message : messages) {
    absl::string_view reason;
    {
      MutexLock lock(state_->mutex);
      if (message.message.channel != kWakeUp) {
        reason = "UNKNOWN_CHANNEL";
      } else if (state_->stopping) {
        reason = "SHUTTING_DOWN";
      } else if (state_->taken >= options_.max_waiting) {
        reason = "TOO_MANY_WAITING";
      } else {
        ++state_->taken;
        // Within the lock, so that Shutdown, which ends the dispatcher, comes
        // before or after. There are no more of them than max_waiting.
        dispatcher_.Continue(
            [this, planned = std::move(message)] { SendOne(planned); });
        continue;
      }
    }
    state_->report(
        MakeReport(message.message_id, v1::DELIVERY_STATE_FAILED, reason));
  }
}

void Waker::SendOne(const PlannedMessage& planned) {
  bool is_stopping = false;
  {
    MutexLock lock(state_->mutex);
    is_stopping = state_->stopping;
  }
  const auto fail = [&](absl::string_view reason) {
    state_->Finish(
        MakeReport(planned.message_id, v1::DELIVERY_STATE_FAILED, reason));
  };
  if (is_stopping) return fail("SHUTTING_DOWN");
  const absl::Time now = clock_.Now();
  if (now >= planned.expire_time) {
    return state_->Finish(MakeReport(
        planned.message_id, v1::DELIVERY_STATE_EXPIRED, "NOT_SENT_IN_TIME"));
  }
  WakeUp wake_up;
  if (!wake_up.address.ParseFromString(planned.message.address) ||
      wake_up.address.address_case() == v1::WakeUpAddress::ADDRESS_NOT_SET) {
    return fail("BAD_ADDRESS");
  }
  const auto gateway = gateways_.find(wake_up.address.address_case());
  if (gateway == gateways_.end()) return fail("NO_GATEWAY");
  wake_up.message_id = planned.message_id;
  wake_up.ttl = std::max(planned.expire_time - now, absl::Seconds(1));
  wake_up.deadline = std::min(planned.expire_time, now + options_.max_time);
  gateway->second->Send(
      wake_up, [state = state_, &clock = clock_,
                message_id = planned.message_id, name = gateway->second->name(),
                expire_time = planned.expire_time](WakeUpOutcome outcome) {
        bool is_expired = false;
        {
          MutexLock lock(state->mutex);
          if (state->closed) return;
          is_expired = clock.Now() >= expire_time;
        }
        state->Finish(ReportOf(message_id, outcome, name, is_expired));
      });
}

void Waker::Shutdown() {
  // By the machine's time: that of the clock may stand still.
  const Stopwatch stopwatch;
  MutexLock lock(state_->mutex);
  state_->stopping = true;
  while (state_->taken > 0) {
    const absl::Duration left = options_.max_time - stopwatch.Elapsed();
    if (left <= absl::ZeroDuration()) break;
    state_->changed.WaitFor(state_->mutex, absl::ToChronoNanoseconds(left));
  }
  state_->closed = true;
  // A report does not wait.
  while (state_->reporting > 0) state_->changed.Wait(state_->mutex);
}

}  // namespace cofactor::services
