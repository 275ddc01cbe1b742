// Who may call what: every method of every service, over real connections.

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "cofactor/v1/access.pb.h"
#include "cofactor/v1/admin_service.grpc.pb.h"
#include "factors/standard_factors.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "services/admin_key.h"
#include "services/server.h"
#include "storage/memory/memory_store.h"
#include "tests/doubles/authorized_channel.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::Message;
using ::google::protobuf::MethodDescriptor;

// What a call came to.
struct Outcome {
  grpc::StatusCode code = grpc::StatusCode::OK;
  // Of the ErrorInfo; empty if there is none.
  std::string reason;
};

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    factors::FactorRegistry::Builder factors;
    EXPECT_TRUE(factors::RegisterStandardFactors(factors).ok());
    auto store = std::make_unique<storage::MemoryStore>(clock_);
    const std::string key_file = testing::TempDir() + "/admin_key";
    const AuditLog audit_log(randomness_, absl::Hours(1));
    EXPECT_TRUE(
        ResetAdminKey({*store, clock_, randomness_, audit_log}, key_file).ok());
    std::getline(std::ifstream(key_file), admin_key_);
    ServerOptions options;
    options.ports.emplace_back().listener.address = "127.0.0.1:0";
    options.dev = true;
    auto server =
        Server::Start(options, ServerParts{std::move(store), nullptr,
                                           std::move(factors).Build(), clock_,
                                           randomness_, metrics_, log_});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  static std::vector<const MethodDescriptor*> AllMethods() {
    std::vector<const MethodDescriptor*> methods;
    for (const MethodName& name : Server::Methods()) {
      methods.push_back(
          google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
              absl::StrCat(name.service, ".", name.method)));
    }
    return methods;
  }

  // The key of a new client.
  std::string MakeClient(const std::vector<v1::Scope>& scopes,
                         const std::vector<std::string>& account_ids = {}) {
    v1::CreateClientRequest request;
    request.mutable_client()->set_client_id(absl::StrCat("c", ++clients_));
    for (const v1::Scope scope : scopes) {
      request.mutable_client()->add_scopes(scope);
    }
    for (const std::string& account_id : account_ids) {
      request.mutable_client()->add_account_ids(account_id);
    }
    v1::CreateClientResponse response;
    grpc::ClientContext context;
    Authorize(context, admin_key_);
    const auto admin = v1::AdminService::NewStub(channel());
    const grpc::Status status =
        admin->CreateClient(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.api_key();
  }

  std::shared_ptr<grpc::Channel> channel() {
    if (channel_ == nullptr) {
      channel_ = grpc::CreateChannel(server_->addresses()[0],
                                     grpc::InsecureChannelCredentials());
    }
    return channel_;
  }

  Outcome Call(const MethodDescriptor& method, const std::string& bytes,
               const std::vector<std::string>& authorizations) {
    grpc::ClientContext context;
    // A stream that was opened goes on for ever.
    context.set_deadline(
        absl::ToChronoTime(SystemClock().Now() +
                           absl::Seconds(method.server_streaming() ? 1 : 20)));
    for (const std::string& authorization : authorizations) {
      context.AddMetadata("authorization", authorization);
    }
    const std::string path =
        absl::StrCat("/", method.service()->full_name(), "/", method.name());
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::GenericStub caller(channel());
    grpc::CompletionQueue queue;
    auto call = caller.PrepareUnaryCall(&context, path, request, &queue);
    call->StartCall();
    grpc::ByteBuffer answer;
    grpc::Status status;
    call->Finish(&answer, &status, this);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    Outcome outcome{status.error_code(), ""};
    google::rpc::Status details;
    details.ParseFromString(status.error_details());
    for (const auto& detail : details.details()) {
      google::rpc::ErrorInfo info;
      if (detail.UnpackTo(&info)) outcome.reason = info.reason();
    }
    return outcome;
  }

  Outcome CallAs(const std::string& key, const MethodDescriptor& method,
                 const std::string& bytes) {
    return Call(method, bytes, {"Bearer " + key});
  }

  // A request of the method that names the account where it can.
  static std::string RequestFor(const MethodDescriptor& method,
                                const std::string& account_id) {
    google::protobuf::DynamicMessageFactory factory;
    const std::unique_ptr<Message> request(
        factory.GetPrototype(method.input_type())->New());
    SetAccount(*request, account_id);
    for (const char* resource : {"account", "member"}) {
      const auto* field = method.input_type()->FindFieldByName(resource);
      if (field != nullptr && field->message_type() != nullptr) {
        SetAccount(
            *request->GetReflection()->MutableMessage(request.get(), field),
            account_id);
      }
    }
    return request->SerializeAsString();
  }

  static void SetAccount(Message& message, const std::string& account_id) {
    const auto* field = message.GetDescriptor()->FindFieldByName("account_id");
    if (field != nullptr) {
      message.GetReflection()->SetString(&message, field, account_id);
    }
  }

  static bool NamesAnAccount(const MethodDescriptor& method) {
    return RequestFor(method, "acme") != RequestFor(method, "");
  }

  // Whether everybody may call it.
  static bool IsForDevices(const MethodDescriptor& method) {
    return Allows(method, v1::SCOPE_DEVICE);
  }

  // All that a client can be given.
  static std::vector<v1::Scope> ScopesOfClients() {
    std::vector<v1::Scope> scopes;
    for (int scope = 1; scope <= v1::Scope_MAX; ++scope) {
      if (scope != v1::SCOPE_DEVICE) {
        scopes.push_back(static_cast<v1::Scope>(scope));
      }
    }
    return scopes;
  }

  static bool Allows(const MethodDescriptor& method, int scope) {
    for (const int allowed :
         method.options().GetExtension(v1::access).any_of()) {
      if (allowed == scope) return true;
    }
    return false;
  }

  const ManualClock base_clock_{absl::FromUnixSeconds(1'700'000'000)};
  OffsetClock clock_{base_clock_};
  SeededRandomness randomness_{1};
  Metrics metrics_{Server::Methods(), {"totp"}};
  Log log_{base_clock_, Log::Options(), [](absl::string_view) { return true; }};
  std::string admin_key_;
  int clients_ = 0;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(AccessTest, EveryMethodSaysWhoMayCallIt) {
  EXPECT_GE(AllMethods().size(), 40u);
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_TRUE(method->options().HasExtension(v1::access))
        << method->full_name();
  }
}

TEST_F(AccessTest, NobodyIsServedWithoutCredentials) {
  for (const MethodDescriptor* method : AllMethods()) {
    if (IsForDevices(*method)) continue;
    const Outcome outcome = Call(*method, RequestFor(*method, "acme"), {});
    EXPECT_EQ(outcome.code, grpc::StatusCode::UNAUTHENTICATED)
        << method->full_name();
    EXPECT_EQ(outcome.reason, "NO_CREDENTIALS") << method->full_name();
  }
}

TEST_F(AccessTest, DevicesAreHeardWhateverCredentialsTheyBring) {
  size_t methods = 0;
  for (const MethodDescriptor* method : AllMethods()) {
    if (!IsForDevices(*method)) continue;
    ++methods;
    EXPECT_EQ(method->service()->full_name(), "cofactor.v1.DeviceService");
    const std::string request = RequestFor(*method, "acme");
    const Outcome without = Call(*method, request, {});
    EXPECT_NE(without.reason, "NO_CREDENTIALS") << method->full_name();
    EXPECT_NE(without.code, grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_NE(without.code, grpc::StatusCode::INTERNAL);
    // No key opens more, or less: it is not looked at.
    const std::string limited =
        "Bearer " + MakeClient({v1::SCOPE_VERIFY}, {"other"});
    for (const std::vector<std::string>& authorizations :
         {std::vector<std::string>{"Bearer wrong"}, {limited}, {"a", "b"}}) {
      const Outcome with = Call(*method, request, authorizations);
      EXPECT_EQ(with.code, without.code) << method->full_name();
      EXPECT_EQ(with.reason, without.reason) << method->full_name();
    }
  }
  EXPECT_EQ(methods, 7u);
}

TEST_F(AccessTest, NobodyIsServedWithBadCredentials) {
  std::string other = admin_key_;
  other.back() = other.back() == '0' ? '1' : '0';
  const std::vector<std::vector<std::string>> bad = {
      {"Bearer " + other},
      {"Bearer " + admin_key_ + "0"},
      {"Bearer "},
      {"Basic " + admin_key_},
      {admin_key_},
      {"Bearer " + std::string(8'000, 'x')},
      {"Bearer " + admin_key_, "Bearer " + admin_key_},
  };
  for (const MethodDescriptor* method : AllMethods()) {
    if (IsForDevices(*method)) continue;
    for (const auto& authorizations : bad) {
      const Outcome outcome =
          Call(*method, RequestFor(*method, "acme"), authorizations);
      EXPECT_EQ(outcome.code, grpc::StatusCode::UNAUTHENTICATED)
          << method->full_name() << " " << authorizations[0];
      EXPECT_EQ(outcome.reason, "BAD_CREDENTIALS") << method->full_name();
    }
  }
}

TEST_F(AccessTest, AClientMayCallWhatItsScopeAllowsAndNothingElse) {
  for (const v1::Scope scope : ScopesOfClients()) {
    const std::string key = MakeClient({scope});
    for (const MethodDescriptor* method : AllMethods()) {
      if (IsForDevices(*method)) continue;
      const Outcome outcome = CallAs(key, *method, RequestFor(*method, "acme"));
      EXPECT_EQ(outcome.reason == "SCOPE_MISSING", !Allows(*method, scope))
          << v1::Scope_Name(scope) << " " << method->full_name();
      EXPECT_NE(outcome.code, grpc::StatusCode::UNAUTHENTICATED);
      EXPECT_NE(outcome.code, grpc::StatusCode::INTERNAL)
          << method->full_name();
    }
  }
}

TEST_F(AccessTest, AClientOfSomeAccountsMayTouchNoOther) {
  const std::string key = MakeClient(ScopesOfClients(), {"acme"});
  for (const MethodDescriptor* method : AllMethods()) {
    if (IsForDevices(*method)) continue;
    const bool limits =
        method->options().GetExtension(v1::access).limits_accounts();
    const Outcome other = CallAs(key, *method, RequestFor(*method, "other"));
    const Outcome own = CallAs(key, *method, RequestFor(*method, "acme"));
    if (NamesAnAccount(*method)) {
      EXPECT_EQ(other.reason, "ACCOUNT_NOT_ALLOWED") << method->full_name();
      EXPECT_NE(own.reason, "ACCOUNT_NOT_ALLOWED") << method->full_name();
    } else {
      EXPECT_EQ(own.reason == "ACCOUNT_NOT_ALLOWED", !limits)
          << method->full_name();
    }
  }
}

TEST_F(AccessTest, GarbageAndTooMuchAreRefusedAndTheServerGoesOn) {
  for (const MethodDescriptor* method : AllMethods()) {
    EXPECT_NE(CallAs(admin_key_, *method, std::string(300, '\xff')).code,
              grpc::StatusCode::OK)
        << method->full_name();
    EXPECT_EQ(CallAs(admin_key_, *method, std::string(100'000, '\x0a')).code,
              grpc::StatusCode::RESOURCE_EXHAUSTED)
        << method->full_name();
  }
  const std::string key = MakeClient({v1::SCOPE_VERIFY});
  EXPECT_FALSE(key.empty());
}

}  // namespace
}  // namespace cofactor::services
