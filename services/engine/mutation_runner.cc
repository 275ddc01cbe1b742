#include "services/engine/mutation_runner.h"

#include <utility>

#include "absl/strings/strip.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/v1/audit.pb.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/request_password.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::Message;

// Each round of conflicts lets at least one transaction through, and wrong
// answers stop writing once they lock, so that this is reached only by a
// pile-up that had better come again later.
constexpr int kMaxTries = 64;

bool IsRefusal(const absl::Status& status) {
  return absl::IsResourceExhausted(status) ||
         absl::IsFailedPrecondition(status);
}

}  // namespace

struct MutationRunner::Call {
  const Caller caller;
  const Message& request;
  const std::string request_id;
  // Empty unless there is a request id.
  const std::string request_digest;
  Message& response;
  const Planner planner;
  Done done;
  int tries = 0;
  // What the last try decided: OK, or a refusal that is told of.
  absl::Status decision;
  // What is sent once it is on disk.
  std::vector<PlannedMessage> messages;
  // What listeners are told then.
  std::vector<ChallengeChange> changes;
  // What the audit log tells of it.
  record::v1::AuditRecord event;
};

void MutationRunner::Run(Caller caller, const Message& request,
                         absl::string_view request_id, Message& response,
                         Planner planner, Done done) {
  if (absl::Status status = CheckRequestId(request_id); !status.ok()) {
    return std::move(done)(std::move(status));
  }
  std::string digest;
  if (!request_id.empty()) {
    absl::StatusOr<std::string> made =
        DigestOf(request, caller.client_id(), request_id);
    if (!made.ok()) return std::move(done)(made.status());
    digest = *std::move(made);
  }
  Try(std::unique_ptr<Call>(new Call{
      std::move(caller), request, std::string(request_id), std::move(digest),
      response, std::move(planner), std::move(done)}));
}

void MutationRunner::Try(std::unique_ptr<Call> call) {
  ++call->tries;
  call->messages.clear();
  call->changes.clear();
  storage::Transaction transaction;
  {
    const std::unique_ptr<const storage::Snapshot> snapshot =
        store_.GetSnapshot();
    Plan plan(*snapshot, clock_.Now(), call->caller);
    call->response.Clear();
    call->decision = PlanOnce(*call, plan);
    if (!call->decision.ok()) call->response.Clear();
    const bool tells_nothing =
        call->decision.ok()
            ? plan.writes_nothing() && plan.audit().result() == 0
            : !IsRefusal(call->decision);
    if (tells_nothing) return std::move(call->done)(call->decision);
    // A refusal changes nothing but the log, unless it counted a guess.
    if (plan.keeps_if_refused()) transaction = plan.TakeTransaction();
    if (call->decision.ok()) {
      transaction = plan.TakeTransaction();
      call->messages = plan.TakeMessages();
      call->changes = plan.TakeChanges();
    }
    call->event = EventOf(*call, plan);
    audit_log_.Append(call->event, plan.now(), transaction);
  }
  store_.Commit(std::move(transaction),
                [this, call = std::move(call)](absl::Status status) mutable {
                  Committed(std::move(call), std::move(status));
                });
}

record::v1::AuditRecord MutationRunner::EventOf(const Call& call, Plan& plan) {
  record::v1::AuditRecord event = std::move(plan.audit());
  absl::string_view action = call.request.GetDescriptor()->name();
  absl::ConsumeSuffix(&action, "Request");
  event.set_action(std::string(action));
  if (!call.decision.ok()) {
    event.set_result(v1::AUDIT_RESULT_REFUSED);
    event.set_reason(ErrorReason(call.decision));
  } else if (event.result() == 0) {
    event.set_result(v1::AUDIT_RESULT_DONE);
  }
  event.set_client_id(call.caller.client_id());
  event.set_peer(call.caller.peer);
  event.set_trace_id(call.caller.trace_id);
  event.set_request_id(call.request_id);
  return event;
}

absl::Status MutationRunner::PlanOnce(Call& call, Plan& plan) {
  if (call.request_id.empty()) return call.planner(plan);

  const std::string key =
      IdempotencyKey(call.caller.client_id(), call.request_id);
  ASSIGN_OR_RETURN(const auto stored,
                   plan.Read<record::v1::IdempotencyRecord>(key));
  const std::string& type = call.request.GetDescriptor()->full_name();
  if (stored.exists()) {
    if (stored.record.request_type() != type ||
        stored.record.request_digest() != call.request_digest) {
      return MakeError(absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED",
                       "request_id: was used by another call within 24 hours; "
                       "draw a new one for each call");
    }
    if (!call.response.ParseFromString(stored.record.response())) {
      return absl::DataLossError("a stored response is damaged");
    }
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(call.planner(plan));
  // Nothing was changed, so a retry may find out anew; and those who call
  // without credentials cannot fill the store.
  if (plan.writes_nothing()) return absl::OkStatus();
  record::v1::IdempotencyRecord record;
  record.set_request_type(type);
  record.set_request_digest(call.request_digest);
  call.response.SerializeToString(record.mutable_response());
  plan.Write(key, record, plan.now() + kIdempotencyRetention);
  Wipe(*record.mutable_response());  // It may hold an activation.
  return absl::OkStatus();
}

void MutationRunner::Committed(std::unique_ptr<Call> call,
                               absl::Status status) {
  if (status.ok()) {
    if (observer_ != nullptr) observer_->Decided(call->event);
    if (listener_ != nullptr && !call->changes.empty()) {
      listener_->ChallengesChanged(call->changes);
    }
    if (sender_ != nullptr && !call->messages.empty()) {
      sender_->Send(std::move(call->messages));
    }
    return std::move(call->done)(call->decision);
  }
  if (absl::IsAborted(status) && call->tries < kMaxTries) {
    executor_.Continue(
        [this, call = std::move(call)]() mutable { Try(std::move(call)); });
    return;
  }
  call->response.Clear();
  if (absl::IsAborted(status)) {
    status = MakeError(absl::StatusCode::kUnavailable, "CONTENTION",
                       "too many calls change the same records; nothing was "
                       "done, try again");
  } else if (absl::IsUnavailable(status)) {
    status = MakeError(absl::StatusCode::kUnavailable, "STORE_UNAVAILABLE",
                       "the store takes no changes; nothing was done");
  } else if (absl::IsUnknown(status)) {
    status = MakeError(absl::StatusCode::kUnknown, "OUTCOME_UNKNOWN",
                       "the store failed while it wrote; a retry with the same "
                       "request_id tells whether it was done");
  }
  std::move(call->done)(std::move(status));
}

}  // namespace cofactor::services
