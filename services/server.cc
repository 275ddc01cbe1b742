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

namespace cofactor::services {
namespace {

// The largest request, with details of a challenge, is some 10 kB.
constexpr int kMaxRequestBytes = 64 * 1024;
constexpr int kMaxMetadataBytes = 16 * 1024;

constexpr absl::Duration kDefaultGrace = absl::Seconds(5);
constexpr absl::Duration kSweepInterval = absl::Seconds(2);
constexpr size_t kMaxRemovedPerSweep = 20'000;

// 16 bytes each: 2,000 members' codes of three time steps in 350 accounts.
constexpr size_t kMaxIndexedCodes = 2'000'000;

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

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerOptions& options, std::unique_ptr<storage::Store> store,
    factors::FactorRegistry registry, OffsetClock& clock,
    Randomness& randomness) {
  std::unique_ptr<Server> server(new Server(
      options, std::move(store), std::move(registry), clock, randomness));
  ASSIGN_OR_RETURN(const absl::Duration offset,
                   StoredClockOffset(*server->store_));
  if (offset != absl::ZeroDuration() && !options.dev) {
    return absl::FailedPreconditionError(
        "the clock of this store was moved with --dev: start it with --dev, or "
        "use another data folder");
  }
  server->clock_.SetOffset(offset);
  RETURN_IF_ERROR(server->Listen(options));
  return server;
}

Server::Server(const ServerOptions& options,
               std::unique_ptr<storage::Store> store,
               factors::FactorRegistry registry, OffsetClock& clock,
               Randomness& randomness)
    : clock_(clock),
      store_(std::move(store)),
      registry_(std::move(registry)),
      code_index_(kMaxIndexedCodes, randomness),
      enrollments_(registry_, randomness),
      challenges_(registry_, randomness),
      verifications_(registry_, code_index_),
      pool_(options.threads, options.max_waiting_calls),
      chokepoint_(pool_, *store_, clock_),
      account_service_(chokepoint_, accounts_),
      auth_service_(chokepoint_, enrollments_, challenges_, verifications_),
      dev_service_(chokepoint_, clock_) {}

absl::Status Server::Listen(const ServerOptions& options) {
  ASSIGN_OR_RETURN(const std::string host, HostOf(options.listen_address));
  if (!IsLoopback(host)) {
    return absl::PermissionDeniedError(absl::StrCat(
        "listen address '", options.listen_address,
        "' is not on loopback: this server does not authenticate its callers "
        "yet, so it listens on 127.0.0.1, [::1] or localhost alone"));
  }
  // Bad UTF-8 in a request is an error of the caller, not a line in our log.
  google::protobuf::SetLogHandler(nullptr);
  // Linked, so that reflection can describe the health service.
  grpc::health::v1::HealthCheckRequest::descriptor();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen_address,
                           grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.RegisterService(&account_service_);
  builder.RegisterService(&auth_service_);
  if (options.dev) builder.RegisterService(&dev_service_);
  grpc_server_ = builder.BuildAndStart();
  if (grpc_server_ == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options.listen_address,
                     ": is another server there? Stop it, or choose another "
                     "port by --listen"));
  }
  address_ = absl::StrCat(host, ":", port);
  sweeper_ =
      std::make_unique<PeriodicTask>(kSweepInterval, [this] { Sweep(); });
  return absl::OkStatus();
}

void Server::Sweep() {
  code_index_.DropStale(clock_.Now());
  // A store that has failed says so by Health.
  if (!store_->RemoveExpired(kMaxRemovedPerSweep).ok() ||
      !store_->Health().ok()) {
    grpc_server_->GetHealthCheckService()->SetServingStatus(false);
  }
}

void Server::Shutdown(absl::Duration grace) {
  if (grpc_server_ == nullptr) return;
  sweeper_.reset();
  grpc_server_->GetHealthCheckService()->SetServingStatus(false);
  // gRPC measures deadlines by the machine's clock.
  grpc_server_->Shutdown(absl::ToChronoTime(SystemClock().Now() + grace));
  grpc_server_->Wait();
  grpc_server_.reset();
}

Server::~Server() { Shutdown(kDefaultGrace); }

}  // namespace cofactor::services
