#ifndef COFACTOR_SERVICES_TELEMETRY_MONITORING_SERVER_H_
#define COFACTOR_SERVICES_TELEMETRY_MONITORING_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/telemetry/http_server.h"

namespace cofactor::services {

// Answers HTTP for those who watch the server, on a port apart from the API:
// GET /metrics, GET /healthz and GET /.well-known/jwks.json, and nothing else.
// It belongs on loopback or on a network of the operators alone: see
// HttpServer. Thread-compatible.
class MonitoringServer {
 public:
  // Called by the server's two threads, until its destruction has ended.
  struct Handlers {
    // The body of /metrics, in the text format of Prometheus.
    std::function<std::string()> metrics;
    // OK, or why the server cannot do its work.
    std::function<absl::Status()> health;
    // The public keys of receipts: a JWK Set (RFC 7517, section 5), as JSON. An
    // error is told to nobody. Null: there is no such page.
    std::function<absl::StatusOr<std::string>()> jwks;
  };

  // address: "HOST:PORT". HOST is an IPv4 address or localhost, loopback if it
  // is empty; names are not resolved. Port 0 takes a free one. Not to be called
  // by two threads at once.
  //   INVALID_ARGUMENT  the address is malformed.
  //   UNAVAILABLE       the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<MonitoringServer>> Start(
      absl::string_view address, Handlers handlers);

  // "HOST:PORT" with the address and the port that were taken.
  const std::string& address() const { return http_->address(); }

 private:
  explicit MonitoringServer(std::unique_ptr<HttpServer> http)
      : http_(std::move(http)) {}

  const std::unique_ptr<HttpServer> http_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TELEMETRY_MONITORING_SERVER_H_
