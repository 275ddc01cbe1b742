#include "services/transport/test_rpc.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/channel_arguments.h"
#include "grpcpp/support/slice.h"
#include "services/transport/tls.h"

namespace cofactor::services {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(10);

class EchoReactor final : public grpc::ServerGenericBidiReactor {
 public:
  EchoReactor() { StartRead(&message_); }

  void OnReadDone(bool ok) override {
    if (ok) {
      StartWriteAndFinish(&message_, {}, grpc::Status::OK);
    } else {
      Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no request"));
    }
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer message_;
};

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace

grpc::ServerGenericBidiReactor* EchoService::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  const std::shared_ptr<const grpc::AuthContext> caller =
      context->auth_context();
  std::vector<std::string> properties;
  for (auto it = caller->begin(); it != caller->end(); ++it) {
    const auto [name, value] = *it;
    properties.push_back(absl::StrCat(std::string(name.begin(), name.end()),
                                      "=",
                                      std::string(value.begin(), value.end())));
  }
  const auto authorization = context->client_metadata().find("authorization");
  if (authorization != context->client_metadata().end()) {
    context->AddInitialMetadata("seen-authorization",
                                std::string(authorization->second.begin(),
                                            authorization->second.end()));
  }
  {
    MutexLock lock(mutex_);
    ++calls_;
    last_identities_ = PeerIdentities(*caller);
    last_properties_ = std::move(properties);
  }
  return new EchoReactor;
}

int EchoService::calls() {
  MutexLock lock(mutex_);
  return calls_;
}

std::vector<std::string> EchoService::last_identities() {
  MutexLock lock(mutex_);
  return last_identities_;
}

std::vector<std::string> EchoService::last_properties() {
  MutexLock lock(mutex_);
  return last_properties_;
}

std::shared_ptr<grpc::Channel> FreshChannel(
    const std::string& address,
    std::shared_ptr<grpc::ChannelCredentials> credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, std::move(credentials), arguments);
}

grpc::Status CallEcho(const std::shared_ptr<grpc::Channel>& channel,
                      absl::string_view payload, absl::string_view metadata) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(SystemClock().Now() + kDeadline));
  if (!metadata.empty()) {
    context.AddMetadata("cofactor-test", std::string(metadata));
  }
  const grpc::Slice slice(payload.data(), payload.size());
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;

  Mutex mutex;
  CondVar changed;
  bool done = false;
  grpc::Status result;
  grpc::GenericStub caller(channel);
  caller.UnaryCall(&context, "/cofactor.test.Echo/Echo", {}, &request,
                   &response, [&](grpc::Status status) {
                     MutexLock lock(mutex);
                     result = std::move(status);
                     done = true;
                     changed.NotifyOne();
                   });
  MutexLock lock(mutex);
  // Ends by the deadline of the call.
  while (!done) changed.Wait(mutex);
  if (result.ok() && BytesOf(response) != payload) {
    return grpc::Status(grpc::StatusCode::DATA_LOSS, "another answer");
  }
  return result;
}

}  // namespace cofactor::services
