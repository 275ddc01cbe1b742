#include "services/messenger/test_http2_front.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

extern char** environ;

namespace cofactor::services {
namespace {

void Must(bool succeeded) {
  if (!succeeded) std::abort();
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

TestHttp2Front::TestHttp2Front(int backend_port) {
  Start(backend_port, /*identity_path=*/"", /*options=*/{});
}

TestHttp2Front::TestHttp2Front(int backend_port, const TestIdentity& identity,
                               const std::vector<std::string>& options) {
  const std::string path = testing::TempDir() + "/front";
  WriteTestFile(path + ".crt", identity.certificate);
  WriteTestFile(path + ".key", identity.key);
  Start(backend_port, path, options);
}

TestHttp2Front::~TestHttp2Front() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void TestHttp2Front::Start(int backend_port, const std::string& identity_path,
                           const std::vector<std::string>& options) {
  // nghttpx takes no port 0, but a socket of its parent, as it hands one to its
  // successor when it is upgraded. Who connects before it has started waits.
  listener_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  Must(bind(listener_.get(), any, size) == 0 &&
       listen(listener_.get(), 64) == 0 &&
       getsockname(listener_.get(), any, &size) == 0);
  const int port = ntohs(address.sin_port);
  const bool has_tls = !identity_path.empty();
  url_ = absl::StrCat(has_tls ? "https" : "http", "://127.0.0.1:", port);

  std::vector<std::string> arguments = {
      "nghttpx", "--conf=/dev/null",
      // One process, so that its end is the end of all.
      "--single-process",
      absl::StrCat("--frontend=127.0.0.1,", port, has_tls ? "" : ";no-tls"),
      absl::StrCat("--backend=127.0.0.1,", backend_port), "--no-via",
      "--no-add-x-forwarded-proto", "--no-server-rewrite",
      "--errorlog-file=/dev/null"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  if (has_tls) {
    arguments.push_back(identity_path + ".key");
    arguments.push_back(identity_path + ".crt");
  }
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!absl::StartsWith(*variable, "NGHTTPX_"))
      variables.push_back(*variable);
  }
  variables.push_back(absl::StrCat("NGHTTPX_ACCEPT_1=tcp,", listener_.get()));

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Onto itself: the child keeps it.
  posix_spawn_file_actions_adddup2(&actions, listener_.get(), listener_.get());
  const int error =
      posix_spawnp(&pid_, arguments[0].c_str(), &actions, nullptr,
                   Pointers(arguments).data(), Pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  Must(error == 0);
}

}  // namespace cofactor::services
