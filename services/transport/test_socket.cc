#include "services/transport/test_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "services/transport/socket_address.h"

namespace cofactor::services {
namespace {

constexpr int kTimeoutMilliseconds = 20'000;

bool WaitUntilReadable(int fd) {
  pollfd wanted = {fd, POLLIN, 0};
  return poll(&wanted, 1, kTimeoutMilliseconds) == 1;
}

}  // namespace

TestSocket::TestSocket(const std::string& address, const std::string& source) {
  const absl::StatusOr<SocketAddress> to = ParseSocketAddress(address);
  const absl::StatusOr<SocketAddress> from = ParseSocketAddress(source + ":0");
  if (!to.ok() || !from.ok()) return;
  socket_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval timeout = {kTimeoutMilliseconds / 1'000, 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&from->storage),
           from->length) != 0 ||
      connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to->storage),
              to->length) != 0) {
    socket_.Reset();
  }
}

bool TestSocket::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent =
        send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(sent);
  }
  return true;
}

std::string TestSocket::Receive() {
  std::array<char, 4096> bytes;
  if (!WaitUntilReadable(socket_.get())) return "";
  const ssize_t got = recv(socket_.get(), bytes.data(), bytes.size(), 0);
  return got <= 0 ? "" : std::string(bytes.data(), got);
}

bool TestSocket::ReceivesEnd() {
  std::array<char, 4096> bytes;
  while (WaitUntilReadable(socket_.get())) {
    const ssize_t got = recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return true;
    if (got < 0) return false;
  }
  return false;
}

void TestSocket::Abort() {
  const linger reset = {1, 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  socket_.Reset();
}

}  // namespace cofactor::services
