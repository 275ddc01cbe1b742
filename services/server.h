#ifndef COFACTOR_SERVICES_SERVER_H_
#define COFACTOR_SERVICES_SERVER_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/periodic_task.h"
#include "base/randomness.h"
#include "factors/factor_registry.h"
#include "grpcpp/server.h"
#include "services/account_service.h"
#include "services/auth_service.h"
#include "services/chokepoint.h"
#include "services/dev_service.h"
#include "services/engine/account_engine.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/code_index.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/verification_engine.h"
#include "storage/store.h"

namespace cofactor::services {

struct ServerOptions {
  // "HOST:PORT" on loopback. Port 0 takes a free one.
  std::string listen_address;
  // Threads that plan calls, and calls that may wait for one.
  size_t threads = 4;
  size_t max_waiting_calls = 4096;
  // Serves DevService too. Never with real accounts.
  bool dev = false;
};

// A running server. Thread-compatible.
class Server {
 public:
  // Serves a store. clock: the one that the store was opened with; MoveClock
  // moves it. clock and randomness: not owned; must outlive the server.
  //   INVALID_ARGUMENT     the address is malformed.
  //   PERMISSION_DENIED    the address is not on loopback: callers are not
  //                        authenticated, so nobody else may reach the server.
  //   FAILED_PRECONDITION  the store was used with a moved clock, and dev is
  //                        off.
  //   UNAVAILABLE          the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options, std::unique_ptr<storage::Store> store,
      factors::FactorRegistry registry, OffsetClock& clock,
      Randomness& randomness);

  // As Shutdown with a grace of 5 s.
  ~Server();

  // "HOST:PORT" with the port that was taken.
  const std::string& address() const { return address_; }

  // OK, or why the server can no longer do its work and has to be restarted.
  absl::Status Health() const { return store_->Health(); }

  // Reports NOT_SERVING, takes no new calls, and waits for those in flight;
  // what is not done after the grace is cancelled. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  Server(const ServerOptions& options, std::unique_ptr<storage::Store> store,
         factors::FactorRegistry registry, OffsetClock& clock,
         Randomness& randomness);

  absl::Status Listen(const ServerOptions& options);
  void Sweep();

  // In the order of construction: each needs only what stands above it.
  OffsetClock& clock_;
  const std::unique_ptr<storage::Store> store_;
  const factors::FactorRegistry registry_;
  CodeIndex code_index_;
  const AccountEngine accounts_{};
  const EnrollmentEngine enrollments_;
  const ChallengeEngine challenges_;
  const VerificationEngine verifications_;
  ThreadPool pool_;
  Chokepoint chokepoint_;
  AccountService account_service_;
  AuthService auth_service_;
  DevService dev_service_;
  std::string address_;
  std::unique_ptr<grpc::Server> grpc_server_;
  std::unique_ptr<PeriodicTask> sweeper_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_SERVER_H_
