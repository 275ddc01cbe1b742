// The server binary: reads flags, composes the parts, waits for a signal.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "base/status_macros.h"
#include "factors/factor_registry.h"
#include "factors/standard_factors.h"
#include "grpc/support/log.h"
#include "services/server.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/sealing/open_sealed_store.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:50051",
          "HOST:PORT to listen on; loopback only");
ABSL_FLAG(std::string, data_dir, "",
          "folder of the store; made if it is missing. Required");
ABSL_FLAG(std::string, key_ring, "",
          "file of the keys that seal the store, made at the first start; by "
          "default DATA_DIR/key_ring");
ABSL_FLAG(int, threads, 4, "threads that work on calls, 1 to 256");
ABSL_FLAG(bool, dev, false,
          "serve DevService, which moves the clock. Never with real accounts");

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

absl::Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(absl::StrCat("cannot make the data folder ",
                                             path, ": ", std::strerror(errno)));
}

absl::StatusOr<std::unique_ptr<Server>> Compose(OffsetClock& clock,
                                                Randomness& randomness) {
  const std::string data_dir = absl::GetFlag(FLAGS_data_dir);
  if (data_dir.empty()) {
    return absl::InvalidArgumentError("--data_dir is required");
  }
  const int threads = absl::GetFlag(FLAGS_threads);
  if (threads < 1 || threads > 256) {
    return absl::InvalidArgumentError("--threads: want 1 to 256");
  }
  RETURN_IF_ERROR(MakeFolder(data_dir));
  const std::string key_ring = absl::GetFlag(FLAGS_key_ring).empty()
                                   ? absl::StrCat(data_dir, "/key_ring")
                                   : absl::GetFlag(FLAGS_key_ring);
  storage::RocksDbOptions store_options;
  store_options.path = absl::StrCat(data_dir, "/store");
  ASSIGN_OR_RETURN(auto rocksdb,
                   storage::RocksDbStore::Open(store_options, clock));
  ASSIGN_OR_RETURN(auto store, storage::OpenSealedStore(std::move(rocksdb),
                                                        key_ring, randomness));
  factors::FactorRegistry::Builder factors;
  RETURN_IF_ERROR(factors::RegisterStandardFactors(factors));
  ServerOptions options;
  options.listen_address = absl::GetFlag(FLAGS_listen);
  options.threads = static_cast<size_t>(threads);
  options.dev = absl::GetFlag(FLAGS_dev);
  return Server::Start(options, std::move(store), std::move(factors).Build(),
                       clock, randomness);
}

int Main() {
  // No core dumps: memory holds seeds (and with it, no debugger of others).
  prctl(PR_SET_DUMPABLE, 0);
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

  const SystemClock system_clock;
  OffsetClock clock(system_clock);
  SystemRandomness randomness;
  absl::StatusOr<std::unique_ptr<Server>> server = Compose(clock, randomness);
  if (!server.ok()) return Fail(server.status());
  std::printf("cofactord ready on %s\n", (*server)->address().c_str());
  std::fflush(stdout);

  while (sigtimedwait(&signals, nullptr, &kHealthInterval) < 0) {
    if (absl::Status health = (*server)->Health(); !health.ok()) {
      (*server)->Shutdown(kGrace);
      return Fail(health);
    }
  }
  (*server)->Shutdown(kGrace);
  std::printf("cofactord stopped\n");
  return EX_OK;
}

}  // namespace
}  // namespace cofactor::services

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Identity service with plugin factors.\n"
      "  cofactord --data_dir=DIR [--listen=HOST:PORT] [--key_ring=FILE] "
      "[--dev]");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "cofactord: unexpected argument '%s'\n", rest[1]);
    return EX_USAGE;
  }
  return cofactor::services::Main();
}
