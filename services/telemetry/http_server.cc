#include "services/telemetry/http_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
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

absl::StatusOr<HostAndPort> ParseAddress(absl::string_view purpose,
                                         absl::string_view address) {
  const absl::Status malformed = absl::InvalidArgumentError(absl::StrCat(
      purpose, " address '", address,
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

absl::string_view OrEmpty(const char* text) {
  return text == nullptr ? absl::string_view() : absl::string_view(text);
}

// Only a listener that fails would have something to say, and Start says it.
int DropMessage(const mg_connection*, const char*) { return 1; }

}  // namespace

absl::string_view HttpCall::method() const {
  return OrEmpty(mg_get_request_info(connection_)->request_method);
}

absl::string_view HttpCall::path() const {
  return OrEmpty(mg_get_request_info(connection_)->request_uri);
}

absl::string_view HttpCall::query() const {
  return OrEmpty(mg_get_request_info(connection_)->query_string);
}

absl::string_view HttpCall::Header(const char* name) const {
  return OrEmpty(mg_get_header(connection_, name));
}

absl::StatusOr<std::string> HttpCall::ReadBody(size_t max_bytes) const {
  const int64_t length = mg_get_request_info(connection_)->content_length;
  if (length < 0) {
    return absl::InvalidArgumentError("the request has no Content-Length");
  }
  if (static_cast<uint64_t>(length) > max_bytes) {
    return absl::ResourceExhaustedError("the request is too long");
  }
  std::string body(static_cast<size_t>(length), '\0');
  // In one call, for the time that the body may take is that of a call.
  if (length > 0 && mg_read(connection_, body.data(), body.size()) != length) {
    return absl::InvalidArgumentError("the request is shorter than it says");
  }
  return body;
}

HttpServer::Library::Library() { mg_init_library(MG_FEATURES_DEFAULT); }
HttpServer::Library::~Library() { mg_exit_library(); }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const Options& options, Answer answer) {
  ASSIGN_OR_RETURN(const HostAndPort parsed,
                   ParseAddress(options.purpose, options.address));
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(answer)));
  RETURN_IF_ERROR(server->Listen(options, parsed.host, parsed.port));
  return server;
}

absl::Status HttpServer::Listen(const Options& options, const std::string& host,
                                int port) {
  const std::string threads = absl::StrCat(options.threads);
  const std::string max_head_bytes = absl::StrCat(options.max_head_bytes);
  address_ = absl::StrCat(host, ":", port);
  // Connections are closed after each reply, for one that is kept would keep
  // one of the threads.
  const char* settings[] = {"listening_ports",
                            address_.c_str(),
                            "num_threads",
                            threads.c_str(),
                            "request_timeout_ms",
                            "5000",
                            "max_request_size",
                            max_head_bytes.c_str(),
                            "enable_keep_alive",
                            "no",
                            "tcp_nodelay",
                            "1",
                            "enable_directory_listing",
                            "no",
                            nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = &HttpServer::Serve;
  callbacks.log_message = &DropMessage;
  callbacks.log_access = &DropMessage;
  context_ = mg_start(&callbacks, this, settings);
  mg_server_port taken{};
  if (context_ == nullptr || mg_get_server_ports(context_, 1, &taken) != 1) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address_, " for ", options.purpose,
                     ": is another server there? Stop it, or "
                     "choose another port"));
  }
  host_ = host;
  port_ = taken.port;
  address_ = absl::StrCat(host, ":", taken.port);
  return absl::OkStatus();
}

HttpServer::~HttpServer() {
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

int HttpServer::Serve(mg_connection* connection) {
  const auto* server = static_cast<const HttpServer*>(
      mg_get_request_info(connection)->user_data);
  const HttpCall call(connection);
  const HttpAnswer answer = server->answer_(call);
  // Else civetweb waits for the body of a request that has one.
  mg_disable_connection_keep_alive(connection);
  std::string bytes = absl::StrCat("HTTP/1.1 ", answer.code, " ", answer.reason,
                                   "\r\nCache-Control: ", answer.cache_control,
                                   "\r\nX-Content-Type-Options: nosniff\r\n");
  // 204 has no body, not even an empty one.
  if (answer.code != 204) {
    absl::StrAppend(&bytes, "Content-Type: ", answer.content_type,
                    "\r\nContent-Length: ", answer.body.size(), "\r\n");
  }
  absl::StrAppend(&bytes, answer.more_headers, "Connection: close\r\n\r\n");
  if (call.method() != "HEAD" && answer.code != 204) bytes.append(answer.body);
  // In one write: the rest of a reply in two would wait until the client has
  // acknowledged the first, some 40 ms.
  mg_write(connection, bytes.data(), bytes.size());
  return answer.code;
}

}  // namespace cofactor::services
