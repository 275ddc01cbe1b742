#ifndef COFACTOR_SERVICES_ENGINE_MUTATION_RUNNER_H_
#define COFACTOR_SERVICES_ENGINE_MUTATION_RUNNER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/executor.h"
#include "google/protobuf/message.h"
#include "services/engine/audit_log.h"
#include "services/engine/caller.h"
#include "services/engine/challenge_listener.h"
#include "services/engine/decision_observer.h"
#include "services/engine/message_sender.h"
#include "services/engine/plan.h"
#include "storage/store.h"

namespace cofactor::services {

// How long the result of a call is kept for a retry with its request id.
inline constexpr absl::Duration kIdempotencyRetention = absl::Hours(24);

// Runs mutating calls: plans them at a snapshot, commits the plan on condition
// that nothing it read has changed, and plans again if something has. The
// result is stored in the same transaction under the request id, and an event
// of the audit log is written with it, so that no call can forget either.
//
// A refusal that rests on a state, as a lock (RESOURCE_EXHAUSTED or
// FAILED_PRECONDITION), is a decision too: its event is on disk before it is
// told. It changes nothing else but what a plan that says KeepIfRefused wrote;
// its result is not stored, so that a retry is a guess of its own.
//
// Thread-safe. No thread waits for the disk.
class MutationRunner {
 public:
  // Decides a call at a snapshot: fills the response and writes the plan, or
  // returns an error, which commits nothing. May run several times, each time
  // with an empty response, never twice at once.
  using Planner = std::function<absl::Status(Plan&)>;
  using Done = absl::AnyInvocable<void(absl::Status) &&>;

  // None is owned; all must outlive every call. observer: may be null. sender:
  // gets the messages of plans that were committed; null if none leave.
  // listener: may be null.
  MutationRunner(storage::Store& store, Executor& executor, const Clock& clock,
                 const AuditLog& audit_log, DecisionObserver* observer,
                 MessageSender* sender, ChallengeListener* listener = nullptr)
      : store_(store),
        executor_(executor),
        clock_(clock),
        audit_log_(audit_log),
        observer_(observer),
        sender_(sender),
        listener_(listener) {}

  // Plans on the present thread, and calls done once the plan is durable, or
  // with an error:
  //   INVALID_ARGUMENT  the request id is malformed or belongs to another body.
  //   UNAVAILABLE       nothing was done; a retry may succeed.
  //   UNKNOWN           it may have been done; a retry with the same request id
  //                     tells.
  //   others            what the planner returned.
  // request and response are borrowed until done is called. request_id: empty,
  // or a field of the request.
  void Run(Caller caller, const google::protobuf::Message& request,
           absl::string_view request_id, google::protobuf::Message& response,
           Planner planner, Done done);

 private:
  struct Call;

  void Try(std::unique_ptr<Call> call);
  absl::Status PlanOnce(Call& call, Plan& plan);
  static record::v1::AuditRecord EventOf(const Call& call, Plan& plan);
  void Committed(std::unique_ptr<Call> call, absl::Status status);

  storage::Store& store_;
  Executor& executor_;
  const Clock& clock_;
  const AuditLog& audit_log_;
  DecisionObserver* const observer_;
  MessageSender* const sender_;
  ChallengeListener* const listener_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_MUTATION_RUNNER_H_
