#include "services/challenge_watch.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/errors.h"
#include "base/mutex.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/engine/input.h"
#include "services/engine/plan.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"
#include "services/grpc_status.h"
#include "services/overloaded.h"

namespace cofactor::services {
namespace {

// A challenge may be changed by another server of the store, which the hub does
// not hear of: so late that may be.
constexpr absl::Duration kRefreshInterval = absl::Seconds(5);

// Keeps streams that were opened together from reading together for ever.
absl::Duration FirstRefresh(const std::string& challenge_id) {
  constexpr size_t kParts = 64;
  const size_t part = std::hash<std::string>()(challenge_id) % kParts + 1;
  return kRefreshInterval * static_cast<int64_t>(part) / kParts;
}

}  // namespace

// Owns itself until gRPC is done with it. At any time it rests, or is read for
// on the executor, or has one write under way; only a resting one is finished
// from outside.
class ChallengeWatch::Stream final : public Reactor,
                                     public ChallengeHub::Subscriber {
 public:
  Stream(ChallengeWatch& watch, grpc::CallbackServerContext& context,
         Caller caller, const std::string& challenge_id)
      : watch_(watch),
        context_(context),
        caller_(std::move(caller)),
        refresh_time_(watch.clock_.Now() + FirstRefresh(challenge_id)) {
    request_.set_challenge_id(challenge_id);
  }

  // Reads for the first time. Returns false if the executor has too much to do.
  // Before anything else, once.
  bool Begin() {
    return watch_.executor_.TrySchedule([this] { Read(); });
  }

  void Changed() override {
    MutexLock lock(mutex_);
    ReadAgain();
  }

  void TimeHasCome(absl::Time now) override {
    bool is_cut = false;
    {
      MutexLock lock(mutex_);
      if (finished_) return;
      if (doing_ == Doing::kWriting && now >= write_deadline_) {
        is_cut = true;
      } else {
        if (now >= std::min(refresh_time_, expire_time_)) ReadAgain();
        refresh_time_ = std::min(refresh_time_, now) + kRefreshInterval;
        AskForTime();
      }
    }
    // gRPC calls back for it. The hub keeps the stream until this returns.
    if (is_cut) context_.TryCancel();
  }

  // Ends the stream, at once or after what is under way.
  void End(absl::Status status) {
    MutexLock lock(mutex_);
    if (!end_.has_value()) end_ = std::move(status);
    if (doing_ == Doing::kResting) FinishNow();
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(mutex_);
    if (!ok) {
      SetEnd(absl::CancelledError("the caller left"));
    } else if (IsFinal(message_.challenge().state())) {
      SetEnd(absl::OkStatus());
    }
    GoOn();
  }

  void OnCancel() override { End(absl::CancelledError("the caller left")); }

  void OnDone() override {
    watch_.hub_.Remove(*this);
    watch_.streams_.Remove(*this);
    delete this;
  }

 private:
  enum class Doing { kResting, kReading, kWriting };

  void SetEnd(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!end_.has_value()) end_ = std::move(status);
  }

  // Reads, at once or after what is under way: what that knows may be older.
  void ReadAgain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    is_stale_ = true;
    if (doing_ == Doing::kResting && !finished_) GoOn();
  }

  // Ends, or reads, or rests.
  void GoOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (end_.has_value()) return FinishNow();
    if (!is_stale_) {
      doing_ = Doing::kResting;
      return AskForTime();
    }
    is_stale_ = false;
    doing_ = Doing::kReading;
    watch_.executor_.Continue([this] { Read(); });
  }

  void Read() {
    v1::GetChallengeResponse found;
    absl::Status status;
    {
      const auto snapshot = watch_.store_.GetSnapshot();
      Plan plan(*snapshot, watch_.clock_.Now(), caller_);
      status = watch_.challenges_.GetChallenge(plan, request_, found);
    }
    MutexLock lock(mutex_);
    if (!status.ok()) SetEnd(std::move(status));
    if (end_.has_value()) return FinishNow();
    expire_time_ = ToTime(found.challenge().expire_time());
    if (google::protobuf::util::MessageDifferencer::Equals(
            found.challenge(), message_.challenge())) {
      return GoOn();
    }
    message_.mutable_challenge()->Swap(found.mutable_challenge());
    doing_ = Doing::kWriting;
    write_deadline_ = watch_.clock_.Now() + kWriteTimeout;
    AskForTime();
    StartWrite(&message_);
  }

  void AskForTime() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    absl::Time time = std::min(refresh_time_, expire_time_);
    if (doing_ == Doing::kWriting) time = std::min(time, write_deadline_);
    watch_.hub_.WakeAt(*this, time);
  }

  void FinishNow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_) return;
    finished_ = true;
    doing_ = Doing::kResting;
    Finish(ToGrpcStatus(*end_));
  }

  ChallengeWatch& watch_;
  grpc::CallbackServerContext& context_;
  const Caller caller_;
  v1::GetChallengeRequest request_;
  Mutex mutex_;
  Doing doing_ ABSL_GUARDED_BY(mutex_) = Doing::kReading;
  bool is_stale_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  absl::Time refresh_time_ ABSL_GUARDED_BY(mutex_);
  absl::Time expire_time_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  // Of the write that is under way.
  absl::Time write_deadline_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  // What the caller was told last.
  v1::WatchChallengeResponse message_ ABSL_GUARDED_BY(mutex_);
};

ChallengeWatch::Reactor* ChallengeWatch::Open(
    grpc::CallbackServerContext& context, Caller caller,
    const v1::WatchChallengeRequest& request) {
  if (absl::Status status = CheckId("challenge_id", request.challenge_id());
      !status.ok()) {
    return RefuseStream<Reactor>(status);
  }
  auto* stream =
      new Stream(*this, context, std::move(caller), request.challenge_id());
  absl::Status status = streams_.Add(*stream);
  if (status.ok()) {
    // First, so that no change falls between.
    hub_.FollowChallenge(*stream, request.challenge_id());
    if (stream->Begin()) return stream;
    hub_.Remove(*stream);
    streams_.Remove(*stream);
    status = Overloaded();
  }
  delete stream;
  return RefuseStream<Reactor>(status);
}

void ChallengeWatch::Shutdown() { streams_.Shutdown(); }

}  // namespace cofactor::services
