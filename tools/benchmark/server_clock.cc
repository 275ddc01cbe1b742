#include "tools/benchmark/server_clock.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "grpcpp/client_context.h"
#include "tests/doubles/authorized_channel.h"
#include "tools/benchmark/load_generator.h"
#include "tools/benchmark/seeder.h"

namespace cofactor::benchmark {
namespace {

absl::Status ToStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the clock was not moved: ", status.error_message()));
}

}  // namespace

struct ServerClock::PendingMove {
  grpc::ClientContext context;
  dev::v1::MoveClockRequest request;
  dev::v1::MoveClockResponse response;
};

ServerClock::ServerClock(const ServerProcess& server)
    : server_(dev::v1::DevService::NewStub(
          AuthorizedChannel(server.address(), server.admin_key()))) {}

absl::StatusOr<std::unique_ptr<ServerClock>> ServerClock::Connect(
    const ServerProcess& server) {
  std::unique_ptr<ServerClock> clock(new ServerClock(server));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  dev::v1::GetClockResponse answer;
  RETURN_IF_ERROR(ToStatus(clock->server_->GetClock(&context, {}, &answer)));
  clock->clock_.SetOffset(absl::Seconds(answer.offset().seconds()) +
                          absl::Nanoseconds(answer.offset().nanos()));
  return clock;
}

ServerClock::~ServerClock() {
  std::unique_lock<std::mutex> lock(mutex_);
  moved_.wait(lock, [this] { return pending_ == 0; });
}

int64_t ServerClock::Step() const {
  return absl::ToUnixSeconds(clock_.Now()) / kStepSeconds;
}

absl::Status ServerClock::Move(int64_t steps) {
  StartMove(steps);
  std::unique_lock<std::mutex> lock(mutex_);
  moved_.wait(lock, [this] { return pending_ == 0; });
  return started_moves_;
}

void ServerClock::StartMove(int64_t steps) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ++pending_;
  }
  auto move = std::make_shared<PendingMove>();
  move->request.mutable_forward()->set_seconds(steps * kStepSeconds);
  server_->async()->MoveClock(
      &move->context, &move->request, &move->response,
      [this, move](grpc::Status status) { Moved(*move, status); });
}

void ServerClock::Moved(const PendingMove& move, const grpc::Status& status) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (status.ok()) {
    clock_.SetOffset(clock_.offset() +
                     absl::Seconds(move.request.forward().seconds()));
  }
  started_moves_.Update(ToStatus(status));
  --pending_;
  moved_.notify_all();
}

absl::Status ServerClock::StartedMoves() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return started_moves_;
}

}  // namespace cofactor::benchmark
