#ifndef COFACTOR_SERVICES_SERVER_H_
#define COFACTOR_SERVICES_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/periodic_task.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "factors/factor_registry.h"
#include "factors/sms/phone_number.h"
#include "grpcpp/server.h"
#include "services/api.h"
#include "services/audit_tail.h"
#include "services/call_telemetry.h"
#include "services/challenge_hub.h"
#include "services/challenge_watch.h"
#include "services/chokepoint.h"
#include "services/delivery_recorder.h"
#include "services/device_channels.h"
#include "services/engine/audit_log.h"
#include "services/engine/client_directory.h"
#include "services/engines.h"
#include "services/gate.h"
#include "services/messenger/make_messenger.h"
#include "services/receipts/receipt_key_keeper.h"
#include "services/receipts/receipt_options.h"
#include "services/slow_calls.h"
#include "services/store_keeper.h"
#include "services/telemetry/log.h"
#include "services/telemetry/metrics.h"
#include "services/transport/listener.h"
#include "services/transport/tls.h"
#include "services/wake_up/make_waker.h"
#include "services/wake_up/message_router.h"
#include "storage/store.h"

namespace cofactor::services {

struct ServerOptions {
  struct Port {
    ListenerOptions listener;
    // Not set: plaintext, on loopback alone.
    std::optional<TlsOptions> tls;
  };
  // At least one.
  std::vector<Port> ports;
  // Threads that plan calls, and calls that may wait for one.
  size_t threads = 4;
  size_t max_waiting_calls = 4096;
  // The same for slow calls, as those with a password. Each thread takes the
  // memory of one hash; calls that wait take their turn 30 ms after each other.
  size_t slow_threads = 1;
  size_t max_waiting_slow_calls = 16;
  // Streams that may be open at once.
  size_t max_challenge_watches = 10'000;
  size_t max_device_channels = 20'000;
  // How long an event of the audit log is kept.
  absl::Duration audit_retention = absl::Hours(24 * 400);
  // What messages may cost. By default none leaves.
  SendPolicy send_policy;
  // How receipts are signed.
  ReceiptOptions receipts;
  bool log_all_calls = false;
  // Serves DevService too. Never with real accounts.
  bool dev = false;
};

// What a server is made of. What is borrowed must outlive it.
struct ServerParts {
  std::unique_ptr<storage::Store> store;
  // Keeps the store; null if there is nothing to keep.
  std::unique_ptr<StoreKeeper> keeper;
  factors::FactorRegistry registry;
  // The clock that the store was opened with; MoveClock moves it.
  OffsetClock& clock;
  Randomness& randomness;
  // Made for Server::Methods.
  Metrics& metrics;
  Log& log;
  // Makes what takes messages to people, which tells by the functions what
  // becomes of them. Null: the server sends none.
  std::function<absl::StatusOr<MessengerParts>(Messenger::Report,
                                               ReportServer::Take)>
      make_messenger = nullptr;
  // Makes what wakes devices up, likewise. Null: the server wakes none.
  std::function<absl::StatusOr<WakerParts>(Waker::Report)> make_waker = nullptr;
};

// A running server. Thread-compatible.
class Server {
 public:
  // All methods that a server may serve, as Metrics takes them.
  static std::vector<MethodName> Methods();

  //   INVALID_ARGUMENT     an address is malformed.
  //   PERMISSION_DENIED    an address of a plaintext port is not on loopback.
  //   FAILED_PRECONDITION  the store was used with a moved clock, and dev is
  //                        off; or certificates are not fit for use.
  //   UNAVAILABLE          an address cannot be listened on.
  //   others               as make_messenger and make_waker.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options, ServerParts parts);

  // As Shutdown with a grace of 5 s.
  ~Server();

  // "HOST:PORT" of each port, with the number that was taken.
  std::vector<std::string> addresses() const;

  // The public keys of receipts: a JWK Set (RFC 7517, section 5), as JSON.
  absl::StatusOr<std::string> ReceiptJwks() const;

  // "HOST:PORT" where gateways report, or empty.
  std::string report_address() const;

  // OK, or why the server can no longer do its work and has to be restarted.
  absl::Status Health() const { return store_->Health(); }

  // Reports NOT_SERVING, takes no new calls, and waits for those in flight;
  // what is not done after the grace is cancelled. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  Server(const ServerOptions& options, ServerParts parts,
         std::unique_ptr<ClientDirectory> directory,
         std::unique_ptr<const Gate> gate, Secret decoy_secret,
         std::unique_ptr<DeliveryRecorder> recorder, MessengerParts messenger,
         WakerParts waker);

  absl::Status Listen(const ServerOptions& options);
  void ObserveBy(Metrics& metrics);
  void Sweep();

  // In the order of construction: each needs only what stands above it.
  OffsetClock& clock_;
  Metrics& metrics_;
  Log& log_;
  const std::unique_ptr<storage::Store> store_;
  const std::unique_ptr<StoreKeeper> keeper_;
  const factors::FactorRegistry registry_;
  const std::unique_ptr<ClientDirectory> directory_;
  const std::unique_ptr<const Gate> gate_;
  const AuditLog audit_log_;
  // The messenger and the waker tell the recorder.
  const std::unique_ptr<DeliveryRecorder> recorder_;
  MessengerParts messenger_;
  WakerParts waker_;
  MessageRouter router_;
  CallTelemetry telemetry_;
  Engines engines_;
  ThreadPool pool_;
  ChallengeHub hub_;
  ThreadPool slow_pool_;
  const SlowCalls slow_calls_;
  Chokepoint chokepoint_;
  AuditTail audit_tail_;
  ChallengeWatch watch_;
  DeviceChannels channels_;
  ReceiptKeyKeeper receipt_key_keeper_;
  Api api_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<grpc::Server> grpc_server_;
  // Of the sweeper alone.
  absl::Time last_sweep_ = absl::InfinitePast();
  uint64_t refused_connections_ = 0;
  std::unique_ptr<PeriodicTask> sweeper_;
  std::unique_ptr<PeriodicTask> tail_waker_;
  std::unique_ptr<PeriodicTask> ticker_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_SERVER_H_
