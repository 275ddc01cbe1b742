#include "services/messenger/test_http_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace cofactor::services {
namespace {

constexpr std::chrono::seconds kPatience(20);

void Must(bool succeeded) {
  if (!succeeded) std::abort();
}

// The length that the head of a request tells, or 0.
size_t BodyLength(absl::string_view head) {
  for (absl::string_view line : absl::StrSplit(head, "\r\n")) {
    size_t length = 0;
    if (absl::ConsumePrefix(&line, "Content-Length: ") &&
        absl::SimpleAtoi(line, &length)) {
      return length;
    }
  }
  return 0;
}

// Reads until the head is there, or the body too. False if the client closed.
bool ReadRequest(int socket, bool with_body, std::string& request) {
  char buffer[4096];
  while (true) {
    const size_t head = request.find("\r\n\r\n");
    if (head != std::string::npos &&
        (!with_body ||
         request.size() >= head + 4 + BodyLength(request.substr(0, head)))) {
      return true;
    }
    const ssize_t size = recv(socket, buffer, sizeof(buffer), 0);
    if (size <= 0) return false;
    request.append(buffer, static_cast<size_t>(size));
  }
}

// Reads until a request of HTTP/2 is whole. False if the client closed, or does
// not speak HTTP/2.
bool ReadHttp2Request(int socket, std::string& request) {
  constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  constexpr size_t kHead = 9;
  size_t next = kPreface.size();
  char buffer[4096];
  while (true) {
    while (request.size() >= next + kHead) {
      const auto byte = [&](size_t i) {
        return static_cast<size_t>(
            static_cast<unsigned char>(request[next + i]));
      };
      const size_t end =
          next + kHead + (byte(0) << 16 | byte(1) << 8 | byte(2));
      if (request.size() < end) break;
      // DATA or HEADERS with END_STREAM.
      if (byte(3) <= 1 && (byte(4) & 1) != 0) return true;
      next = end;
    }
    const ssize_t size = recv(socket, buffer, sizeof(buffer), 0);
    if (size <= 0) return false;
    request.append(buffer, static_cast<size_t>(size));
    const size_t known = std::min(request.size(), kPreface.size());
    if (request.compare(0, known, kPreface.data(), known) != 0) return false;
  }
}

// The next close sends a reset.
void ResetAtClose(int socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void WaitForEnd(int socket) {
  char buffer[4096];
  ssize_t size = 0;
  while ((size = recv(socket, buffer, sizeof(buffer), 0)) > 0) {
  }
  // A client without a deadline: else the test would take this end for its.
  Must(size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK));
}

}  // namespace

TestHttpServer::TestHttpServer()
    : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  Must(bind(listener_.get(), any, size) == 0 &&
       listen(listener_.get(), 64) == 0 &&
       getsockname(listener_.get(), any, &size) == 0);
  port_ = ntohs(address.sin_port);
  url_ = absl::StrCat("http://127.0.0.1:", port_);
  acceptor_ = std::thread([this] { Serve(); });
}

TestHttpServer::~TestHttpServer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    releases_ += 1000;
  }
  changed_.NotifyAll();
  // Ends accept.
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (std::thread& worker : workers_) worker.join();
}

void TestHttpServer::Then(Step step) {
  MutexLock lock(mutex_);
  steps_.push_back(std::move(step));
}

TestHttpServer::Step TestHttpServer::Answer(int status,
                                            absl::string_view body) {
  return {.act = Act::kAnswer,
          .bytes = absl::StrCat("HTTP/1.1 ", status,
                                " Word\r\nContent-Length: ", body.size(),
                                "\r\n\r\n", body)};
}

std::string TestHttpServer::Http2Frame(int type, int flags, int stream,
                                       absl::string_view payload) {
  const size_t size = payload.size();
  std::string frame;
  for (const size_t byte :
       {size >> 16, size >> 8, size, static_cast<size_t>(type),
        static_cast<size_t>(flags), size_t{0}, size_t{0}, size_t{0},
        static_cast<size_t>(stream)}) {
    frame.push_back(static_cast<char>(byte));
  }
  return absl::StrCat(frame, payload);
}

std::string TestHttpServer::Http2Header(absl::string_view name,
                                        absl::string_view value) {
  Must(name.size() <= 126 && value.size() <= 126);
  return absl::StrCat(std::string(1, '\0'),
                      std::string(1, static_cast<char>(name.size())), name,
                      std::string(1, static_cast<char>(value.size())), value);
}

void TestHttpServer::Release() {
  {
    MutexLock lock(mutex_);
    ++releases_;
  }
  changed_.NotifyAll();
}

std::vector<std::string> TestHttpServer::WaitForRequests(size_t count) {
  MutexLock lock(mutex_);
  while (requests_.size() < count && changed_.WaitFor(mutex_, kPatience)) {
  }
  return requests_;
}

int TestHttpServer::connections() {
  MutexLock lock(mutex_);
  return connections_;
}

void TestHttpServer::Serve() {
  while (true) {
    FileDescriptor connection(
        accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.valid()) return;
    Step step{.act = Act::kResetAtOnce};
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      ++connections_;
      if (!steps_.empty()) {
        step = std::move(steps_.front());
        steps_.pop_front();
      }
    }
    workers_.emplace_back(
        [this, step, socket = std::move(connection)]() mutable {
          ServeOne(std::move(socket), step);
        });
  }
}

void TestHttpServer::ServeOne(FileDescriptor connection, const Step& step) {
  const int socket = connection.get();
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  if (step.act == Act::kResetAtOnce) return ResetAtClose(socket);
  if (step.act == Act::kHoldHandshake) return WaitForEnd(socket);
  std::string request;
  const bool is_http2 =
      step.act == Act::kAnswerHttp2 || step.act == Act::kAnswerHttp2AndHold;
  if (is_http2
          ? !ReadHttp2Request(socket, request)
          : !ReadRequest(socket, step.act != Act::kResetAfterHead, request)) {
    return;
  }
  {
    MutexLock lock(mutex_);
    requests_.push_back(request);
    changed_.NotifyAll();
    if (step.act == Act::kHoldThenAnswer) {
      while (releases_ == 0 && changed_.WaitFor(mutex_, kPatience)) {
      }
      --releases_;
    }
  }
  switch (step.act) {
    case Act::kReset:
    case Act::kResetAfterHead:
      return ResetAtClose(socket);
    case Act::kHold:
      return WaitForEnd(socket);
    case Act::kAnswerHttp2AndHold:
      send(socket, step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL);
      return WaitForEnd(socket);
    case Act::kAnswerOnce:
      send(socket, step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL);
      request.clear();
      if (ReadRequest(socket, /*with_body=*/true, request)) {
        MutexLock lock(mutex_);
        requests_.push_back(request);
        ResetAtClose(socket);
      }
      return;
    default:
      send(socket, step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL);
      shutdown(socket, SHUT_WR);
      WaitForEnd(socket);
  }
}

}  // namespace cofactor::services
