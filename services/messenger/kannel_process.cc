#include "services/messenger/kannel_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"

extern char** environ;

namespace cofactor::services {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

constexpr absl::string_view kConfiguration = R"(group = core
admin-port = ADMIN_PORT
admin-interface = 127.0.0.1
admin-password = adminpw
smsbox-port = BOX_PORT
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
dlr-storage = internal
store-type = file
store-location = "FOLDER/kannel.store"
log-file = "FOLDER/bearerbox.log"
log-level = 2

NETWORK
group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = SEND_PORT
sendsms-interface = 127.0.0.1
log-file = "FOLDER/smsbox.log"
log-level = 2

group = sendsms-user
username = idsvc
password = s3cret
user-deny-ip = "*.*.*.*"
user-allow-ip = "127.0.0.1"
max-messages = 3
concatenation = true

group = sms-service
keyword = default
max-messages = 0
text = ""
)";

constexpr absl::string_view kFakeNetwork = R"(group = smsc
smsc = fake
smsc-id = fake1
host = 127.0.0.1
port = NETWORK_PORT
connect-allow-ip = 127.0.0.1
denied-prefix = "+1900"
)";

constexpr absl::string_view kSmppNetwork = R"(group = smsc
smsc = smpp
smsc-id = smpp1
host = 127.0.0.1
port = NETWORK_PORT
smsc-username = user
smsc-password = password
system-type = VMA
)";
constexpr int kSmppBoxPort = 13001;

// Ports that nobody listens on. Kannel cannot choose its own; until it has
// taken them, somebody else may, and then another try is needed.
std::array<int, 4> FreePorts() {
  std::array<FileDescriptor, 4> sockets;
  std::array<int, 4> ports{};
  for (size_t i = 0; i < sockets.size(); ++i) {
    sockets[i].Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (bind(sockets[i].get(), any, size) == 0 &&
        getsockname(sockets[i].get(), any, &size) == 0) {
      ports[i] = ntohs(address.sin_port);
    }
  }
  return ports;
}

// Connects, and waits until the other side ends it. Returns false if nobody
// listens.
bool Knock(int port) {
  const FileDescriptor knocker(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(port));
  if (connect(knocker.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) !=
      0) {
    return false;
  }
  pollfd ended{.fd = knocker.get(), .events = POLLIN, .revents = 0};
  poll(&ended, 1, /*timeout=*/100);
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WatchedProcess>> WatchedProcess::Start(
    std::vector<std::string> command) {
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::UnavailableError("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
                                   O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  pid_t pid = 0;
  const int error =
      posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    return absl::UnavailableError(absl::StrCat("cannot start ", command[0]));
  }
  return std::unique_ptr<WatchedProcess>(new WatchedProcess(pid, ends[0]));
}

WatchedProcess::WatchedProcess(pid_t pid, int output)
    : pid_(pid), output_(output), reader_([this] { ReadLines(); }) {}

WatchedProcess::~WatchedProcess() {
  Kill();
  // With the child the other end of the pipe has closed.
  reader_.join();
}

void WatchedProcess::ReadLines() {
  std::string rest;
  char buffer[4096];
  ssize_t size = 0;
  while ((size = read(output_.get(), buffer, sizeof(buffer))) > 0) {
    rest.append(buffer, static_cast<size_t>(size));
    MutexLock lock(mutex_);
    for (size_t end; (end = rest.find('\n')) != std::string::npos;) {
      lines_.push_back(rest.substr(0, end));
      rest.erase(0, end + 1);
    }
    changed_.NotifyAll();
  }
  MutexLock lock(mutex_);
  ended_ = true;
  changed_.NotifyAll();
}

absl::StatusOr<std::string> WatchedProcess::WaitForLine(
    absl::string_view text) {
  const Stopwatch stopwatch;
  MutexLock lock(mutex_);
  while (true) {
    while (!lines_.empty()) {
      std::string line = std::move(lines_.front());
      lines_.pop_front();
      if (absl::StrContains(line, text)) return line;
    }
    if (ended_) {
      return absl::UnavailableError(absl::StrCat("ended before ", text));
    }
    const absl::Duration left = kPatience - stopwatch.Elapsed();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(absl::StrCat("no line with ", text));
    }
    changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
  }
}

void WatchedProcess::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  waitpid(std::exchange(pid_, 0), nullptr, 0);
}

absl::StatusOr<std::unique_ptr<KannelProcess>> KannelProcess::Start(
    const std::string& folder, Network network) {
  absl::Status status;
  for (int tries = 0; tries < 5; ++tries) {
    std::unique_ptr<KannelProcess> kannel(new KannelProcess);
    kannel->kind_ = network;
    status = kannel->StartOnce(folder);
    if (status.ok()) return kannel;
  }
  return status;
}

absl::Status KannelProcess::StartOnce(const std::string& folder) {
  const std::array<int, 4> ports = FreePorts();
  network_port_ = ports[2];
  send_port_ = ports[3];
  sendsms_url_ =
      absl::StrCat("http://127.0.0.1:", ports[3], "/cgi-bin/sendsms");
  const std::string path = absl::StrCat(folder, "/kannel.conf");
  const bool is_smpp = kind_ == Network::kSmpp;
  const std::string network =
      absl::StrReplaceAll(is_smpp ? kSmppNetwork : kFakeNetwork,
                          {{"NETWORK_PORT", absl::StrCat(network_port_)}});
  std::ofstream(path) << absl::StrReplaceAll(
      kConfiguration,
      {{"ADMIN_PORT", absl::StrCat(ports[0])},
       {"BOX_PORT", absl::StrCat(is_smpp ? kSmppBoxPort : ports[1])},
       {"NETWORK", network},
       {"SEND_PORT", absl::StrCat(ports[3])},
       {"FOLDER", folder}});
  // This network waits for nobody's start, but gives up on a late bearerbox.
  if (is_smpp) RETURN_IF_ERROR(StartSmppNetwork());
  ASSIGN_OR_RETURN(bearerbox_, WatchedProcess::Start(
                                   {"/usr/sbin/bearerbox", "-v", "1", path}));
  RETURN_IF_ERROR(bearerbox_->WaitForLine("Start-up done").status());
  if (!is_smpp) RETURN_IF_ERROR(StartNetwork());
  ASSIGN_OR_RETURN(
      smsbox_, WatchedProcess::Start({"/usr/sbin/smsbox", "-v", "0", path}));
  // Not before: it serves HTTP already, but a request that comes before it has
  // taken note of its connection to the bearerbox makes it abort.
  RETURN_IF_ERROR(
      smsbox_->WaitForLine("(gw/heartbeat.c:heartbeat_thread)").status());
  return bearerbox_->WaitForLine("Client connected from").status();
}

absl::StatusOr<std::string> KannelProcess::WaitForText() {
  ASSIGN_OR_RETURN(
      const std::string line,
      network_->WaitForLine(kind_ == Network::kSmpp ? "short_message = "
                                                    : "Got message "));
  const size_t start = line.find('<');
  const size_t end = line.rfind('>');
  if (start == std::string::npos || end == std::string::npos) {
    return absl::InternalError(line);
  }
  return line.substr(start + 1, end - start - 1);
}

absl::Status KannelProcess::StopNetwork() {
  network_->Kill();
  return bearerbox_->WaitForLine("EOF from fakesmsc client").status();
}

absl::Status KannelProcess::StartNetwork() {
  // It sends texts of its own by the line of arguments; none, for -m is 0.
  ASSIGN_OR_RETURN(
      network_,
      WatchedProcess::Start({"/usr/lib/kannel/test/fakesmsc", "-H", "127.0.0.1",
                             "-r", absl::StrCat(network_port_), "-m", "0", "-v",
                             "0", "100 200 text nop"}));
  return bearerbox_->WaitForLine("Fakesmsc client connected").status();
}

absl::Status KannelProcess::StartSmppNetwork() {
  ASSIGN_OR_RETURN(
      network_,
      WatchedProcess::Start({"/usr/lib/kannel/test/drive_smpp", "-v", "0", "-p",
                             absl::StrCat(network_port_), "-m", "0"}));
  return network_->WaitForLine("accept_thread").status();
}

absl::Status KannelProcess::KillBearerbox() {
  bearerbox_->Kill();
  RETURN_IF_ERROR(smsbox_->WaitForLine("smsbox terminating").status());
  // Until it has closed its port, connections are made that it drops.
  const Stopwatch stopwatch;
  while (stopwatch.Elapsed() < kPatience) {
    if (!Knock(send_port_)) return absl::OkStatus();
  }
  return absl::DeadlineExceededError("the smsbox still listens");
}

}  // namespace cofactor::services
