#include "services/device_channels.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/errors.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/push/signed_bytes.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"
#include "services/grpc_status.h"
#include "services/overloaded.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ChallengeMark;
using ::cofactor::record::v1::ChallengeMarked;
using ::cofactor::record::v1::ChallengeRecord;

constexpr size_t kNonceBytes = 32;

// What another server of the store changed, and that a member's time is over,
// the hub does not hear of: so late that may be noticed.
constexpr absl::Duration kRefreshInterval = absl::Seconds(30);

absl::Status NoHello() {
  return MakeError(absl::StatusCode::kUnauthenticated, "DEVICE_NOT_PROVEN",
                   "a channel begins with hello, signed over the nonce of its "
                   "greeting");
}

absl::Status HelloTooLate() {
  return MakeError(
      absl::StatusCode::kDeadlineExceeded, "HELLO_TOO_LATE",
      "hello has to come within 10 s of the greeting: open the channel again");
}

absl::Status NotRead() {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "NOT_READ",
                   "the device did not read for 10 s: open the channel again");
}

absl::Status Replaced() {
  return MakeError(absl::StatusCode::kAborted, "CHANNEL_REPLACED",
                   "the device has opened another channel");
}

absl::Status Left() { return absl::CancelledError("the device left"); }

// How a challenge that a device was shown ended; unspecified if nobody knows.
v1::ChallengeState EndOf(Plan& plan, const std::string& challenge_id) {
  const auto challenge = plan.Read<ChallengeRecord>(ChallengeKey(challenge_id));
  if (!challenge.ok() || !challenge->exists()) {
    return v1::CHALLENGE_STATE_UNSPECIFIED;
  }
  const v1::ChallengeState state = StateOf(challenge->record, plan.now());
  return IsFinal(state) ? state : v1::CHALLENGE_STATE_UNSPECIFIED;
}

}  // namespace

// Owns itself until gRPC is done with it. Under way may be a write, a look at
// the store on the executor, a thing that the device asked for, at most one of
// each, and marks of what was delivered. It is finished once nothing is.
class DeviceChannels::Channel final : public Reactor,
                                      public ChallengeHub::Subscriber {
 public:
  Channel(DeviceChannels& channels, grpc::CallbackServerContext& context,
          Caller caller)
      : channels_(channels), context_(context), caller_(std::move(caller)) {}

  // Greets. Before anything else, once.
  void Begin() {
    MutexLock lock(mutex_);
    nonce_.resize(kNonceBytes);
    parts().randomness.Fill(absl::MakeSpan(
        reinterpret_cast<uint8_t*>(nonce_.data()), nonce_.size()));
    deadline_ = parts().clock.Now() + kHelloTimeout;
    response_.mutable_greeting()->set_nonce(nonce_);
    is_writing_ = true;
    StartWrite(&response_);
    StartRead(&request_);
    AskForTime();
  }

  // Ends the channel, at once or after what is under way.
  void End(absl::Status status) {
    MutexLock lock(mutex_);
    SetEnd(std::move(status));
    GoOn();
  }

  void Changed() override {
    MutexLock lock(mutex_);
    is_stale_ = true;
    GoOn();
  }

  void TimeHasCome(absl::Time now) override {
    bool is_cut = false;
    {
      MutexLock lock(mutex_);
      if (now >= deadline_) {
        SetEnd(is_open_ ? NotRead() : HelloTooLate());
        deadline_ = absl::InfiniteFuture();
        is_cut = is_writing_;
      }
      if (now >= std::min(refresh_time_, expire_time_)) is_stale_ = true;
      if (is_open_)
        refresh_time_ = std::min(refresh_time_, now) + kRefreshInterval;
      GoOn();
    }
    // gRPC calls back for it. The hub keeps the channel until this returns.
    if (is_cut) context_.TryCancel();
  }

  void OnReadDone(bool ok) override {
    MutexLock lock(mutex_);
    if (end_.has_value()) return;
    if (!ok) {
      SetEnd(is_open_ ? absl::OkStatus() : NoHello());
    } else if (!is_open_) {
      TakeHello();
    } else if (request_.has_answer()) {
      TakeAnswer();
    } else if (request_.event_case() ==
               v1::OpenDeviceChannelRequest::kSeenChallengeId) {
      TakeSeen();
    } else {
      SetEnd(InvalidField("event", "want answer or seen_challenge_id"));
    }
    GoOn();
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(mutex_);
    is_writing_ = false;
    if (is_open_) deadline_ = absl::InfiniteFuture();
    if (!ok) {
      SetEnd(Left());
    } else if (!end_.has_value() && response_.has_challenge()) {
      ++marks_under_way_;
      Mark(v1::CHALLENGE_STATE_DELIVERED);
    } else if (!end_.has_value() && response_.has_answer_result()) {
      StartRead(&request_);
    }
    response_.Clear();
    GoOn();
  }

  void OnCancel() override { End(Left()); }

  void OnDone() override {
    parts().hub.Remove(*this);
    channels_.Release(device_, *this);
    delete this;
  }

 private:
  // One that the runner borrows.
  template <typename Request, typename Response>
  struct Call {
    Request request;
    Response response;
  };

  const Parts& parts() const { return channels_.parts_; }

  factors::push::DeviceIds Ids() const {
    return {account_id_, member_id_, enrollment_id_};
  }

  void SetEnd(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!end_.has_value()) end_ = std::move(status);
  }

  // Does what is to be done next and can be done now.
  void GoOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (is_finished_) return;
    if (end_.has_value()) {
      if (!is_writing_ && !is_looking_ && !is_acting_ &&
          marks_under_way_ == 0) {
        is_finished_ = true;
        Finish(ToGrpcStatus(*end_));
      }
      return;
    }
    if (!is_writing_) WriteNext();
    // What is written follows from the last look, which ends with it; and what
    // an answer does is told by its result first.
    if (is_open_ && is_stale_ && !is_writing_ && !is_looking_ && !is_acting_) {
      is_stale_ = false;
      is_looking_ = true;
      parts().executor.Continue([this] { Look(); });
    }
    AskForTime();
  }

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (has_welcome_) {
      has_welcome_ = false;
      response_.mutable_welcome();
    } else if (result_ != nullptr) {
      response_.set_allocated_answer_result(result_.release());
    } else if (ended_.has_value()) {
      response_.mutable_ended()->set_challenge_id(shown_id_);
      response_.mutable_ended()->set_state(*ended_);
      shown_id_.clear();
      ended_.reset();
    } else if (next_ != nullptr) {
      shown_id_ = next_->challenge_id();
      response_.set_allocated_challenge(next_.release());
    } else {
      return;
    }
    is_writing_ = true;
    deadline_ = parts().clock.Now() + kWriteTimeout;
    StartWrite(&response_);
  }

  void AskForTime() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    parts().hub.WakeAt(*this,
                       std::min({deadline_, refresh_time_, expire_time_}));
  }

  void TakeHello() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!request_.has_hello()) return SetEnd(NoHello());
    is_looking_ = parts().executor.TrySchedule([this] { CheckHello(); });
    if (!is_looking_) SetEnd(Overloaded());
  }

  // On the executor. Nothing else touches what it reads.
  void CheckHello() {
    const v1::DeviceProof& hello = request_.hello();
    absl::StatusOr<v1::DeviceKey> key;
    {
      const auto snapshot = parts().store.GetSnapshot();
      Plan plan(*snapshot, parts().clock.Now(), caller_);
      key = parts().devices.CheckHello(plan, hello, nonce_);
    }
    if (key.ok()) {
      public_key_ = key->public_key();
      account_id_ = hello.account_id();
      member_id_ = hello.member_id();
      enrollment_id_ = hello.enrollment_id();
      // No id has a slash in it.
      device_ = absl::StrCat(account_id_, "/", member_id_, "/", enrollment_id_);
      channels_.Claim(device_, *this);
      // Before the first look, so that no change falls between.
      parts().hub.FollowMember(*this, account_id_, member_id_);
    }
    MutexLock lock(mutex_);
    is_looking_ = false;
    if (!key.ok()) SetEnd(key.status());
    if (!end_.has_value()) {
      request_.Clear();
      // Keeps those that were opened together from looking together for ever.
      const int part = static_cast<uint8_t>(nonce_[0]) + 1;
      refresh_time_ = parts().clock.Now() + kRefreshInterval * part / 256;
      deadline_ = absl::InfiniteFuture();
      is_open_ = true;
      has_welcome_ = true;
      is_stale_ = true;
      std::string().swap(nonce_);
      StartRead(&request_);
    }
    GoOn();
  }

  // On the executor: finds out what the device has to know.
  void Look() {
    std::string shown_id;
    {
      MutexLock lock(mutex_);
      shown_id = shown_id_;
    }
    absl::StatusOr<std::optional<v1::DeviceChallenge>> pending;
    bool is_over = false;
    v1::ChallengeState end_state = v1::CHALLENGE_STATE_UNSPECIFIED;
    {
      const auto snapshot = parts().store.GetSnapshot();
      Plan plan(*snapshot, parts().clock.Now(), caller_);
      pending = parts().devices.PendingFor(plan, Ids(), public_key_);
      if (pending.ok() && !shown_id.empty()) {
        is_over =
            !pending->has_value() || (**pending).challenge_id() != shown_id;
        if (is_over) end_state = EndOf(plan, shown_id);
      }
    }
    MutexLock lock(mutex_);
    is_looking_ = false;
    if (is_acting_) {
      is_stale_ = true;
    } else if (!pending.ok()) {
      SetEnd(pending.status());
    } else {
      if (is_over) ended_ = end_state;
      expire_time_ = pending->has_value() ? ToTime((**pending).expire_time())
                                          : absl::InfiniteFuture();
      if (pending->has_value() && (is_over || shown_id.empty())) {
        next_ = std::make_unique<v1::DeviceChallenge>(**std::move(pending));
      }
    }
    GoOn();
  }

  void TakeAnswer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto call = std::make_unique<
        Call<v1::AnswerChallengeRequest, v1::AnswerChallengeResponse>>();
    call->request.Swap(request_.mutable_answer());
    request_.Clear();
    const v1::AnswerChallengeRequest& answer = call->request;
    const std::string challenge_id = answer.challenge_id();
    if (answer.account_id() != account_id_ ||
        answer.member_id() != member_id_ ||
        answer.enrollment_id() != enrollment_id_) {
      return SetResult(
          challenge_id, {},
          MakeError(absl::StatusCode::kInvalidArgument, "DEVICE_MISMATCH",
                    "the answer names another device than the one "
                    "that said hello"));
    }
    is_acting_ =
        parts().executor.TrySchedule([this, call = std::move(call)]() mutable {
          auto& borrowed = *call;
          parts().runner.Run(
              caller_, borrowed.request, borrowed.request.request_id(),
              borrowed.response,
              [this, &borrowed](Plan& plan) {
                return parts().devices.AnswerChallenge(plan, borrowed.request,
                                                       borrowed.response);
              },
              [this, call = std::move(call)](const absl::Status& status) {
                MutexLock lock(mutex_);
                is_acting_ = false;
                SetResult(call->request.challenge_id(), call->response, status);
                GoOn();
              });
        });
    if (!is_acting_) SetResult(challenge_id, {}, Overloaded());
  }

  void SetResult(const std::string& challenge_id,
                 const v1::AnswerChallengeResponse& response,
                 const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    result_ = std::make_unique<v1::AnswerResult>();
    result_->set_challenge_id(challenge_id);
    if (status.ok()) {
      *result_->mutable_response() = response;
    } else {
      result_->set_error_reason(ErrorReason(status));
      result_->set_error_message(std::string(status.message()));
    }
  }

  void TakeSeen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    // What was not brought, or is over by now, was not shown.
    const bool is_shown =
        !shown_id_.empty() && request_.seen_challenge_id() == shown_id_;
    request_.Clear();
    if (!is_shown) return StartRead(&request_);
    is_acting_ = true;
    Mark(v1::CHALLENGE_STATE_SEEN);
  }

  // Notes how far the challenge has come that the device was brought. Marked is
  // to follow.
  void Mark(v1::ChallengeState state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto call = std::make_unique<Call<ChallengeMark, ChallengeMarked>>();
    call->request.set_challenge_id(shown_id_);
    call->request.set_account_id(account_id_);
    call->request.set_member_id(member_id_);
    call->request.set_enrollment_id(enrollment_id_);
    call->request.set_state(state);
    parts().executor.Continue([this, call = std::move(call)]() mutable {
      auto& borrowed = *call;
      parts().runner.Run(
          Caller::Server(), borrowed.request, "", borrowed.response,
          [this, &borrowed](Plan& plan) {
            return parts().devices.MarkChallenge(plan, borrowed.request,
                                                 borrowed.response);
          },
          // What could not be marked is no matter of the device's.
          [this, call = std::move(call)](const absl::Status&) {
            Marked(call->request.state() == v1::CHALLENGE_STATE_SEEN);
          });
    });
  }

  // is_seen: the device said so, and may go on now.
  void Marked(bool is_seen) {
    MutexLock lock(mutex_);
    if (is_seen) {
      is_acting_ = false;
      if (!end_.has_value()) StartRead(&request_);
    } else {
      --marks_under_way_;
    }
    GoOn();
  }

  DeviceChannels& channels_;
  grpc::CallbackServerContext& context_;
  const Caller caller_;
  // Set by hello, and constant from then on.
  std::string account_id_;
  std::string member_id_;
  std::string enrollment_id_;
  std::string device_;
  std::string public_key_;
  // Of the read that is under way, or what it read.
  v1::OpenDeviceChannelRequest request_;
  // Until hello.
  std::string nonce_;

  Mutex mutex_;
  bool is_open_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_looking_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_acting_ ABSL_GUARDED_BY(mutex_) = false;
  // Something may have changed since the last look.
  bool is_stale_ ABSL_GUARDED_BY(mutex_) = false;
  int marks_under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  // For hello, then for the write that is under way.
  absl::Time deadline_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  absl::Time refresh_time_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  // Of the challenge that waits for the device.
  absl::Time expire_time_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  // The challenge that the device was brought and not told to be over.
  std::string shown_id_ ABSL_GUARDED_BY(mutex_);
  // What is to be written, in this order.
  bool has_welcome_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<v1::AnswerResult> result_ ABSL_GUARDED_BY(mutex_);
  std::optional<v1::ChallengeState> ended_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<v1::DeviceChallenge> next_ ABSL_GUARDED_BY(mutex_);
  // What is being written.
  v1::OpenDeviceChannelResponse response_ ABSL_GUARDED_BY(mutex_);
};

DeviceChannels::Reactor* DeviceChannels::Open(
    grpc::CallbackServerContext& context, Caller caller) {
  auto* channel = new Channel(*this, context, std::move(caller));
  if (absl::Status status = channels_.Add(*channel); !status.ok()) {
    delete channel;
    return RefuseStream<Reactor>(status);
  }
  channel->Begin();
  return channel;
}

void DeviceChannels::Claim(const std::string& device, Channel& channel) {
  MutexLock lock(mutex_);
  Channel*& place = by_device_[device];
  // One that is done waits for the lock before it goes.
  if (place != nullptr) place->End(Replaced());
  place = &channel;
}

void DeviceChannels::Release(const std::string& device, Channel& channel) {
  channels_.Remove(channel);
  if (device.empty()) return;
  MutexLock lock(mutex_);
  const auto place = by_device_.find(device);
  if (place != by_device_.end() && place->second == &channel) {
    by_device_.erase(place);
  }
}

void DeviceChannels::Shutdown() { channels_.Shutdown(); }

}  // namespace cofactor::services
