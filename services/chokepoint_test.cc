#include "services/chokepoint.h"

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cofactor/v1/account_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "services/admin_key.h"
#include "services/engine/account_engine.h"
#include "services/engine/keys.h"
#include "storage/memory/memory_store.h"
#include "tests/doubles/authorized_channel.h"

namespace cofactor::services {
namespace {

// Keeps work until the test runs it, or refuses it.
class TestExecutor final : public Executor {
 public:
  bool TrySchedule(Task task) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (full_) return false;
    tasks_.push_back(std::move(task));
    changed_.notify_all();
    return true;
  }
  void Continue(Task task) override { std::move(task)(); }

  void SetFull() {
    std::lock_guard<std::mutex> lock(mutex_);
    full_ = true;
  }

  Task TakeTask() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return !tasks_.empty(); });
    Task task = std::move(tasks_.back());
    tasks_.pop_back();
    return task;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool full_ = false;
  std::vector<Task> tasks_;
};

// AccountService.CreateAccount behind the chokepoint. Shows the context of the
// last call.
class CreateAccountService final : public v1::AccountService::CallbackService {
 public:
  explicit CreateAccountService(Chokepoint& chokepoint)
      : chokepoint_(chokepoint) {}

  grpc::ServerUnaryReactor* CreateAccount(
      grpc::CallbackServerContext* context,
      const v1::CreateAccountRequest* request,
      v1::CreateAccountResponse* response) override {
    context_ = context;
    return chokepoint_.Mutate(context, request, response, engine_,
                              &AccountEngine::CreateAccount);
  }

  grpc::CallbackServerContext* context() const { return context_; }

 private:
  Chokepoint& chokepoint_;
  const AccountEngine engine_{};
  std::atomic<grpc::CallbackServerContext*> context_{nullptr};
};

class ChokepointTest : public testing::Test {
 protected:
  ChokepointTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::AccountService::NewStub(
        AuthorizedChannel("127.0.0.1:" + std::to_string(port), key_));
  }

  // A caller who may do everything.
  std::string MakeClient() {
    const std::string key_file = testing::TempDir() + "/admin_key";
    EXPECT_TRUE(
        ResetAdminKey({store_, clock_, randomness_, audit_log_}, key_file)
            .ok());
    EXPECT_TRUE(directory_.Load(store_).ok());
    std::string key;
    std::getline(std::ifstream(key_file), key);
    return key;
  }

  grpc::Status CreateAccount(grpc::ClientContext& context) {
    v1::CreateAccountRequest request;
    request.mutable_account()->set_account_id("acme");
    v1::CreateAccountResponse response;
    return stub_->CreateAccount(&context, request, &response);
  }

  bool AccountExists() {
    return store_.GetSnapshot()->Get(AccountKey("acme"))->exists();
  }

  const ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  storage::MemoryStore store_{clock_};
  SeededRandomness randomness_{1};
  const AuditLog audit_log_{randomness_, absl::Hours(1)};
  ClientDirectory directory_;
  const std::string key_ = MakeClient();
  const std::unique_ptr<const Gate> gate_ =
      *Gate::Create({"cofactor.v1.AccountService"}, directory_, clock_);
  Metrics metrics_{{}, {}};
  Log log_{clock_, Log::Options(), [](absl::string_view) { return true; }};
  CallTelemetry telemetry_{metrics_, log_, true};
  TestExecutor executor_;
  Chokepoint chokepoint_{*gate_, telemetry_, executor_, store_,
                         clock_, audit_log_, nullptr,   nullptr};
  CreateAccountService service_{chokepoint_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::AccountService::Stub> stub_;
};

TEST_F(ChokepointTest, ShedsAtOnceWhatTheExecutorCannotTake) {
  executor_.SetFull();
  grpc::ClientContext context;
  const grpc::Status status = CreateAccount(context);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  bool has_retry = false;
  for (const auto& detail : details.details()) {
    has_retry |= detail.Is<google::rpc::RetryInfo>();
  }
  EXPECT_TRUE(has_retry);
  EXPECT_FALSE(AccountExists());
}

TEST_F(ChokepointTest, RunsTheWorkOffTheGrpcThread) {
  grpc::ClientContext context;
  std::thread caller([&] { EXPECT_TRUE(CreateAccount(context).ok()); });
  Executor::Task task = executor_.TakeTask();
  EXPECT_FALSE(AccountExists());
  std::move(task)();
  caller.join();
  EXPECT_TRUE(AccountExists());
}

TEST_F(ChokepointTest, DoesNothingForACallerWhoHasGone) {
  grpc::ClientContext context;
  std::thread caller([&] {
    EXPECT_EQ(CreateAccount(context).error_code(), grpc::StatusCode::CANCELLED);
  });
  Executor::Task task = executor_.TakeTask();
  context.TryCancel();
  caller.join();
  // The cancellation is on its way to the server.
  while (!service_.context()->IsCancelled()) std::this_thread::yield();
  std::move(task)();
  EXPECT_FALSE(AccountExists());
}

}  // namespace
}  // namespace cofactor::services
