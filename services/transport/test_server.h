#ifndef COFACTOR_SERVICES_TRANSPORT_TEST_SERVER_H_
#define COFACTOR_SERVICES_TRANSPORT_TEST_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "services/transport/listener.h"
#include "services/transport/test_rpc.h"

namespace cofactor::services {

// As in ListenerOptions.
struct TestBounds {
  size_t connections = 1'000;
  size_t per_peer = 1'000;
};

// An EchoService behind a listener on a free port of 127.0.0.1, with the limits
// of ApplyTransportLimits. Ends the process if it cannot be started.
// Thread-compatible.
class TestServer {
 public:
  explicit TestServer(
      TestBounds bounds = {},
      std::shared_ptr<grpc::ServerCredentials> credentials = nullptr,
      bool start = true);
  ~TestServer();

  const std::string& address() const { return listener_->address(); }
  Listener& listener() { return *listener_; }
  EchoService& service() { return service_; }

  // A new connection of a client without TLS, to be made at its first call.
  std::shared_ptr<grpc::Channel> PlainChannel() const;

  // Whether a condition comes true while calls go on, which take a fraction of
  // a millisecond each, and some seconds together.
  bool Eventually(const std::shared_ptr<grpc::Channel>& channel,
                  const std::function<bool()>& condition) const;

 private:
  EchoService service_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TRANSPORT_TEST_SERVER_H_
