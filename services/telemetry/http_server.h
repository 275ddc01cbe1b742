#ifndef COFACTOR_SERVICES_TELEMETRY_HTTP_SERVER_H_
#define COFACTOR_SERVICES_TELEMETRY_HTTP_SERVER_H_

#include <cstddef>
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

// A request that is being answered. Its views end with it.
class HttpCall {
 public:
  explicit HttpCall(mg_connection* connection) : connection_(connection) {}

  absl::string_view method() const;
  // Without the query.
  absl::string_view path() const;
  // Without the question mark; empty if there is none.
  absl::string_view query() const;
  // The value of a header, or empty.
  absl::string_view Header(const char* name) const;

  // Reads the body, once.
  //   INVALID_ARGUMENT    its length is not told, or it does not come in time.
  //   RESOURCE_EXHAUSTED  it is longer than max_bytes; nothing of it is read.
  absl::StatusOr<std::string> ReadBody(size_t max_bytes) const;

 private:
  mg_connection* const connection_;
};

struct HttpAnswer {
  int code;
  absl::string_view reason;
  std::string body;
  absl::string_view content_type = "text/plain; charset=utf-8";
  // Each ended by CR LF.
  absl::string_view more_headers = "";
  absl::string_view cache_control = "no-store";
};

// Answers HTTP on a port of its own. It does not know its callers and does not
// encrypt, and callers that send slowly hold it up for seconds, one thread
// each: it belongs on loopback, behind a proxy, or on a network of the
// operators alone.
//
// Thread-compatible. It ignores SIGPIPE for the process, as civetweb does.
class HttpServer {
 public:
  struct Options {
    // "HOST:PORT". HOST is an IPv4 address or localhost, loopback if it is
    // empty; names are not resolved. Port 0 takes a free one.
    std::string address;
    // What it is for, in errors: "monitoring".
    std::string purpose;
    // 1 to 64.
    int threads = 2;
    // Of a request without its body.
    size_t max_head_bytes = 4096;
  };

  // Called by the server's threads, until its destruction has ended.
  using Answer = std::function<HttpAnswer(const HttpCall&)>;

  // Not to be called by two threads at once.
  //   INVALID_ARGUMENT  the address is malformed.
  //   UNAVAILABLE       the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const Options& options, Answer answer);

  // Takes no new requests and waits for those under way.
  ~HttpServer();

  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // "HOST:PORT" with the address and the port that were taken.
  const std::string& address() const { return address_; }

 private:
  // Civetweb counts who uses it in this process.
  class Library {
   public:
    Library();
    ~Library();
  };

  explicit HttpServer(Answer answer) : answer_(std::move(answer)) {}

  absl::Status Listen(const Options& options, const std::string& host,
                      int port);
  static int Serve(mg_connection* connection);

  const Library library_;
  const Answer answer_;
  std::string host_;
  int port_ = 0;
  std::string address_;
  mg_context* context_ = nullptr;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TELEMETRY_HTTP_SERVER_H_
