#include "services/chokepoint.h"

#include <utility>

#include "absl/time/time.h"
#include "base/errors.h"
#include "services/grpc_status.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* Chokepoint::Serve(
    grpc::CallbackServerContext* context,
    const google::protobuf::Message& request, Work work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<Caller> caller = gate_.Admit(*context, request);
  if (!caller.ok()) {
    reactor->Finish(ToGrpcStatus(caller.status()));
    return reactor;
  }
  const bool scheduled = executor_.TrySchedule(
      [context, reactor, caller = *std::move(caller),
       work = std::move(work)]() mutable {
        // gRPC cancels a call when its deadline passes. Nothing was done yet.
        if (context->IsCancelled()) {
          return reactor->Finish(ToGrpcStatus(MakeError(
              absl::StatusCode::kDeadlineExceeded, "CALLER_GONE",
              "the call was cancelled or its deadline passed; nothing was "
              "done")));
        }
        std::move(work)(std::move(caller), [reactor](absl::Status status) {
          reactor->Finish(ToGrpcStatus(status));
        });
      });
  if (!scheduled) {
    reactor->Finish(
        ToGrpcStatus(RetryLater("OVERLOADED",
                                "the server has too much to do; nothing was "
                                "done, try again",
                                absl::Seconds(1))));
  }
  return reactor;
}

Chokepoint::Done Chokepoint::After(Then then, Done done) {
  return [this, then = std::move(then),
          done = std::move(done)](absl::Status status) mutable {
    if (!status.ok()) return std::move(done)(std::move(status));
    executor_.Continue(
        [then = std::move(then), done = std::move(done)]() mutable {
          std::move(done)(then());
        });
  };
}

}  // namespace cofactor::services
