#include "tests/doubles/server_process.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

extern char** environ;

namespace cofactor {

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(
    const std::string& binary, const std::string& data_dir,
    const std::vector<std::string>& flags) {
  std::vector<std::string> arguments = {binary, "--listen=127.0.0.1:0",
                                        absl::StrCat("--data_dir=", data_dir)};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

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
  return process;
}

absl::Status ServerProcess::WaitUntilReady() {
  std::string line;
  char c = 0;
  while (read(output_, &c, 1) == 1 && c != '\n') line.push_back(c);
  absl::string_view rest = line;
  if (!absl::ConsumePrefix(&rest, "cofactord ready on ")) {
    return absl::UnavailableError(absl::StrCat("the server ended: ", line));
  }
  address_ = std::string(rest.substr(0, rest.find(' ')));
  return absl::OkStatus();
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

ServerProcess::~ServerProcess() { Kill(); }

}  // namespace cofactor
