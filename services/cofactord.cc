// The server binary: reads flags, composes the parts, waits for a signal.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "base/status_macros.h"
#include "cofactor/config/v1/server_config.pb.h"
#include "factors/factor_registry.h"
#include "factors/password/password_factor.h"
#include "factors/password/password_strength.h"
#include "factors/standard_factors.h"
#include "grpc/support/log.h"
#include "services/admin_key.h"
#include "services/config/read_config.h"
#include "services/dev_service.h"
#include "services/messenger/make_messenger.h"
#include "services/receipts/receipt_options.h"
#include "services/restore.h"
#include "services/send_policy.h"
#include "services/server.h"
#include "services/store_keeper.h"
#include "services/telemetry/log.h"
#include "services/telemetry/metrics.h"
#include "services/telemetry/monitoring_server.h"
#include "services/wake_up/make_waker.h"
#include "storage/check_store.h"
#include "storage/rocksdb/backup.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/sealing/open_sealed_store.h"

ABSL_FLAG(std::string, config, "",
          "configuration file, a cofactor.config.v1.ServerConfig in protobuf "
          "text format. Required");
ABSL_FLAG(bool, check_config, false,
          "check the configuration file, and serve nothing");
ABSL_FLAG(bool, check_store, false,
          "read and open every record of the store, say what is damaged, and "
          "serve nothing");
ABSL_FLAG(bool, new_admin_key, false,
          "give the client \"admin\" a new API key in place of all its others, "
          "write it to admin_key_file, and serve nothing");
ABSL_FLAG(std::string, restore_backup, "",
          "make the store anew from this folder, which CreateBackup made, and "
          "serve nothing. There must be no store yet");

namespace cofactor::services {
namespace {

// How often a failed store is looked for.
constexpr timespec kHealthInterval{.tv_sec = 1, .tv_nsec = 0};
constexpr absl::Duration kGrace = absl::Seconds(5);

// sysexits.h, so that a supervisor can tell what a restart may help with.
int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kPermissionDenied:
      return EX_USAGE;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
      return EX_CONFIG;
    case absl::StatusCode::kDataLoss:
      return EX_DATAERR;
    case absl::StatusCode::kUnavailable:
      return EX_UNAVAILABLE;
    default:
      return EX_SOFTWARE;
  }
}

// Ends with an error in one line.
int Fail(const absl::Status& status) {
  std::fprintf(stderr, "cofactord: %s\n",
               std::string(status.message()).c_str());
  return ExitCode(status);
}

// What the server and the commands have in common. Destroyed from below.
struct Process {
  const SystemClock system_clock{};
  OffsetClock clock{system_clock};
  SystemRandomness randomness{};
  config::v1::ServerConfig config;
  // Set by Prepare.
  std::optional<factors::FactorRegistry> registry;
  std::unique_ptr<Metrics> metrics;
};

absl::Duration RetentionOf(const config::v1::ServerConfig& config) {
  return absl::Seconds(config.audit().retention().seconds());
}

// A store that was opened, with what was put on it.
struct OpenedStore {
  // Not owned: inside sealed.
  storage::RocksDbStore* rocksdb = nullptr;
  std::unique_ptr<storage::SealingStore> sealed;
};

absl::StatusOr<OpenedStore> OpenStore(Process& process) {
  storage::RocksDbOptions options;
  options.path = process.config.storage().rocksdb().folder();
  options.observer = process.metrics.get();
  ASSIGN_OR_RETURN(auto rocksdb,
                   storage::RocksDbStore::Open(options, process.clock));
  OpenedStore opened;
  opened.rocksdb = rocksdb.get();
  ASSIGN_OR_RETURN(opened.sealed, storage::OpenSealedStore(
                                      std::move(rocksdb),
                                      process.config.storage().key_ring_file(),
                                      process.randomness));
  return opened;
}

ServerOptions::Port PortOf(const config::v1::Listener& listener) {
  ServerOptions::Port port;
  port.listener.address = listener.address();
  if (listener.max_connections() != 0) {
    port.listener.max_connections = listener.max_connections();
  }
  if (listener.max_connections_per_peer() != 0) {
    port.listener.max_connections_per_peer =
        listener.max_connections_per_peer();
  }
  if (!listener.has_tls()) return port;
  port.tls.emplace();
  port.tls->folder = listener.tls().folder();
  switch (listener.tls().client_certificates()) {
    case config::v1::CLIENT_CERTIFICATES_NONE:
      port.tls->client_certificates = ClientCertificates::kNone;
      break;
    case config::v1::CLIENT_CERTIFICATES_OPTIONAL:
      port.tls->client_certificates = ClientCertificates::kOptional;
      break;
    default:
      port.tls->client_certificates = ClientCertificates::kRequired;
      break;
  }
  return port;
}

ServerOptions OptionsOf(const config::v1::ServerConfig& config) {
  ServerOptions options;
  for (const config::v1::Listener& listener : config.listeners()) {
    options.ports.push_back(PortOf(listener));
  }
  if (config.threads() != 0) options.threads = config.threads();
  options.audit_retention = RetentionOf(config);
  options.log_all_calls = config.logging().calls() == config::v1::CALL_LOG_ALL;
  options.dev = config.mode() == config::v1::MODE_DEV;
  options.receipts = ReceiptOptionsOf(config.receipts());
  options.slow_threads = config.passwords().threads();
  options.max_waiting_slow_calls = config.passwords().max_waiting();
  if (config.messaging().has_sms()) {
    options.send_policy = SendPolicyOf(config.messaging().sms());
  }
  return options;
}

// Gives the client "admin" a key at the first start, or if it is asked for.
absl::Status MakeAdminKey(Process& process, storage::Store& store, bool anew) {
  const AuditLog audit_log(process.randomness, RetentionOf(process.config));
  const ClosedStore closed{store, process.clock, process.randomness, audit_log};
  const std::string& path = process.config.admin_key_file();
  bool made = anew;
  if (anew) {
    RETURN_IF_ERROR(ResetAdminKey(closed, path));
  } else {
    ASSIGN_OR_RETURN(made, EnsureAdminKey(closed, path));
  }
  if (made) {
    std::printf("cofactord: API key of the client \"admin\" is in %s\n",
                path.c_str());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Server>> StartServer(Process& process,
                                                    Log& log) {
  ASSIGN_OR_RETURN(OpenedStore opened, OpenStore(process));
  RETURN_IF_ERROR(MakeAdminKey(process, *opened.sealed, /*anew=*/false));
  auto keeper = std::make_unique<StoreKeeper>(
      *opened.sealed, process.config.storage().key_ring_file(),
      process.randomness,
      [store = opened.rocksdb](const std::string& folder) {
        return store->Backup(folder);
      },
      process.config.storage().backup_folder());
  ServerParts parts{std::move(opened.sealed),
                    std::move(keeper),
                    *std::move(process.registry),
                    process.clock,
                    process.randomness,
                    *process.metrics,
                    log};
  if (process.config.messaging().has_sms()) {
    parts.make_messenger = [&process](Messenger::Report report,
                                      ReportServer::Take take) {
      return MakeMessenger(process.config.messaging().sms(), process.clock,
                           std::move(report), std::move(take));
    };
  }
  if (process.config.has_push()) {
    parts.make_waker = [&process](Waker::Report report) {
      return MakeWaker(process.config.push(), process.clock, process.randomness,
                       std::move(report));
    };
  }
  return Server::Start(OptionsOf(process.config), std::move(parts));
}

absl::StatusOr<std::unique_ptr<MonitoringServer>> StartMonitoring(
    const Process& process, const Server& server) {
  if (!process.config.monitoring().has_http_address()) return nullptr;
  return MonitoringServer::Start(
      process.config.monitoring().http_address(),
      {[&process] { return process.metrics->Serialize(); },
       [&server] { return server.Health(); },
       [&server] { return server.ReceiptJwks(); }});
}

absl::Status CheckStoreOf(Process& process) {
  ASSIGN_OR_RETURN(const OpenedStore opened, OpenStore(process));
  ASSIGN_OR_RETURN(const storage::StoreReport report,
                   storage::CheckStore(*opened.sealed));
  std::printf("%llu records\n",
              static_cast<unsigned long long>(report.records));
  for (const auto& [key_id, records] : report.records_by_key_id) {
    std::printf("  sealed with key %u: %llu\n", key_id,
                static_cast<unsigned long long>(records));
  }
  if (report.IsSound()) return absl::OkStatus();
  std::vector<std::string> keys;
  for (const std::string& key : report.damaged_keys) {
    keys.push_back(absl::CHexEscape(key));
  }
  return absl::DataLossError(absl::StrCat(
      report.damaged_records, " records are damaged and ",
      report.unreadable_stretches,
      " stretches cannot be read: restore a backup. The first damaged: ",
      absl::StrJoin(keys, " ")));
}

absl::Status RestoreBackupOf(Process& process, const std::string& backup) {
  RETURN_IF_ERROR(storage::RestoreBackup(
      backup, process.config.storage().rocksdb().folder()));
  ASSIGN_OR_RETURN(const OpenedStore opened, OpenStore(process));
  const AuditLog audit_log(process.randomness, RetentionOf(process.config));
  ASSIGN_OR_RETURN(const absl::Duration offset,
                   StoredClockOffset(*opened.sealed));
  process.clock.SetOffset(offset);
  ASSIGN_OR_RETURN(const DisarmReport report,
                   DisarmRestored({*opened.sealed, process.clock,
                                   process.randomness, audit_log},
                                  *process.registry));
  std::printf(
      "cofactord: restored; %llu enrollments of %llu members accept nothing "
      "that could have been used before, %llu challenges and %llu sessions "
      "ended\n",
      static_cast<unsigned long long>(report.enrollments),
      static_cast<unsigned long long>(report.members),
      static_cast<unsigned long long>(report.challenges),
      static_cast<unsigned long long>(report.sessions));
  return absl::OkStatus();
}

// A command that serves nothing, if one is asked for.
std::optional<absl::Status> RunCommand(Process& process) {
  if (absl::GetFlag(FLAGS_check_config)) {
    std::printf("the configuration is good\n");
    return absl::OkStatus();
  }
  if (absl::GetFlag(FLAGS_check_store)) return CheckStoreOf(process);
  if (absl::GetFlag(FLAGS_new_admin_key)) {
    const absl::StatusOr<OpenedStore> opened = OpenStore(process);
    if (!opened.ok()) return opened.status();
    return MakeAdminKey(process, *opened->sealed, /*anew=*/true);
  }
  if (const std::string backup = absl::GetFlag(FLAGS_restore_backup);
      !backup.empty()) {
    return RestoreBackupOf(process, backup);
  }
  return std::nullopt;
}

// Reads the blocklist, if there is one.
absl::StatusOr<factors::password::PasswordOptions> PasswordOptionsOf(
    const config::v1::PasswordPolicy& passwords) {
  using factors::password::Blocklist;
  factors::password::PasswordOptions options;
  options.memory_kib = passwords.memory_kib();
  options.iterations = passwords.iterations();
  options.min_code_points = passwords.min_code_points();
  if (!passwords.blocklist_file().empty()) {
    ASSIGN_OR_RETURN(Blocklist blocklist,
                     Blocklist::Read(passwords.blocklist_file()));
    options.blocklist = std::make_shared<const Blocklist>(std::move(blocklist));
  }
  return options;
}

absl::Status Prepare(Process& process) {
  if (absl::GetFlag(FLAGS_config).empty()) {
    return absl::InvalidArgumentError("--config is required");
  }
  ASSIGN_OR_RETURN(process.config, ReadConfig(absl::GetFlag(FLAGS_config)));
  factors::FactorRegistry::Builder factors;
  factors::sms::SmsOptions sms_options;
  if (process.config.messaging().has_sms()) {
    sms_options.code_digits =
        static_cast<int>(process.config.messaging().sms().code_digits());
  }
  factors::push::PushOptions push_options;
  push_options.device_server = process.config.push().device_server();
  ASSIGN_OR_RETURN(const factors::password::PasswordOptions password_options,
                   PasswordOptionsOf(process.config.passwords()));
  RETURN_IF_ERROR(factors::RegisterStandardFactors(
      factors, sms_options, push_options, password_options));
  process.registry = std::move(factors).Build();
  std::vector<std::string> factor_types;
  for (const factors::Factor* factor : process.registry->All()) {
    factor_types.push_back(factor->descriptor().type_id);
  }
  process.metrics =
      std::make_unique<Metrics>(Server::Methods(), std::move(factor_types));
  return absl::OkStatus();
}

// Serves until a signal comes or the store fails.
absl::Status Serve(Process& process, const sigset_t& signals) {
  Log log(process.clock, Log::Options(), FileDescriptorSink(STDERR_FILENO));
  ASSIGN_OR_RETURN(const std::unique_ptr<Server> server,
                   StartServer(process, log));
  ASSIGN_OR_RETURN(const std::unique_ptr<MonitoringServer> monitoring,
                   StartMonitoring(process, *server));
  std::printf("cofactord ready on %s\n",
              absl::StrJoin(server->addresses(), " ").c_str());
  if (monitoring != nullptr) {
    std::printf("cofactord metrics on http://%s/metrics\n",
                monitoring->address().c_str());
  }
  if (const std::string address = server->report_address(); !address.empty()) {
    std::printf("cofactord delivery reports on http://%s\n", address.c_str());
  }
  std::fflush(stdout);
  absl::Status health;
  while (health.ok() && sigtimedwait(&signals, nullptr, &kHealthInterval) < 0) {
    health = server->Health();
  }
  server->Shutdown(kGrace);
  return health;
}

int Main() {
  // No core dumps: memory holds seeds (and with it, no debugger of others).
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  // Before any thread starts, so that only sigtimedwait takes the signals.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // Debian builds Abseil, which gRPC locks with, with the detection of
  // deadlocks.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Our own errors say what an operator can act on. GRPC_VERBOSITY asks for
  // those of gRPC.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) {
    gpr_set_log_verbosity(
        static_cast<gpr_log_severity>(GPR_LOG_SEVERITY_ERROR + 1));
  }
  // A write to a full disk quota has to fail, not to kill.
  signal(SIGXFSZ, SIG_IGN);

  Process process;
  if (absl::Status status = Prepare(process); !status.ok()) return Fail(status);
  if (const auto done = RunCommand(process); done.has_value()) {
    return done->ok() ? EX_OK : Fail(*done);
  }
  if (absl::Status status = Serve(process, signals); !status.ok()) {
    return Fail(status);
  }
  std::printf("cofactord stopped\n");
  return EX_OK;
}

}  // namespace
}  // namespace cofactor::services

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Identity service with plugin factors.\n"
      "  cofactord --config=FILE\n"
      "  cofactord --config=FILE --check_config | --check_store | "
      "--new_admin_key | --restore_backup=FOLDER");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "cofactord: unexpected argument '%s'\n", rest[1]);
    return EX_USAGE;
  }
  return cofactor::services::Main();
}
