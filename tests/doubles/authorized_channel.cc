#include "tests/doubles/authorized_channel.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/client_interceptor.h"

namespace cofactor {
namespace {

constexpr char kAuthorization[] = "authorization";

std::string Bearer(absl::string_view api_key) {
  return absl::StrCat("Bearer ", api_key);
}

class KeyBringer final : public grpc::experimental::Interceptor {
 public:
  explicit KeyBringer(const std::string& api_key) : api_key_(api_key) {}

  void Intercept(
      grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            grpc::experimental::InterceptionHookPoints::
                PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->emplace(kAuthorization,
                                                 Bearer(api_key_));
    }
    methods->Proceed();
  }

 private:
  const std::string& api_key_;
};

class KeyBringers final
    : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit KeyBringers(std::string api_key) : api_key_(std::move(api_key)) {}

  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo*) override {
    return new KeyBringer(api_key_);
  }

 private:
  const std::string api_key_;
};

}  // namespace

std::shared_ptr<grpc::Channel> AuthorizedChannel(const std::string& address,
                                                 const std::string& api_key) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  std::vector<
      std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>>
      interceptors;
  interceptors.push_back(std::make_unique<KeyBringers>(api_key));
  return grpc::experimental::CreateCustomChannelWithInterceptors(
      address, grpc::InsecureChannelCredentials(), arguments,
      std::move(interceptors));
}

void Authorize(grpc::ClientContext& context, absl::string_view api_key) {
  context.AddMetadata(kAuthorization, Bearer(api_key));
}

}  // namespace cofactor
