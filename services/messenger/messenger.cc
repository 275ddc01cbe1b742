#include "services/messenger/messenger.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/stopwatch.h"
#include "cofactor/v1/delivery.pb.h"
#include "services/messenger/notice_texts.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::DeliveryReport;

constexpr char kSms[] = "sms";

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

DeliveryReport Expired(absl::string_view message_id,
                       absl::string_view gateway) {
  return MakeReport(message_id, v1::DELIVERY_STATE_EXPIRED, "NOT_SENT_IN_TIME",
                    gateway);
}

DeliveryReport ReportOf(absl::string_view message_id, const SmsOutcome& outcome,
                        bool is_expired) {
  switch (outcome.verdict) {
    case SmsVerdict::kAccepted:
      return MakeReport(message_id, v1::DELIVERY_STATE_SENT, "",
                        outcome.gateway);
    case SmsVerdict::kQueued:
      return MakeReport(message_id, v1::DELIVERY_STATE_QUEUED, outcome.reason,
                        outcome.gateway);
    case SmsVerdict::kUnknown:
      return MakeReport(message_id, v1::DELIVERY_STATE_QUEUED,
                        "OUTCOME_UNKNOWN", outcome.gateway);
    case SmsVerdict::kNotSent:
      // Its time may have been over while the gateways were busy.
      if (is_expired) return Expired(message_id, outcome.gateway);
      break;
    case SmsVerdict::kRefusedForGood:
    case SmsVerdict::kRefusedHere:
    case SmsVerdict::kMisconfigured:
      break;
  }
  return MakeReport(message_id, v1::DELIVERY_STATE_FAILED, outcome.reason,
                    outcome.gateway);
}

}  // namespace

struct Messenger::State {
  State(Report report_in, ThreadPool& dispatcher_in)
      : report(std::move(report_in)), dispatcher(dispatcher_in) {}

  // Ends a message that is under way.
  void Finish(DeliveryReport result, const std::function<void()>& send_more) {
    {
      MutexLock lock(mutex);
      if (closed) return;
      ++reporting;
    }
    report(std::move(result));
    MutexLock lock(mutex);
    --reporting;
    --under_way;
    changed.NotifyAll();
    WakeDispatcher(send_more);
  }

  void WakeDispatcher(const std::function<void()>& send_more)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (stopping || waiting.empty()) return;
    // If one waits already, it will find all that there is.
    static_cast<void>(dispatcher.TrySchedule([send_more] { send_more(); }));
  }

  const Report report;
  ThreadPool& dispatcher;
  Mutex mutex;
  CondVar changed;
  std::deque<PlannedMessage> waiting ABSL_GUARDED_BY(mutex);
  // Taken off waiting, and not reported yet.
  size_t under_way ABSL_GUARDED_BY(mutex) = 0;
  size_t reporting ABSL_GUARDED_BY(mutex) = 0;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  // The messenger may be gone: nothing but the mutex may be touched.
  bool closed ABSL_GUARDED_BY(mutex) = false;
};

Messenger::Messenger(const Clock& clock, const Options& options,
                     CodeTexts texts, std::unique_ptr<SmsGateway> gateway,
                     Report report)
    : clock_(clock),
      options_(options),
      texts_(std::move(texts)),
      gateway_(std::move(gateway)),
      state_(std::make_shared<State>(std::move(report), dispatcher_)),
      dispatcher_(1, 1) {}

Messenger::~Messenger() { Shutdown(); }

void Messenger::Send(std::vector<PlannedMessage> messages) {
  std::vector<DeliveryReport> refused;
  {
    MutexLock lock(state_->mutex);
    for (PlannedMessage& message : messages) {
      absl::string_view reason;
      if (message.message.channel != kSms) {
        reason = "UNKNOWN_CHANNEL";
      } else if (state_->stopping) {
        reason = "SHUTTING_DOWN";
      } else if (state_->waiting.size() + state_->under_way >=
                 options_.max_waiting + options_.max_under_way) {
        reason = "TOO_MANY_WAITING";
      } else {
        state_->waiting.push_back(std::move(message));
        continue;
      }
      refused.push_back(
          MakeReport(message.message_id, v1::DELIVERY_STATE_FAILED, reason));
    }
    state_->WakeDispatcher([this] { SendWaiting(); });
  }
  for (DeliveryReport& report : refused) state_->report(std::move(report));
}

void Messenger::SendWaiting() {
  while (true) {
    PlannedMessage next;
    {
      MutexLock lock(state_->mutex);
      if (state_->waiting.empty() ||
          state_->under_way == options_.max_under_way) {
        return;
      }
      next = std::move(state_->waiting.front());
      state_->waiting.pop_front();
      ++state_->under_way;
    }
    SendOne(std::move(next));
  }
}

void Messenger::SendOne(PlannedMessage planned) {
  const absl::Time now = clock_.Now();
  if (now >= planned.expire_time) {
    return state_->Finish(Expired(planned.message_id, ""),
                          [this] { SendWaiting(); });
  }
  SmsMessage message;
  message.message_id = planned.message_id;
  message.to = planned.message.address;
  message.text =
      planned.notice.has_value()
          ? Secret(NoticeText(*planned.notice,
                              texts_.LocaleFor(planned.message.address),
                              planned.account_id))
          : texts_.Compose(planned.message.address, planned.message.code);
  message.validity = planned.expire_time - now;
  message.deadline = std::min(planned.expire_time, now + options_.max_time);
  gateway_->Send(message,
                 [this, state = state_, message_id = planned.message_id,
                  expire_time = planned.expire_time](SmsOutcome outcome) {
                   bool is_expired = false;
                   {
                     MutexLock lock(state->mutex);
                     if (state->closed) return;
                     is_expired = clock_.Now() >= expire_time;
                   }
                   state->Finish(ReportOf(message_id, outcome, is_expired),
                                 [this] { SendWaiting(); });
                 });
}

void Messenger::Shutdown() {
  std::deque<PlannedMessage> given_up;
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
    given_up.swap(state_->waiting);
  }
  for (const PlannedMessage& message : given_up) {
    state_->report(MakeReport(message.message_id, v1::DELIVERY_STATE_FAILED,
                              "SHUTTING_DOWN"));
  }
  // By the machine's time: that of the clock may stand still.
  const Stopwatch stopwatch;
  MutexLock lock(state_->mutex);
  while (state_->under_way > 0) {
    const absl::Duration left = options_.max_time - stopwatch.Elapsed();
    if (left <= absl::ZeroDuration()) break;
    state_->changed.WaitFor(state_->mutex, absl::ToChronoNanoseconds(left));
  }
  state_->closed = true;
  // A report does not wait.
  while (state_->reporting > 0) state_->changed.Wait(state_->mutex);
}

}  // namespace cofactor::services
