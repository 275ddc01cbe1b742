#include "tests/doubles/server_process.h"

#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"

extern char** environ;

namespace cofactor {

namespace {

std::string ConfigText(ServerProcess::Mode mode, const std::string& messaging) {
  const bool is_dev = mode == ServerProcess::Mode::kDev;
  return absl::StrCat("mode: ", is_dev ? "MODE_DEV" : "MODE_PRODUCTION", R"(
storage { rocksdb { folder: "store" } key_ring_file: "key_ring" }
listeners {
  address: "127.0.0.1:0" plaintext {}
  max_connections_per_peer: 20000
}
admin_key_file: "admin_key"
audit { retention { seconds: 34560000 } }
monitoring { off {} }
logging { calls: CALL_LOG_FAILED }
)",
                      !messaging.empty() ? messaging
                      : is_dev           ? R"(messaging {
  sms {
    gateways { name: "outbox" outbox {} }
    allowed_regions: ["DE", "US"]
  }
}
)"
                                         : "messaging { off {} }\n");
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(
    const std::string& binary, const std::string& data_dir, Mode mode,
    const std::string& messaging) {
  mkdir(data_dir.c_str(), 0700);  // It may be there already.
  const std::string config = absl::StrCat(data_dir, "/cofactor.textproto");
  std::ofstream(config) << ConfigText(mode, messaging);
  std::vector<std::string> arguments = {binary,
                                        absl::StrCat("--config=", config)};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  const Stopwatch stopwatch;
  int ends[2];
  if (pipe(ends) != 0) return absl::InternalError("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, binary.c_str(), &actions, nullptr,
                                argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return absl::UnavailableError(absl::StrCat("cannot start ", binary));
  }
  std::unique_ptr<ServerProcess> process(new ServerProcess(pid, ends[0]));
  RETURN_IF_ERROR(process->WaitUntilReady());
  process->start_time_ = stopwatch.Elapsed();
  std::getline(std::ifstream(absl::StrCat(data_dir, "/admin_key")),
               process->admin_key_);
  return process;
}

absl::Status ServerProcess::WaitUntilReady() {
  std::string line;
  char c = 0;
  // The first start tells of the key of its administrator before.
  while (read(output_, &c, 1) == 1) {
    if (c != '\n') {
      line.push_back(c);
      continue;
    }
    absl::string_view rest = line;
    if (absl::ConsumePrefix(&rest, "cofactord ready on ")) {
      address_ = std::string(rest);
      return absl::OkStatus();
    }
    line.clear();
  }
  return absl::UnavailableError(absl::StrCat("the server ended: ", line));
}

int ServerProcess::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  close(output_);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void ServerProcess::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  Wait();
}

int ServerProcess::Stop() {
  if (pid_ == 0) return -1;
  kill(pid_, SIGTERM);
  return Wait();
}

absl::StatusOr<int64_t> ServerProcess::StatusBytes(
    absl::string_view field) const {
  std::ifstream status(absl::StrCat("/proc/", pid_, "/status"));
  std::string line;
  while (std::getline(status, line)) {
    absl::string_view rest = line;
    int64_t kilobytes = 0;
    if (absl::ConsumePrefix(&rest, field) && absl::ConsumeSuffix(&rest, "kB") &&
        absl::SimpleAtoi(rest, &kilobytes)) {
      return kilobytes * 1024;
    }
  }
  return absl::UnavailableError(
      absl::StrCat("the status of the server has no ", field));
}

absl::StatusOr<absl::Duration> ServerProcess::CpuTime() const {
  std::ifstream stat(absl::StrCat("/proc/", pid_, "/stat"));
  std::string line;
  std::getline(stat, line);
  // proc(5): utime and stime are the fields 14 and 15; the second one is a name
  // in parentheses, the only one that may hold a space.
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(line).substr(line.rfind(')') + 1), ' ');
  int64_t user_ticks = 0;
  int64_t system_ticks = 0;
  if (fields.size() < 14 || !absl::SimpleAtoi(fields[12], &user_ticks) ||
      !absl::SimpleAtoi(fields[13], &system_ticks)) {
    return absl::UnavailableError("the server has no processor time");
  }
  return absl::Seconds(1) * (user_ticks + system_ticks) / sysconf(_SC_CLK_TCK);
}

ServerProcess::~ServerProcess() { Stop(); }

}  // namespace cofactor
