#include "services/transport/test_server.h"

#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/time/time.h"
#include "base/clock.h"
#include "services/transport/limits.h"

namespace cofactor::services {
namespace {

constexpr int kMaxAttempts = 20'000;
constexpr absl::Duration kGrace = absl::Seconds(1);

}  // namespace

TestServer::TestServer(TestBounds bounds,
                       std::shared_ptr<grpc::ServerCredentials> credentials,
                       bool start) {
  ListenerOptions options;
  options.address = "127.0.0.1:0";
  options.max_connections = bounds.connections;
  options.max_connections_per_peer = bounds.per_peer;
  absl::StatusOr<std::unique_ptr<Listener>> listener = Listener::Bind(options);
  if (!listener.ok()) {
    std::cerr << listener.status() << std::endl;
    std::abort();
  }
  listener_ = *std::move(listener);
  grpc::ServerBuilder builder;
  ApplyTransportLimits(builder);
  listener_->AddTo(builder, credentials != nullptr
                                ? std::move(credentials)
                                : grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(&service_);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) std::abort();
  if (start) listener_->Start();
}

TestServer::~TestServer() {
  listener_->Stop();
  server_->Shutdown(absl::ToChronoTime(SystemClock().Now() + kGrace));
}

std::shared_ptr<grpc::Channel> TestServer::PlainChannel() const {
  return FreshChannel(address(), grpc::InsecureChannelCredentials());
}

bool TestServer::Eventually(const std::shared_ptr<grpc::Channel>& channel,
                            const std::function<bool()>& condition) const {
  for (int i = 0; i < kMaxAttempts; ++i) {
    if (condition()) return true;
    if (!CallEcho(channel).ok()) return condition();
  }
  return false;
}

}  // namespace cofactor::services
