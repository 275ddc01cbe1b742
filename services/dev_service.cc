#include "services/dev_service.h"

#include <algorithm>
#include <utility>

#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ClockRecord;

// Far enough for every lock and budget, and times stay in the range of proto
// timestamps.
constexpr absl::Duration kFarthestMove = absl::Hours(24 * 366 * 10);

absl::StatusOr<absl::Duration> ForwardMove(
    const dev::v1::MoveClockRequest& request) {
  ASSIGN_OR_RETURN(const absl::Duration forward,
                   ToDuration("forward", request.forward()));
  if (forward <= absl::ZeroDuration() || forward > kFarthestMove) {
    return InvalidField("forward",
                        "want more than nothing, and at most ten years");
  }
  return forward;
}

}  // namespace

grpc::ServerUnaryReactor* DevService::MoveClock(
    grpc::CallbackServerContext* context,
    const dev::v1::MoveClockRequest* request,
    dev::v1::MoveClockResponse* response) {
  return chokepoint_.Serve(
      context, *request,
      [this, request, response](Caller caller, Chokepoint::Done done) mutable {
        auto offset = std::make_shared<absl::Duration>();
        chokepoint_.runner().Run(
            std::move(caller), *request, "", *response,
            [request, offset](Plan& plan) -> absl::Status {
              ASSIGN_OR_RETURN(const absl::Duration forward,
                               ForwardMove(*request));
              ASSIGN_OR_RETURN(auto clock, plan.Read<ClockRecord>(kClockKey));
              *offset =
                  absl::Microseconds(clock.record.offset_micros()) + forward;
              if (*offset > kFarthestMove) {
                return InvalidField("forward", "ten years in all are the most");
              }
              clock.record.set_offset_micros(
                  absl::ToInt64Microseconds(*offset));
              plan.Write(kClockKey, clock.record);
              return absl::OkStatus();
            },
            [this, response, offset,
             done = std::move(done)](absl::Status status) mutable {
              if (status.ok()) {
                // Moves that commit together may report in any order.
                clock_.SetOffset(std::max(clock_.offset(), *offset));
                *response->mutable_time() = ToTimestamp(clock_.Now());
              }
              std::move(done)(std::move(status));
            });
      });
}

grpc::ServerUnaryReactor* DevService::GetClock(
    grpc::CallbackServerContext* context,
    const dev::v1::GetClockRequest* request,
    dev::v1::GetClockResponse* response) {
  return chokepoint_.Serve(
      context, *request,
      [this, response](Caller caller, Chokepoint::Done done) {
        *response->mutable_time() = ToTimestamp(clock_.Now());
        const int64_t micros = absl::ToInt64Microseconds(clock_.offset());
        response->mutable_offset()->set_seconds(micros / 1'000'000);
        response->mutable_offset()->set_nanos(
            static_cast<int32_t>(micros % 1'000'000 * 1'000));
        std::move(done)(absl::OkStatus());
      });
}

grpc::ServerUnaryReactor* DevService::ListOutbox(
    grpc::CallbackServerContext* context,
    const dev::v1::ListOutboxRequest* request,
    dev::v1::ListOutboxResponse* response) {
  return chokepoint_.Serve(
      context, *request,
      [this, request, response](Caller caller, Chokepoint::Done done) {
        if (outbox_ == nullptr) {
          return std::move(done)(
              MakeError(absl::StatusCode::kFailedPrecondition, "NO_OUTBOX",
                        "the configuration has no outbox gateway"));
        }
        for (const OutboxGateway::Entry& entry : outbox_->Entries()) {
          if (!request->phone_number().empty() &&
              entry.message.to != request->phone_number()) {
            continue;
          }
          dev::v1::OutboxMessage& message = *response->add_messages();
          message.set_to(entry.message.to);
          message.set_text(std::string(entry.message.text.ExposeSecret()));
          *message.mutable_send_time() = ToTimestamp(entry.send_time);
        }
        std::move(done)(absl::OkStatus());
      });
}

absl::StatusOr<absl::Duration> StoredClockOffset(storage::Store& store) {
  const auto snapshot = store.GetSnapshot();
  ASSIGN_OR_RETURN(storage::Record raw, snapshot->Get(kClockKey));
  ASSIGN_OR_RETURN(const auto clock, Decode<ClockRecord>(std::move(raw)));
  return absl::Microseconds(clock.record.offset_micros());
}

}  // namespace cofactor::services
