// The server in this process, over real connections.

#include "services/server.h"

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cofactor/dev/v1/dev_service.grpc.pb.h"
#include "cofactor/v1/account_service.grpc.pb.h"
#include "cofactor/v1/auth_service.grpc.pb.h"
#include "factors/standard_factors.h"
#include "gtest/gtest.h"
#include "services/admin_key.h"
#include "storage/memory/memory_store.h"
#include "tests/doubles/authorized_channel.h"
#include "tests/doubles/held_store.h"

namespace cofactor::services {
namespace {

class ServerTest : public testing::Test {
 protected:
  absl::Status Start(const ServerOptions& options) {
    factors::FactorRegistry::Builder factors;
    EXPECT_TRUE(factors::RegisterStandardFactors(factors).ok());
    auto store = std::make_unique<HeldStore>(
        std::make_unique<storage::MemoryStore>(clock_));
    store_ = store.get();
    const std::string key_file = testing::TempDir() + "/admin_key";
    const AuditLog audit_log(randomness_, absl::Hours(1));
    EXPECT_TRUE(
        ResetAdminKey({*store, clock_, randomness_, audit_log}, key_file).ok());
    std::string admin_key;
    std::getline(std::ifstream(key_file), admin_key);
    auto server =
        Server::Start(options, ServerParts{std::move(store), nullptr,
                                           std::move(factors).Build(), clock_,
                                           randomness_, metrics_, log_});
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    const auto channel = AuthorizedChannel(server_->addresses()[0], admin_key);
    accounts_ = v1::AccountService::NewStub(channel);
    auth_ = v1::AuthService::NewStub(channel);
    dev_ = dev::v1::DevService::NewStub(channel);
    return absl::OkStatus();
  }

  static ServerOptions Loopback() {
    ServerOptions options;
    options.ports.emplace_back().listener.address = "127.0.0.1:0";
    return options;
  }

  grpc::Status CreateAccount(const std::string& account_id) {
    grpc::ClientContext context;
    v1::CreateAccountRequest request;
    request.mutable_account()->set_account_id(account_id);
    v1::CreateAccountResponse response;
    return accounts_->CreateAccount(&context, request, &response);
  }

  const ManualClock base_clock_{absl::FromUnixSeconds(1'700'000'000)};
  OffsetClock clock_{base_clock_};
  SeededRandomness randomness_{1};
  Metrics metrics_{Server::Methods(), {"totp"}};
  Log log_{base_clock_, Log::Options(), [](absl::string_view) { return true; }};
  HeldStore* store_ = nullptr;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::AccountService::Stub> accounts_;
  std::unique_ptr<v1::AuthService::Stub> auth_;
  std::unique_ptr<dev::v1::DevService::Stub> dev_;
};

TEST_F(ServerTest, ListensOnLoopbackAlone) {
  for (const std::string& address :
       {std::string("0.0.0.0:0"), std::string("[::]:0"),
        std::string("example.com:0"), std::string("127.0.0.1.example.com:0"),
        std::string("128.0.0.1:0"), std::string("127.1:0"),
        std::string("127.0.0.256:0")}) {
    ServerOptions options = Loopback();
    options.ports[0].listener.address = address;
    EXPECT_EQ(Start(options).code(), absl::StatusCode::kPermissionDenied)
        << address;
  }
  for (const std::string& address :
       {std::string("127.0.0.1"), std::string(":0"), std::string("127.0.0.1:x"),
        std::string("127.0.0.1:65536"), std::string()}) {
    ServerOptions options = Loopback();
    options.ports[0].listener.address = address;
    EXPECT_EQ(Start(options).code(), absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST_F(ServerTest, HasNoDevServiceUnlessItIsAskedFor) {
  ASSERT_TRUE(Start(Loopback()).ok());
  grpc::ClientContext context;
  dev::v1::GetClockResponse response;
  EXPECT_EQ(dev_->GetClock(&context, {}, &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ServerTest, MovesItsClock) {
  ServerOptions options = Loopback();
  options.dev = true;
  ASSERT_TRUE(Start(options).ok());
  grpc::ClientContext context;
  dev::v1::MoveClockRequest request;
  request.mutable_forward()->set_seconds(90);
  dev::v1::MoveClockResponse response;
  ASSERT_TRUE(dev_->MoveClock(&context, request, &response).ok());
  EXPECT_EQ(response.time().seconds(), 1'700'000'090);
  EXPECT_EQ(clock_.offset(), absl::Seconds(90));
}

TEST_F(ServerTest, AnswersOnlyOnceTheTransactionIsDurable) {
  ASSERT_TRUE(Start(Loopback()).ok());
  store_->Hold();
  std::atomic<bool> answered{false};
  std::thread caller([&] {
    EXPECT_TRUE(CreateAccount("acme").ok());
    answered = true;
  });
  store_->WaitUntilHeld(1);
  EXPECT_FALSE(answered);
  store_->Release();
  caller.join();
  EXPECT_TRUE(answered);
}

TEST_F(ServerTest, TakesOtherCallsWhileTransactionsWaitForTheDisk) {
  ServerOptions options = Loopback();
  options.threads = 1;
  ASSERT_TRUE(Start(options).ok());
  store_->Hold();
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([this, i] {
      EXPECT_TRUE(CreateAccount("acme-" + std::to_string(i)).ok());
    });
  }
  // One thread plans them all: none waits for the disk.
  store_->WaitUntilHeld(8);
  grpc::ClientContext context;
  v1::ListFactorsResponse factors;
  EXPECT_TRUE(auth_->ListFactors(&context, {}, &factors).ok());
  store_->Release();
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace cofactor::services
