// The authenticator for the command line: composes a session and runs a
// command.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "clients/device/command_line.h"
#include "clients/device/console.h"
#include "clients/device/passphrase.h"
#include "clients/device/printable.h"
#include "clients/device/run_command.h"
#include "clients/device/session.h"
#include "grpc/support/log.h"

namespace cofactor::device {
namespace {

std::string VaultPath(const CommandLine& line) {
  if (line.Has("file")) return line.Get("file");
  const char* const path = std::getenv("COFACTOR_DEVICE_FILE");
  return path == nullptr ? "" : path;
}

void PrepareProcess() {
  // No core dumps: memory holds keys (and with it, no debugger of others).
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  signal(SIGPIPE, SIG_IGN);
  // Debian builds Abseil, which gRPC locks with, with the detection of
  // deadlocks.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Our own errors say what a person can act on. GRPC_VERBOSITY asks for those
  // of gRPC.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) {
    gpr_set_log_verbosity(
        static_cast<gpr_log_severity>(GPR_LOG_SEVERITY_ERROR + 1));
  }
}

absl::Status Run(const std::vector<std::string>& words, Console& console) {
  const absl::StatusOr<CommandLine> line = ParseCommandLine(words);
  if (!line.ok()) return line.status();
  const std::unique_ptr<PassphraseSource> passphrase =
      line->Has("passphrase_file")
          ? MakeFilePassphrase(line->Get("passphrase_file"))
          : MakeTerminalPassphrase("/dev/tty");
  const SystemClock clock;
  SystemRandomness randomness;
  utsname system = {};
  uname(&system);
  Session session{*line,           clock,         randomness,
                  console,         *passphrase,   Vault::Options(),
                  system.nodename, system.sysname};
  session.vault.path = VaultPath(*line);
  return RunCommand(session);
}

int Main(int argc, char** argv) {
  PrepareProcess();
  Console console(STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO);
  const absl::Status status =
      Run(std::vector<std::string>(argv + 1, argv + argc), console);
  if (!status.ok()) {
    console.PrintError(
        absl::StrCat("cofactor_device: ", Printable(status.message()), "\n"));
  }
  return ExitCode(status);
}

}  // namespace
}  // namespace cofactor::device

int main(int argc, char** argv) { return cofactor::device::Main(argc, argv); }
