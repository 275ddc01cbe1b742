#include "services/chokepoint.h"

#include <utility>

#include "absl/time/time.h"
#include "base/errors.h"
#include "services/grpc_status.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* Chokepoint::Serve(
    grpc::CallbackServerContext* context, Work work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const bool admitted = executor_.TrySchedule(
      [context, reactor, work = std::move(work)]() mutable {
        // gRPC cancels a call when its deadline passes. Nothing was done yet.
        if (context->IsCancelled()) {
          return reactor->Finish(ToGrpcStatus(MakeError(
              absl::StatusCode::kDeadlineExceeded, "CALLER_GONE",
              "the call was cancelled or its deadline passed; nothing was "
              "done")));
        }
        std::move(work)([reactor](absl::Status status) {
          reactor->Finish(ToGrpcStatus(status));
        });
      });
  if (!admitted) {
    reactor->Finish(
        ToGrpcStatus(RetryLater("OVERLOADED",
                                "the server has too much to do; nothing was "
                                "done, try again",
                                absl::Seconds(1))));
  }
  return reactor;
}

}  // namespace cofactor::services
