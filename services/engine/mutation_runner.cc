#include "services/engine/mutation_runner.h"

#include <openssl/sha.h>

#include <utility>

#include "base/errors.h"
#include "base/status_macros.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::Message;

// Each round of conflicts lets at least one transaction through, and wrong
// answers stop writing once they lock, so that this is reached only by a
// pile-up that had better come again later.
constexpr int kMaxTries = 64;

std::string DigestOf(const Message& request) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    request.SerializeToCodedStream(&coded);
  }
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  Wipe(bytes);  // The request may hold a code.
  return digest;
}

}  // namespace

struct MutationRunner::Call {
  const Message& request;
  const std::string request_id;
  // Empty unless there is a request id.
  const std::string request_digest;
  Message& response;
  const Planner planner;
  Done done;
  int tries = 0;
};

void MutationRunner::Run(const Message& request, absl::string_view request_id,
                         Message& response, Planner planner, Done done) {
  if (absl::Status status = CheckRequestId(request_id); !status.ok()) {
    return std::move(done)(std::move(status));
  }
  Try(std::unique_ptr<Call>(
      new Call{request, std::string(request_id),
               request_id.empty() ? "" : DigestOf(request), response,
               std::move(planner), std::move(done)}));
}

void MutationRunner::Try(std::unique_ptr<Call> call) {
  ++call->tries;
  storage::Transaction transaction;
  {
    const std::unique_ptr<const storage::Snapshot> snapshot =
        store_.GetSnapshot();
    Plan plan(*snapshot, clock_.Now());
    call->response.Clear();
    if (absl::Status status = PlanOnce(*call, plan); !status.ok()) {
      call->response.Clear();
      return std::move(call->done)(std::move(status));
    }
    if (plan.writes_nothing()) return std::move(call->done)(absl::OkStatus());
    transaction = plan.TakeTransaction();
  }
  store_.Commit(std::move(transaction),
                [this, call = std::move(call)](absl::Status status) mutable {
                  Committed(std::move(call), std::move(status));
                });
}

absl::Status MutationRunner::PlanOnce(Call& call, Plan& plan) {
  if (call.request_id.empty()) return call.planner(plan);

  const std::string key = IdempotencyKey(call.request_id);
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
  if (status.ok()) return std::move(call->done)(std::move(status));
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
