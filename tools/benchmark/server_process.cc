#include "tools/benchmark/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"

extern char** environ;

namespace cofactor::benchmark {
namespace {

constexpr int kStartTimeoutMillis = 60'000;
constexpr absl::string_view kReady = "cofactord ready on ";

// The first line, or what came of it until the end or the timeout.
std::string ReadLine(int file) {
  std::string line;
  pollfd ready{.fd = file, .events = POLLIN, .revents = 0};
  char byte = 0;
  while (poll(&ready, 1, kStartTimeoutMillis) == 1 &&
         read(file, &byte, 1) == 1 && byte != '\n') {
    line.push_back(byte);
  }
  return line;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(
    const std::string& binary, const std::string& data_dir) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::UnavailableError("cannot make a pipe");
  }
  std::string arguments[] = {binary, "--listen=127.0.0.1:0",
                             absl::StrCat("--data_dir=", data_dir), "--dev"};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                  arguments[3].data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const Stopwatch stopwatch;
  pid_t pid = 0;
  const int failure =
      posix_spawn(&pid, binary.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failure != 0) {
    close(ends[0]);
    return absl::UnavailableError(
        absl::StrCat("cannot start ", binary, ": ", std::strerror(failure)));
  }
  std::unique_ptr<ServerProcess> server(new ServerProcess(pid, ends[0]));
  const std::string line = ReadLine(ends[0]);
  server->start_time_ = stopwatch.Elapsed();
  absl::string_view address = line;
  if (!absl::ConsumePrefix(&address, kReady)) {
    return absl::UnavailableError(absl::StrCat(binary, " did not get ready"));
  }
  server->address_ = std::string(address);
  return server;
}

ServerProcess::~ServerProcess() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  close(output_);
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

}  // namespace cofactor::benchmark
