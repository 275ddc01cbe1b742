#include "services/telemetry/monitoring_server.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace cofactor::services {
namespace {

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

// A verifier may keep the keys for five minutes: the next one stands among them
// for longer than that before it signs.
HttpAnswer AnswerJwks(const MonitoringServer::Handlers& handlers) {
  absl::StatusOr<std::string> jwks = handlers.jwks();
  if (!jwks.ok()) {
    return {.code = 503,
            .reason = "Service Unavailable",
            .body = "the keys cannot be read\n"};
  }
  return {.code = 200,
          .reason = "OK",
          .body = *std::move(jwks),
          .content_type = "application/jwk-set+json",
          .cache_control = "public, max-age=300"};
}

HttpAnswer Answer(const MonitoringServer::Handlers& handlers,
                  const HttpCall& call) {
  const absl::string_view path = call.path();
  const bool is_metrics = path == "/metrics";
  const bool is_jwks = path == "/.well-known/jwks.json" && handlers.jwks;
  if (!is_metrics && !is_jwks && path != "/healthz") {
    return {.code = 404, .reason = "Not Found", .body = "not found\n"};
  }
  if (call.method() != "GET") {
    return {.code = 405,
            .reason = "Method Not Allowed",
            .body = "only GET\n",
            .more_headers = "Allow: GET\r\n"};
  }
  if (is_metrics) {
    return {.code = 200,
            .reason = "OK",
            .body = handlers.metrics(),
            .content_type = "text/plain; version=0.0.4; charset=utf-8"};
  }
  if (is_jwks) return AnswerJwks(handlers);
  const absl::Status health = handlers.health();
  if (health.ok()) return {.code = 200, .reason = "OK", .body = "ok\n"};
  return {.code = 503,
          .reason = "Service Unavailable",
          .body = OneLine(health.message())};
}

}  // namespace

absl::StatusOr<std::unique_ptr<MonitoringServer>> MonitoringServer::Start(
    absl::string_view address, Handlers handlers) {
  ASSIGN_OR_RETURN(
      auto http, HttpServer::Start(
                     {.address = std::string(address), .purpose = "monitoring"},
                     [handlers = std::move(handlers)](const HttpCall& call) {
                       return Answer(handlers, call);
                     }));
  return std::unique_ptr<MonitoringServer>(
      new MonitoringServer(std::move(http)));
}

}  // namespace cofactor::services
