#ifndef COFACTOR_SERVICES_AUDIT_TAIL_H_
#define COFACTOR_SERVICES_AUDIT_TAIL_H_

#include <cstddef>
#include <cstdint>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "cofactor/v1/audit_service.pb.h"
#include "grpcpp/support/server_callback.h"
#include "services/engine/caller.h"
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
      : executor_(executor), store_(store), max_streams_(max_streams) {}

  // Opens a stream for a caller that was let in. Errors end the stream:
  // INVALID_ARGUMENT for a bad filter or token, RESOURCE_EXHAUSTED if too many
  // are open, UNAVAILABLE after Shutdown.
  Reactor* Open(Caller caller, const v1::TailAuditEventsRequest& request);
  // A stream that ends at once.
  static Reactor* Refuse(const absl::Status& status);

  // Lets resting streams look for new events if there are any. To be called
  // every now and then: that is how late an event may be.
  void Wake();

  // Ends all streams with UNAVAILABLE, and opens none any more.
  void Shutdown();

 private:
  class Stream;

  absl::Status Add(Stream* stream);
  void Remove(Stream* stream);

  Executor& executor_;
  storage::Store& store_;
  const size_t max_streams_;
  Mutex mutex_;
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t last_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<Stream*> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_AUDIT_TAIL_H_
