#include "services/chokepoint.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "services/grpc_status.h"
#include "services/overloaded.h"

namespace cofactor::services {

// A call from its arrival to its answer.
struct Chokepoint::Call {
  CallTelemetry& telemetry;
  const MethodAccess& method;
  grpc::ServerUnaryReactor* const reactor;
  const std::string peer;
  const Stopwatch stopwatch{};
  // Not set until the gate has let it in.
  std::optional<Caller> caller{};

  void Finish(const absl::Status& status) {
    telemetry.Ended(method, caller.has_value() ? &*caller : nullptr, peer,
                    status, stopwatch.Elapsed());
    reactor->Finish(ToGrpcStatus(status));
  }
};

absl::StatusOr<Caller> Chokepoint::Admit(
    const grpc::ServerContextBase& context,
    const google::protobuf::Message& request) {
  ASSIGN_OR_RETURN(const MethodAccess* method, gate_.MethodOf(request));
  telemetry_.Started(*method);
  absl::StatusOr<Caller> caller = gate_.Admit(context, *method, request);
  if (!caller.ok()) telemetry_.Refused(caller.status());
  telemetry_.Ended(*method, caller.ok() ? &*caller : nullptr, context.peer(),
                   caller.status(), absl::ZeroDuration());
  return caller;
}

grpc::ServerUnaryReactor* Chokepoint::ServeOn(
    Executor& executor, grpc::CallbackServerContext* context,
    const google::protobuf::Message& request, Work work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::StatusOr<const MethodAccess*> method = gate_.MethodOf(request);
  if (!method.ok()) {
    reactor->Finish(ToGrpcStatus(method.status()));
    return reactor;
  }
  telemetry_.Started(**method);
  auto call = std::make_shared<Call>(
      Call{telemetry_, **method, reactor, context->peer()});
  absl::StatusOr<Caller> caller = gate_.Admit(*context, **method, request);
  if (!caller.ok()) {
    telemetry_.Refused(caller.status());
    call->Finish(caller.status());
    return reactor;
  }
  call->caller = *std::move(caller);
  const bool scheduled =
      executor.TrySchedule([context, call, work = std::move(work)]() mutable {
        // gRPC cancels a call when its deadline passes. Nothing was done yet.
        if (context->IsCancelled()) {
          return call->Finish(MakeError(
              absl::StatusCode::kDeadlineExceeded, "CALLER_GONE",
              "the call was cancelled or its deadline passed; nothing was "
              "done"));
        }
        std::move(work)(*call->caller,
                        [call](absl::Status status) { call->Finish(status); });
      });
  if (!scheduled) {
    telemetry_.Shed();
    call->Finish(Overloaded());
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
