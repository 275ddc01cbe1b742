#include "services/server.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "services/receipts/receipt_keys.h"
#include "services/transport/limits.h"

namespace cofactor::services {
namespace {

constexpr absl::Duration kDefaultGrace = absl::Seconds(5);
constexpr absl::Duration kSweepInterval = absl::Seconds(2);
constexpr size_t kMaxRemovedPerSweep = 20'000;

// How late an audit event may come to a stream, and how many streams there are.
constexpr absl::Duration kTailInterval = absl::Milliseconds(100);
constexpr size_t kMaxTails = 64;

// How late streams may notice that a time has come.
constexpr absl::Duration kTickInterval = absl::Seconds(1);
// Slow calls take what processor time the others leave.
constexpr int kSlowNiceness = 10;

// Splits HOST:PORT, where an IPv6 host stands in brackets.
absl::StatusOr<std::string> HostOf(absl::string_view address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "listen address '", address, "': want HOST:PORT, as 127.0.0.1:50051"));
  }
  return std::string(address.substr(0, colon));
}

// Names are not resolved but for the one that is loopback by definition (RFC
// 6761, section 6.3): another name may lead anywhere tomorrow.
bool IsLoopback(absl::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  int octets = 0;
  for (absl::string_view rest = host; !rest.empty(); ++octets) {
    const size_t dot = rest.find('.');
    int value = 0;
    const absl::string_view octet = rest.substr(0, dot);
    if (!absl::SimpleAtoi(octet, &value) || value < 0 || value > 255 ||
        (octets == 0 && octet != "127")) {
      return false;
    }
    if (dot == absl::string_view::npos) return octets == 3;
    rest.remove_prefix(dot + 1);
  }
  return false;
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> CredentialsOf(
    const ServerOptions::Port& port) {
  if (port.tls.has_value()) return MakeTlsCredentials(*port.tls);
  ASSIGN_OR_RETURN(const std::string host, HostOf(port.listener.address));
  if (!IsLoopback(host)) {
    return absl::PermissionDeniedError(absl::StrCat(
        "listener address '", port.listener.address,
        "' is not on loopback: give the listener tls {}, or the address "
        "127.0.0.1, [::1] or localhost"));
  }
  return grpc::InsecureServerCredentials();
}

}  // namespace

std::vector<MethodName> Server::Methods() {
  std::vector<MethodName> methods;
  for (const auto* method : MethodsOf(Api::GuardedServices())) {
    methods.push_back({method->service()->full_name(), method->name()});
  }
  return methods;
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerOptions& options, ServerParts parts) {
  auto directory = std::make_unique<ClientDirectory>();
  RETURN_IF_ERROR(directory->Load(*parts.store));
  ASSIGN_OR_RETURN(
      auto gate, Gate::Create(Api::GuardedServices(), *directory, parts.clock));
  ASSIGN_OR_RETURN(const absl::Duration offset,
                   StoredClockOffset(*parts.store));
  if (offset != absl::ZeroDuration() && !options.dev) {
    return absl::FailedPreconditionError(
        "the clock of this store was moved in MODE_DEV: start it in that mode, "
        "or use another store");
  }
  parts.clock.SetOffset(offset);
  RETURN_IF_ERROR(CreateReceiptKeys(*parts.store, options.receipts.algorithm,
                                    parts.clock.Now()));
  ASSIGN_OR_RETURN(Secret decoy_secret,
                   LoadDecoySecret(*parts.store, parts.randomness));
  auto recorder = std::make_unique<DeliveryRecorder>(parts.log);
  MessengerParts messenger;
  if (parts.make_messenger != nullptr) {
    ASSIGN_OR_RETURN(
        messenger,
        parts.make_messenger(
            [to = recorder.get()](record::v1::DeliveryReport report) {
              to->Record(std::move(report));
            },
            [to = recorder.get()](record::v1::DeliveryReport report) {
              return to->TryRecord(std::move(report));
            }));
  }
  WakerParts waker;
  if (parts.make_waker != nullptr) {
    ASSIGN_OR_RETURN(
        waker, parts.make_waker(
                   [to = recorder.get()](record::v1::DeliveryReport report) {
                     to->Record(std::move(report));
                   }));
  }
  std::unique_ptr<Server> server(
      new Server(options, std::move(parts), std::move(directory),
                 std::move(gate), std::move(decoy_secret), std::move(recorder),
                 std::move(messenger), std::move(waker)));
  RETURN_IF_ERROR(server->Listen(options));
  return server;
}

Server::Server(const ServerOptions& options, ServerParts parts,
               std::unique_ptr<ClientDirectory> directory,
               std::unique_ptr<const Gate> gate, Secret decoy_secret,
               std::unique_ptr<DeliveryRecorder> recorder,
               MessengerParts messenger, WakerParts waker)
    : clock_(parts.clock),
      metrics_(parts.metrics),
      log_(parts.log),
      store_(std::move(parts.store)),
      keeper_(std::move(parts.keeper)),
      registry_(std::move(parts.registry)),
      directory_(std::move(directory)),
      gate_(std::move(gate)),
      audit_log_(parts.randomness, options.audit_retention),
      recorder_(std::move(recorder)),
      messenger_(std::move(messenger)),
      waker_(std::move(waker)),
      router_(messenger_.messenger.get(), waker_.waker.get()),
      telemetry_(metrics_, log_, options.log_all_calls),
      engines_({options.send_policy, messenger_.messenger != nullptr,
                waker_.web_push_public_key, options.receipts},
               registry_, std::move(decoy_secret), parts.randomness),
      pool_(options.threads, options.max_waiting_calls),
      slow_pool_(options.slow_threads, options.max_waiting_slow_calls,
                 kSlowNiceness),
      slow_calls_(registry_, slow_pool_),
      chokepoint_(*gate_, telemetry_, pool_, *store_, clock_, audit_log_,
                  &router_, &hub_, &slow_calls_),
      audit_tail_(pool_, *store_, kMaxTails),
      watch_(pool_, *store_, clock_, engines_.challenges, hub_,
             options.max_challenge_watches),
      channels_({pool_, *store_, clock_, parts.randomness, chokepoint_.runner(),
                 engines_.devices, hub_},
                options.max_device_channels),
      receipt_key_keeper_(chokepoint_.runner(), engines_.receipt_keys,
                          options.receipts.rotate_every),
      api_(engines_,
           {chokepoint_, *directory_, *store_, keeper_.get(), audit_tail_,
            watch_, channels_, clock_, messenger_.outbox}) {}

absl::Status Server::Listen(const ServerOptions& options) {
  // Bad UTF-8 in a request is an error of the caller, not a line in our log.
  google::protobuf::SetLogHandler(nullptr);
  // Linked, so that reflection can describe the health service.
  grpc::health::v1::HealthCheckRequest::descriptor();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  grpc::ServerBuilder builder;
  ApplyTransportLimits(builder);
  for (const ServerOptions::Port& port : options.ports) {
    ASSIGN_OR_RETURN(auto credentials, CredentialsOf(port));
    ASSIGN_OR_RETURN(auto listener, Listener::Bind(port.listener));
    listener->AddTo(builder, std::move(credentials));
    listeners_.push_back(std::move(listener));
  }
  api_.RegisterOn(builder, options.dev);
  grpc_server_ = builder.BuildAndStart();
  if (grpc_server_ == nullptr) {
    return absl::UnavailableError("the gRPC server cannot start");
  }
  recorder_->Open(chokepoint_.runner(), pool_);
  ObserveBy(metrics_);
  for (const auto& listener : listeners_) listener->Start();
  sweeper_ =
      std::make_unique<PeriodicTask>(kSweepInterval, [this] { Sweep(); });
  tail_waker_ = std::make_unique<PeriodicTask>(kTailInterval,
                                               [this] { audit_tail_.Wake(); });
  ticker_ = std::make_unique<PeriodicTask>(kTickInterval,
                                           [this] { hub_.Tick(clock_.Now()); });
  return absl::OkStatus();
}

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> addresses;
  for (const auto& listener : listeners_) {
    addresses.push_back(listener->address());
  }
  return addresses;
}

std::string Server::report_address() const {
  return messenger_.report_server == nullptr
             ? ""
             : messenger_.report_server->address();
}

absl::StatusOr<std::string> Server::ReceiptJwks() const {
  const auto snapshot = store_->GetSnapshot();
  const Caller caller = Caller::Server();
  Plan plan(*snapshot, clock_.Now(), caller);
  v1::GetReceiptKeysResponse response;
  RETURN_IF_ERROR(engines_.receipt_keys.GetReceiptKeys(plan, {}, response));
  return std::move(*response.mutable_jwks());
}

void Server::ObserveBy(Metrics& metrics) {
  metrics.SetQueueDepthSource(
      [this] { return static_cast<double>(pool_.waiting()); });
  metrics.SetConnectionsOpenSource([this] {
    size_t open = 0;
    for (const auto& listener : listeners_) {
      open += listener->open_connections();
    }
    return static_cast<double>(open);
  });
  metrics.SetDeviceChannelsOpenSource(
      [this] { return static_cast<double>(channels_.open_channels()); });
  metrics.SetChallengeWatchersOpenSource(
      [this] { return static_cast<double>(watch_.open_streams()); });
  metrics.SetStoreHealthySource([this] { return store_->Health().ok(); });
  metrics.SetAuditSequenceSource([this] {
    return static_cast<double>(
        LastSequence(*store_->GetSnapshot()).value_or(0));
  });
  metrics.SetLogLinesLostSource(
      [this] { return static_cast<double>(log_.LinesLost()); });
  if (keeper_ != nullptr) {
    metrics.SetKeyRotationResealedSource([this] {
      return static_cast<double>(keeper_->rotation().records_resealed);
    });
  }
}

void Server::Sweep() {
  const absl::Time now = clock_.Now();
  if (now < last_sweep_) {
    metrics_.ClockSetBack();
    log_.Write(LogLevel::kWarning, "clock_set_back",
               {{"by_us", absl::ToInt64Microseconds(last_sweep_ - now)}});
  }
  last_sweep_ = now;
  engines_.code_index.DropStale(now);
  uint64_t refused = 0;
  for (const auto& listener : listeners_) {
    refused += listener->refused_connections();
  }
  for (; refused_connections_ < refused; ++refused_connections_) {
    metrics_.ConnectionRefused();
  }
  if (keeper_ != nullptr) keeper_->Tick();
  receipt_key_keeper_.Tick();
  // Replicas may change clients too. What was read before stays on an error.
  directory_->Load(*store_).IgnoreError();
  // A store that has failed says so by Health.
  if (!store_->RemoveExpired(kMaxRemovedPerSweep).ok() ||
      !store_->Health().ok()) {
    grpc_server_->GetHealthCheckService()->SetServingStatus(false);
  }
}

void Server::Shutdown(absl::Duration grace) {
  if (grpc_server_ == nullptr) return;
  sweeper_.reset();
  tail_waker_.reset();
  grpc_server_->GetHealthCheckService()->SetServingStatus(false);
  for (const auto& listener : listeners_) listener->Stop();
  audit_tail_.Shutdown();
  watch_.Shutdown();
  channels_.Shutdown();
  // gRPC measures deadlines by the machine's clock.
  grpc_server_->Shutdown(absl::ToChronoTime(SystemClock().Now() + grace));
  grpc_server_->Wait();
  // Until then it cuts streams whose callers do not read.
  ticker_.reset();
  grpc_server_.reset();
  // No call makes messages any more. What is said of those that were made is
  // written down before the rest ends.
  if (messenger_.messenger != nullptr) messenger_.messenger->Shutdown();
  if (waker_.waker != nullptr) waker_.waker->Shutdown();
  recorder_->Close();
  for (auto set :
       {&Metrics::SetQueueDepthSource, &Metrics::SetConnectionsOpenSource,
        &Metrics::SetDeviceChannelsOpenSource,
        &Metrics::SetChallengeWatchersOpenSource,
        &Metrics::SetAuditSequenceSource, &Metrics::SetLogLinesLostSource,
        &Metrics::SetKeyRotationResealedSource}) {
    (metrics_.*set)(nullptr);
  }
  metrics_.SetStoreHealthySource(nullptr);
}

Server::~Server() { Shutdown(kDefaultGrace); }

}  // namespace cofactor::services
