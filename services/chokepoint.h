#ifndef COFACTOR_SERVICES_CHOKEPOINT_H_
#define COFACTOR_SERVICES_CHOKEPOINT_H_

#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/clock.h"
#include "base/executor.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "services/engine/mutation_runner.h"
#include "services/engine/plan.h"
#include "storage/store.h"

namespace cofactor::services {

// The one way into the server: every RPC passes through Serve, and nothing else
// finishes a call. Thread-safe.
class Chokepoint {
 public:
  using Done = absl::AnyInvocable<void(absl::Status) &&>;
  using Work = absl::AnyInvocable<void(Done) &&>;

  // None is owned; all must outlive every call.
  Chokepoint(Executor& executor, storage::Store& store, const Clock& clock)
      : executor_(executor),
        store_(store),
        clock_(clock),
        runner_(store, executor, clock) {}

  // Takes a call off the gRPC thread and runs its work, unless its caller has
  // given up by then. RESOURCE_EXHAUSTED at once if too much waits already.
  // The work calls done exactly once, from any thread.
  grpc::ServerUnaryReactor* Serve(grpc::CallbackServerContext* context,
                                  Work work);

  // Serves a call that changes nothing: engine.*method decides it at a
  // snapshot.
  template <typename Engine, typename Request, typename Response>
  grpc::ServerUnaryReactor* Read(
      grpc::CallbackServerContext* context, const Request* request,
      Response* response, const Engine& engine,
      absl::Status (Engine::*method)(Plan&, const Request&, Response&) const) {
    return Serve(context,
                 [this, request, response, &engine, method](Done done) mutable {
                   const auto snapshot = store_.GetSnapshot();
                   Plan plan(*snapshot, clock_.Now());
                   std::move(done)((engine.*method)(plan, *request, *response));
                 });
  }

  // Serves a call that changes something, once per request id.
  template <typename Engine, typename Request, typename Response>
  grpc::ServerUnaryReactor* Mutate(
      grpc::CallbackServerContext* context, const Request* request,
      Response* response, const Engine& engine,
      absl::Status (Engine::*method)(Plan&, const Request&, Response&) const) {
    return Serve(context,
                 [this, request, response, &engine, method](Done done) mutable {
                   runner_.Run(
                       *request, request->request_id(), *response,
                       [request, response, &engine, method](Plan& plan) {
                         return (engine.*method)(plan, *request, *response);
                       },
                       std::move(done));
                 });
  }

  // For calls that have no request id.
  MutationRunner& runner() { return runner_; }

 private:
  Executor& executor_;
  storage::Store& store_;
  const Clock& clock_;
  MutationRunner runner_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CHOKEPOINT_H_
