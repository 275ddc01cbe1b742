#include "services/telemetry/monitoring_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "civetweb.h"

namespace cofactor::services {
namespace {

constexpr char kLoopback[] = "127.0.0.1";

struct HostAndPort {
  std::string host;
  int port;
};

absl::StatusOr<HostAndPort> ParseAddress(absl::string_view address) {
  const absl::Status malformed = absl::InvalidArgumentError(absl::StrCat(
      "monitoring address '", address,
      "': want HOST:PORT with an IPv4 address, as 127.0.0.1:9464"));
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return malformed;
  const absl::string_view digits = address.substr(colon + 1);
  int port = 0;
  // SimpleAtoi alone would take blanks and signs.
  if (digits.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(digits, &port) || port > 65535) {
    return malformed;
  }
  std::string host(address.substr(0, colon));
  if (host.empty() || host == "localhost") host = kLoopback;
  in_addr ignored;
  // By its size, for a name may have a NUL in it.
  if (host.find('\0') != std::string::npos ||
      inet_pton(AF_INET, host.c_str(), &ignored) != 1) {
    return malformed;
  }
  return HostAndPort{std::move(host), port};
}

// One line of text, whatever is in the message.
std::string OneLine(absl::string_view message) {
  std::string line(message);
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; },
      ' ');
  line.push_back('\n');
  return line;
}

// Connects, sends nothing, and waits until the other side ends it. Returns
// false if nobody listens.
bool Knock(const std::string& host, int port) {
  const int knocker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (knocker < 0) return false;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &to.sin_addr);
  // For a thread that is busy with another caller, or has stopped already.
  const timeval timeout{.tv_sec = 0, .tv_usec = 100'000};
  setsockopt(knocker, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  const bool is_open =
      connect(knocker, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0;
  if (is_open) {
    shutdown(knocker, SHUT_WR);
    char ignored = 0;
    recv(knocker, &ignored, 1, 0);
  }
  close(knocker);
  return is_open;
}

// Only a listener that fails would have something to say, and Start says it.
int DropMessage(const mg_connection*, const char*) { return 1; }

}  // namespace

struct MonitoringServer::Reply {
  int code;
  absl::string_view reason;
  std::string body;
  absl::string_view content_type = "text/plain; charset=utf-8";
  absl::string_view more_headers = "";
};

MonitoringServer::Library::Library() { mg_init_library(MG_FEATURES_DEFAULT); }
MonitoringServer::Library::~Library() { mg_exit_library(); }

absl::StatusOr<std::unique_ptr<MonitoringServer>> MonitoringServer::Start(
    absl::string_view address, Handlers handlers) {
  ASSIGN_OR_RETURN(const HostAndPort parsed, ParseAddress(address));
  std::unique_ptr<MonitoringServer> server(
      new MonitoringServer(std::move(handlers)));
  RETURN_IF_ERROR(server->Listen(parsed.host, parsed.port));
  return server;
}

absl::Status MonitoringServer::Listen(const std::string& host, int port) {
  address_ = absl::StrCat(host, ":", port);
  // Connections are closed after each reply, for one that is kept would keep
  // one of the threads.
  const char* options[] = {"listening_ports",
                           address_.c_str(),
                           "num_threads",
                           "2",
                           "request_timeout_ms",
                           "5000",
                           "max_request_size",
                           "4096",
                           "enable_keep_alive",
                           "no",
                           "tcp_nodelay",
                           "1",
                           "enable_directory_listing",
                           "no",
                           nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = &MonitoringServer::Serve;
  callbacks.log_message = &DropMessage;
  callbacks.log_access = &DropMessage;
  context_ = mg_start(&callbacks, this, options);
  mg_server_port taken{};
  if (context_ == nullptr || mg_get_server_ports(context_, 1, &taken) != 1) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address_,
                     " for monitoring: is another server there? Stop it, or "
                     "choose another port"));
  }
  host_ = host;
  port_ = taken.port;
  address_ = absl::StrCat(host, ":", taken.port);
  return absl::OkStatus();
}

MonitoringServer::~MonitoringServer() {
  if (context_ == nullptr) return;
  // Civetweb looks whether it is to stop when somebody connects, and else every
  // 2 s only. What it takes before it has been told, it may never close, hence
  // the time between.
  constexpr std::chrono::milliseconds kBetween(5);
  const std::future<void> stopped =
      std::async(std::launch::async, [this] { mg_stop(context_); });
  while (stopped.wait_for(kBetween) != std::future_status::ready &&
         Knock(host_, port_)) {
  }
  stopped.wait();
}

int MonitoringServer::Serve(mg_connection* connection) {
  const mg_request_info* request = mg_get_request_info(connection);
  const auto* server = static_cast<const MonitoringServer*>(request->user_data);
  const absl::string_view method = request->request_method;
  const Reply reply = server->Answer(
      method, request->request_uri == nullptr ? "" : request->request_uri);
  // Else civetweb waits for the body of a request that has one.
  mg_disable_connection_keep_alive(connection);
  std::string bytes = absl::StrCat(
      "HTTP/1.1 ", reply.code, " ", reply.reason,
      "\r\nContent-Type: ", reply.content_type,
      "\r\nContent-Length: ", reply.body.size(),
      "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
      reply.more_headers, "Connection: close\r\n\r\n");
  if (method != "HEAD") bytes.append(reply.body);
  // In one write: the rest of a reply in two would wait until the client has
  // acknowledged the first, some 40 ms.
  mg_write(connection, bytes.data(), bytes.size());
  return reply.code;
}

MonitoringServer::Reply MonitoringServer::Answer(absl::string_view method,
                                                 absl::string_view path) const {
  const bool is_metrics = path == "/metrics";
  if (!is_metrics && path != "/healthz") {
    return {.code = 404, .reason = "Not Found", .body = "not found\n"};
  }
  if (method != "GET") {
    return {.code = 405,
            .reason = "Method Not Allowed",
            .body = "only GET\n",
            .more_headers = "Allow: GET\r\n"};
  }
  if (is_metrics) {
    return {.code = 200,
            .reason = "OK",
            .body = handlers_.metrics(),
            .content_type = "text/plain; version=0.0.4; charset=utf-8"};
  }
  const absl::Status health = handlers_.health();
  if (health.ok()) return {.code = 200, .reason = "OK", .body = "ok\n"};
  return {.code = 503,
          .reason = "Service Unavailable",
          .body = OneLine(health.message())};
}

}  // namespace cofactor::services
