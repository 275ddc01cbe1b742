#ifndef COFACTOR_SERVICES_CHOKEPOINT_H_
#define COFACTOR_SERVICES_CHOKEPOINT_H_

#include <functional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/clock.h"
#include "base/executor.h"
#include "google/protobuf/message.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "services/call_telemetry.h"
#include "services/engine/audit_log.h"
#include "services/engine/caller.h"
#include "services/engine/challenge_listener.h"
#include "services/engine/mutation_runner.h"
#include "services/engine/plan.h"
#include "services/gate.h"
#include "services/slow_calls.h"
#include "storage/store.h"

namespace cofactor::services {

// The one way into the server: every unary RPC passes through Serve, and
// nothing else finishes one. A call is let in by the gate before anything is
// done for it. Thread-safe.
class Chokepoint {
 public:
  using Done = absl::AnyInvocable<void(absl::Status) &&>;
  using Work = absl::AnyInvocable<void(Caller, Done) &&>;

  // None is owned; all must outlive every call. sender, listener: as
  // MutationRunner. slow: takes what it takes off the executor; null if nothing
  // is slow.
  Chokepoint(const Gate& gate, CallTelemetry& telemetry, Executor& executor,
             storage::Store& store, const Clock& clock,
             const AuditLog& audit_log, MessageSender* sender,
             ChallengeListener* listener, const SlowCalls* slow = nullptr)
      : gate_(gate),
        telemetry_(telemetry),
        executor_(executor),
        store_(store),
        clock_(clock),
        slow_(slow),
        runner_(store, executor, clock, audit_log, &telemetry, sender,
                listener),
        slow_runner_(store, slow == nullptr ? executor : slow->executor(),
                     clock, audit_log, &telemetry, sender, listener) {}

  // Lets a call in, or says why not. For calls that Serve does not serve.
  absl::StatusOr<Caller> Admit(const grpc::ServerContextBase& context,
                               const google::protobuf::Message& request);

  // Asks the gate, takes a call off the gRPC thread and runs its work, unless
  // its caller has given up by then. RESOURCE_EXHAUSTED at once if too much
  // waits already. The work calls done exactly once, from any thread.
  grpc::ServerUnaryReactor* Serve(grpc::CallbackServerContext* context,
                                  const google::protobuf::Message& request,
                                  Work work) {
    return ServeOn(executor_, context, request, std::move(work));
  }

  // Serves a call that changes nothing: engine.*method decides it at a
  // snapshot.
  template <typename Engine, typename Request, typename Response>
  grpc::ServerUnaryReactor* Read(
      grpc::CallbackServerContext* context, const Request* request,
      Response* response, const Engine& engine,
      absl::Status (Engine::*method)(Plan&, const Request&, Response&) const) {
    return Serve(context, *request,
                 [this, request, response, &engine, method](Caller caller,
                                                            Done done) mutable {
                   const auto snapshot = store_.GetSnapshot();
                   Plan plan(*snapshot, clock_.Now(), caller);
                   std::move(done)((engine.*method)(plan, *request, *response));
                 });
  }

  // Serves a call that changes something, once per request id.
  template <typename Engine, typename Request, typename Response>
  grpc::ServerUnaryReactor* Mutate(
      grpc::CallbackServerContext* context, const Request* request,
      Response* response, const Engine& engine,
      absl::Status (Engine::*method)(Plan&, const Request&, Response&) const) {
    return MutateThen(context, request, response, engine, method, nullptr);
  }

  // As Mutate; then is run after the commit and before the answer, on a thread
  // of the executor. Its error is the answer.
  using Then = std::function<absl::Status()>;
  template <typename Engine, typename Request, typename Response>
  grpc::ServerUnaryReactor* MutateThen(
      grpc::CallbackServerContext* context, const Request* request,
      Response* response, const Engine& engine,
      absl::Status (Engine::*method)(Plan&, const Request&, Response&) const,
      Then then) {
    // A plan that has to be made again is made in the same pool.
    const bool slow = slow_ != nullptr && slow_->Takes(*request);
    MutationRunner& runner = slow ? slow_runner_ : runner_;
    return ServeOn(slow ? slow_->executor() : executor_, context, *request,
                   [this, request, response, &engine, method, &runner,
                    then = std::move(then)](Caller caller, Done done) mutable {
                     if (then != nullptr) {
                       done = After(std::move(then), std::move(done));
                     }
                     runner.Run(
                         std::move(caller), *request, request->request_id(),
                         *response,
                         [request, response, &engine, method](Plan& plan) {
                           return (engine.*method)(plan, *request, *response);
                         },
                         std::move(done));
                   });
  }

  // For calls that have no request id.
  MutationRunner& runner() { return runner_; }

 private:
  struct Call;

  grpc::ServerUnaryReactor* ServeOn(Executor& executor,
                                    grpc::CallbackServerContext* context,
                                    const google::protobuf::Message& request,
                                    Work work);

  // Runs then on the executor if the status is OK.
  Done After(Then then, Done done);

  const Gate& gate_;
  CallTelemetry& telemetry_;
  Executor& executor_;
  storage::Store& store_;
  const Clock& clock_;
  const SlowCalls* const slow_;
  MutationRunner runner_;
  MutationRunner slow_runner_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CHOKEPOINT_H_
