#ifndef COFACTOR_SERVICES_OPEN_STREAMS_H_
#define COFACTOR_SERVICES_OPEN_STREAMS_H_

#include <cstddef>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/mutex.h"
#include "services/grpc_status.h"

namespace cofactor::services {

// A stream that ends at once with an error.
template <typename Reactor>
Reactor* RefuseStream(const absl::Status& status) {
  class Refused final : public Reactor {
   public:
    explicit Refused(const absl::Status& status) {
      this->Finish(ToGrpcStatus(status));
    }
    void OnDone() override { delete this; }
  };
  return new Refused(status);
}

// The open streams of one kind, each a gRPC reactor that owns itself: bounds
// their number, and ends them all. Thread-safe.
//
// Stream::End(absl::Status) ends a stream, at once or after what is under way.
// It must not call Remove: a stream does that in OnDone, with no lock held.
template <typename Stream>
class OpenStreams {
 public:
  // name: of the kind, as "streams of audit events". on_shutdown: what callers
  // are told to do then.
  OpenStreams(size_t max_streams, const char* name, const char* on_shutdown)
      : max_streams_(max_streams), name_(name), on_shutdown_(on_shutdown) {}

  // RESOURCE_EXHAUSTED, reason TOO_MANY_STREAMS, if too many are open.
  // UNAVAILABLE, reason SHUTTING_DOWN, after Shutdown.
  absl::Status Add(Stream& stream) {
    MutexLock lock(mutex_);
    if (shut_down_) return ShuttingDown();
    if (streams_.size() >= max_streams_) {
      return RetryLater("TOO_MANY_STREAMS",
                        absl::StrCat("too many ", name_, " are open: end one"),
                        absl::Seconds(10));
    }
    streams_.insert(&stream);
    return absl::OkStatus();
  }

  // Once it returns, nobody here calls the stream.
  void Remove(Stream& stream) {
    MutexLock lock(mutex_);
    streams_.erase(&stream);
  }

  // Calls visit(Stream&) for each. It must not wait.
  template <typename Visit>
  void ForEach(Visit visit) {
    MutexLock lock(mutex_);
    for (Stream* stream : streams_) visit(*stream);
  }

  // Ends all with UNAVAILABLE, and takes none any more.
  void Shutdown() {
    MutexLock lock(mutex_);
    shut_down_ = true;
    for (Stream* stream : streams_) stream->End(ShuttingDown());
  }

  size_t size() const {
    MutexLock lock(mutex_);
    return streams_.size();
  }

 private:
  absl::Status ShuttingDown() const {
    return MakeError(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                     absl::StrCat("the server stops: ", on_shutdown_));
  }

  const size_t max_streams_;
  const char* const name_;
  const char* const on_shutdown_;
  mutable Mutex mutex_;
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<Stream*> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_OPEN_STREAMS_H_
