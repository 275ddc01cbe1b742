#ifndef COFACTOR_SERVICES_TRANSPORT_TEST_RPC_H_
#define COFACTOR_SERVICES_TRANSPORT_TEST_RPC_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "grpcpp/channel.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/status.h"

namespace cofactor::services {

// Answers every unary method with the bytes of the request, and remembers what
// it saw of the caller. Thread-safe.
//
// The initial metadata of the answer has the authorization of the request as
// "seen-authorization", if there was one.
class EchoService final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

  // Calls that reached the service.
  int calls();
  // PeerIdentities of the last call.
  std::vector<std::string> last_identities();
  // "name=value" of all that the connection of the last call was known by.
  std::vector<std::string> last_properties();

 private:
  Mutex mutex_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> last_identities_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> last_properties_ ABSL_GUARDED_BY(mutex_);
};

// A channel with connections of its own.
std::shared_ptr<grpc::Channel> FreshChannel(
    const std::string& address,
    std::shared_ptr<grpc::ChannelCredentials> credentials);

// Calls an EchoService with a payload and a metadata value, which may be empty.
// OK only if the answer is the payload. Ends after 10 s at the latest.
grpc::Status CallEcho(const std::shared_ptr<grpc::Channel>& channel,
                      absl::string_view payload = "hello",
                      absl::string_view metadata = "");

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TRANSPORT_TEST_RPC_H_
