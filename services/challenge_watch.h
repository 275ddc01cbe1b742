#ifndef COFACTOR_SERVICES_CHALLENGE_WATCH_H_
#define COFACTOR_SERVICES_CHALLENGE_WATCH_H_

#include <cstddef>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "cofactor/v1/auth_service.pb.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "services/challenge_hub.h"
#include "services/engine/caller.h"
#include "services/engine/challenge_engine.h"
#include "services/open_streams.h"
#include "storage/store.h"

namespace cofactor::services {

// The open streams of WatchChallenge. None has a thread: a stream rests until
// the hub wakes it, reads its challenge, and writes it if the caller would see
// something new. Of states that follow each other faster than they are read or
// written the last is told. Thread-safe.
class ChallengeWatch {
 public:
  using Reactor = grpc::ServerWriteReactor<v1::WatchChallengeResponse>;

  // How long a message may wait for its reader until the stream is cut.
  static constexpr absl::Duration kWriteTimeout = absl::Seconds(10);

  // None is owned; all must outlive every stream.
  ChallengeWatch(Executor& executor, storage::Store& store, const Clock& clock,
                 const ChallengeEngine& challenges, ChallengeHub& hub,
                 size_t max_streams)
      : executor_(executor),
        store_(store),
        clock_(clock),
        challenges_(challenges),
        hub_(hub),
        streams_(max_streams, "streams of challenges",
                 "watch the challenge again") {}

  // Opens a stream for a caller that was let in. Errors end the stream: those
  // of GetChallenge, RESOURCE_EXHAUSTED if too many are open or too much waits,
  // UNAVAILABLE after Shutdown.
  Reactor* Open(grpc::CallbackServerContext& context, Caller caller,
                const v1::WatchChallengeRequest& request);

  // Ends all streams with UNAVAILABLE, and opens none any more.
  void Shutdown();

  size_t open_streams() const { return streams_.size(); }

 private:
  class Stream;

  Executor& executor_;
  storage::Store& store_;
  const Clock& clock_;
  const ChallengeEngine& challenges_;
  ChallengeHub& hub_;
  OpenStreams<Stream> streams_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CHALLENGE_WATCH_H_
