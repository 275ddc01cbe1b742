#ifndef COFACTOR_SERVICES_TELEMETRY_MONITORING_SERVER_H_
#define COFACTOR_SERVICES_TELEMETRY_MONITORING_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct mg_connection;
struct mg_context;

namespace cofactor::services {

// Answers HTTP for those who watch the server, on a port apart from the API:
// GET /metrics and GET /healthz, and nothing else. It does not know its callers
// and does not encrypt, and two callers that send slowly hold it up for
// seconds: it belongs on loopback or on a network of the operators alone.
//
// Thread-compatible. It ignores SIGPIPE for the process, as civetweb does.
class MonitoringServer {
 public:
  // Called by the server's two threads, until its destruction has ended.
  struct Handlers {
    // The body of /metrics, in the text format of Prometheus.
    std::function<std::string()> metrics;
    // OK, or why the server cannot do its work.
    std::function<absl::Status()> health;
  };

  // address: "HOST:PORT". HOST is an IPv4 address or localhost, loopback if it
  // is empty; names are not resolved. Port 0 takes a free one. Not to be called
  // by two threads at once.
  //   INVALID_ARGUMENT  the address is malformed.
  //   UNAVAILABLE       the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<MonitoringServer>> Start(
      absl::string_view address, Handlers handlers);

  // Takes no new requests and waits for those under way.
  ~MonitoringServer();

  MonitoringServer(const MonitoringServer&) = delete;
  MonitoringServer& operator=(const MonitoringServer&) = delete;

  // "HOST:PORT" with the address and the port that were taken.
  const std::string& address() const { return address_; }

 private:
  // Civetweb counts who uses it in this process.
  class Library {
   public:
    Library();
    ~Library();
  };
  struct Reply;

  explicit MonitoringServer(Handlers handlers)
      : handlers_(std::move(handlers)) {}

  absl::Status Listen(const std::string& host, int port);
  static int Serve(mg_connection* connection);
  Reply Answer(absl::string_view method, absl::string_view path) const;

  const Library library_;
  const Handlers handlers_;
  std::string host_;
  int port_ = 0;
  std::string address_;
  mg_context* context_ = nullptr;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TELEMETRY_MONITORING_SERVER_H_
