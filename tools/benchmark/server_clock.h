#ifndef COFACTOR_TOOLS_BENCHMARK_SERVER_CLOCK_H_
#define COFACTOR_TOOLS_BENCHMARK_SERVER_CLOCK_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "cofactor/dev/v1/dev_service.grpc.pb.h"
#include "tests/doubles/server_process.h"

namespace cofactor::benchmark {

// The clock of a server with --dev. Each move brings every authenticator a
// fresh code. Thread-safe.
class ServerClock {
 public:
  // Asks the server how far it is ahead. Errors: of the call.
  static absl::StatusOr<std::unique_ptr<ServerClock>> Connect(
      const ServerProcess& server);

  // Waits for the moves on their way.
  ~ServerClock();

  // The time step that it is at the server, or was a moment ago while a move is
  // on its way.
  int64_t Step() const;

  // Moves by whole time steps and waits for it. Errors: of the call.
  absl::Status Move(int64_t steps);

  // The same without waiting.
  void StartMove(int64_t steps);

  // The first failure of a started move.
  absl::Status StartedMoves() const;

 private:
  struct PendingMove;

  explicit ServerClock(const ServerProcess& server);
  void Moved(const PendingMove& move, const grpc::Status& status);

  const SystemClock system_clock_;
  OffsetClock clock_{system_clock_};
  const std::unique_ptr<dev::v1::DevService::Stub> server_;
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  int pending_ = 0;
  absl::Status started_moves_;
};

}  // namespace cofactor::benchmark

#endif  // COFACTOR_TOOLS_BENCHMARK_SERVER_CLOCK_H_
