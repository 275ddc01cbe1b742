#include "services/audit_tail.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/audit_engine.h"
#include "services/grpc_status.h"

namespace cofactor::services {
namespace {

// What a stream holds in memory, and looks at in one piece of work.
constexpr size_t kMaxEvents = 32;
constexpr size_t kMaxLookedAt = 512;

}  // namespace

// Owns itself until gRPC is done with it. At any time it rests, or is read for
// on the executor, or has one write under way; only a resting one is finished
// from outside.
class AuditTail::Stream final : public Reactor {
 public:
  Stream(AuditTail& tail, Caller caller, v1::AuditFilter filter,
         uint64_t sequence)
      : tail_(tail),
        caller_(std::move(caller)),
        filter_(std::move(filter)),
        sequence_(sequence) {}

  // Reads on, at once or before the stream rests again: what is being read may
  // be older than what it is woken for.
  void Wake() {
    MutexLock lock(mutex_);
    woken_ = true;
    if (!resting_ || finished_) return;
    resting_ = false;
    Schedule();
  }

  // Ends the stream, at once or after what is under way.
  void End(absl::Status status) {
    MutexLock lock(mutex_);
    if (!end_.has_value()) end_ = std::move(status);
    if (resting_) FinishNow();
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(mutex_);
    if (!ok && !end_.has_value())
      end_ = absl::CancelledError("the caller left");
    WriteNext();
  }

  void OnCancel() override { End(absl::CancelledError("the caller left")); }

  void OnDone() override {
    tail_.streams_.Remove(*this);
    delete this;
  }

 private:
  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    woken_ = false;
    tail_.executor_.Continue([this] { ReadOn(); });
  }

  void ReadOn() {
    const auto snapshot = tail_.store_.GetSnapshot();
    absl::StatusOr<EventsAfter> found = ReadEventsAfter(
        *snapshot, caller_, filter_, sequence_, kMaxEvents, kMaxLookedAt);
    MutexLock lock(mutex_);
    if (!found.ok()) {
      if (!end_.has_value()) end_ = found.status();
      return FinishNow();
    }
    sequence_ = found->sequence;
    at_end_ = found->at_end;
    events_ = std::move(found->events);
    next_ = 0;
    WriteNext();
  }

  // Writes the next event, or reads on, or rests.
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (end_.has_value()) return FinishNow();
    if (next_ < events_.size()) {
      message_.mutable_event()->Swap(&events_[next_]);
      message_.set_resume_token(absl::StrCat(message_.event().sequence()));
      ++next_;
      return StartWrite(&message_);
    }
    if (at_end_ && !woken_) {
      resting_ = true;
      return;
    }
    Schedule();
  }

  void FinishNow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_) return;
    finished_ = true;
    resting_ = false;
    Finish(ToGrpcStatus(*end_));
  }

  AuditTail& tail_;
  const Caller caller_;
  const v1::AuditFilter filter_;
  // Used by ReadOn alone, which never runs twice at once.
  uint64_t sequence_;
  Mutex mutex_;
  bool resting_ ABSL_GUARDED_BY(mutex_) = true;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  bool at_end_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<v1::AuditEvent> events_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::TailAuditEventsResponse message_ ABSL_GUARDED_BY(mutex_);
};

AuditTail::Reactor* AuditTail::Open(Caller caller,
                                    const v1::TailAuditEventsRequest& request) {
  if (absl::Status status = CheckFilter(request.filter()); !status.ok()) {
    return RefuseStream<Reactor>(status);
  }
  uint64_t sequence = 0;
  if (!request.resume_token().empty()) {
    if (!absl::SimpleAtoi(request.resume_token(), &sequence)) {
      return RefuseStream<Reactor>(
          InvalidField("resume_token", "is none that a stream gave"));
    }
  } else {
    const absl::StatusOr<uint64_t> last = LastSequence(*store_.GetSnapshot());
    if (!last.ok()) return RefuseStream<Reactor>(last.status());
    sequence = *last;
  }
  v1::AuditFilter filter = request.filter();
  filter.clear_start_time();
  filter.clear_end_time();
  auto* stream =
      new Stream(*this, std::move(caller), std::move(filter), sequence);
  if (absl::Status status = streams_.Add(*stream); !status.ok()) {
    delete stream;
    return RefuseStream<Reactor>(status);
  }
  stream->Wake();
  return stream;
}

void AuditTail::Wake() {
  const absl::StatusOr<uint64_t> last = LastSequence(*store_.GetSnapshot());
  if (!last.ok()) return;  // Streams find out when they read.
  MutexLock lock(mutex_);
  if (*last == last_sequence_) return;
  last_sequence_ = *last;
  // A stream that is done waits for the lock before it goes.
  streams_.ForEach([](Stream& stream) { stream.Wake(); });
}

void AuditTail::Shutdown() { streams_.Shutdown(); }

}  // namespace cofactor::services
