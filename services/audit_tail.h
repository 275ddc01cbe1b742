#ifndef COFACTOR_SERVICES_AUDIT_TAIL_H_
#define COFACTOR_SERVICES_AUDIT_TAIL_H_

#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "cofactor/v1/audit_service.pb.h"
#include "grpcpp/support/server_callback.h"
#include "services/engine/caller.h"
#include "services/open_streams.h"
#include "storage/store.h"

namespace cofactor::services {

// The open streams of TailAuditEvents. None has a thread: a stream reads a
// bounded piece of the log, writes it as fast as its reader takes it, and then
// rests until it is woken. Thread-safe.
class AuditTail {
 public:
  using Reactor = grpc::ServerWriteReactor<v1::TailAuditEventsResponse>;

  // Neither is owned; both must outlive every stream.
  AuditTail(Executor& executor, storage::Store& store, size_t max_streams)
      : executor_(executor),
        store_(store),
        streams_(max_streams, "streams of audit events",
                 "go on with the last resume_token") {}

  // Opens a stream for a caller that was let in. Errors end the stream:
  // INVALID_ARGUMENT for a bad filter or token, RESOURCE_EXHAUSTED if too many
  // are open, UNAVAILABLE after Shutdown.
  Reactor* Open(Caller caller, const v1::TailAuditEventsRequest& request);

  // Lets resting streams look for new events if there are any. To be called
  // every now and then: that is how late an event may be.
  void Wake();

  // Ends all streams with UNAVAILABLE, and opens none any more.
  void Shutdown();

 private:
  class Stream;

  Executor& executor_;
  storage::Store& store_;
  Mutex mutex_;
  uint64_t last_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  OpenStreams<Stream> streams_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_AUDIT_TAIL_H_
