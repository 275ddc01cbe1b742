#include "services/slow_calls.h"

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cofactor/v1/auth_service.grpc.pb.h"
#include "factors/standard_factors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "services/admin_key.h"
#include "services/chokepoint.h"
#include "services/engine/challenge_listener.h"
#include "services/engine/keys.h"
#include "storage/memory/memory_store.h"
#include "tests/doubles/authorized_channel.h"

namespace cofactor::services {
namespace {

// Runs tasks at once and counts them, or refuses them.
class CountingExecutor final : public Executor {
 public:
  bool TrySchedule(Task task) override {
    if (full) return false;
    ++begun;
    std::move(task)();
    return true;
  }
  void Continue(Task task) override {
    ++continued;
    std::move(task)();
  }

  std::atomic<bool> full{false};
  std::atomic<int> begun{0};
  std::atomic<int> continued{0};
};

factors::FactorRegistry StandardFactors() {
  factors::FactorRegistry::Builder factors;
  EXPECT_TRUE(factors::RegisterStandardFactors(factors).ok());
  return std::move(factors).Build();
}

TEST(SlowCallsTest, TakesWhatHashesSlowlyAlone) {
  const factors::FactorRegistry registry = StandardFactors();
  CountingExecutor executor;
  const SlowCalls slow(registry, executor);
  v1::VerifyRequest verify;
  EXPECT_FALSE(slow.Takes(verify));
  verify.set_factor_type("recovery_code");
  EXPECT_TRUE(slow.Takes(verify));
  verify.set_factor_type("totp");
  verify.set_code("123456");
  EXPECT_FALSE(slow.Takes(verify));
  verify.set_factor_type("no_such_factor");
  EXPECT_FALSE(slow.Takes(verify));
  verify.set_factor_type("password");
  EXPECT_TRUE(slow.Takes(verify));
  // Its digest alone takes long.
  verify.set_factor_type("totp");
  verify.mutable_response()->set_password("x");
  EXPECT_TRUE(slow.Takes(verify));
  v1::BeginEnrollmentRequest begin;
  begin.set_factor_type("sms");
  EXPECT_FALSE(slow.Takes(begin));
  begin.set_factor_type("password");
  EXPECT_TRUE(slow.Takes(begin));
  v1::ConfirmEnrollmentRequest confirm;
  confirm.mutable_response()->set_code("123456");
  EXPECT_FALSE(slow.Takes(confirm));
  confirm.mutable_response()->set_password("x");
  EXPECT_TRUE(slow.Takes(confirm));
  v1::VerifyChallengeRequest answer;
  answer.mutable_response()->set_code("123456");
  EXPECT_FALSE(slow.Takes(answer));
  answer.mutable_response()->set_password("x");
  EXPECT_TRUE(slow.Takes(answer));
}

// Loses its first race, so that it is asked twice.
class RacingEngine {
 public:
  explicit RacingEngine(storage::Store& store) : store_(store) {}

  absl::Status Verify(Plan& plan, const v1::VerifyRequest& request,
                      v1::VerifyResponse& response) const {
    const std::string key = MemberKey("acme", "ada");
    auto member = plan.Read<record::v1::MemberRecord>(key);
    if (!member.ok()) return member.status();
    plan.Write(key, member->record);
    plan.Announce({"acme", "ada", ""});
    if (raced_.exchange(true)) return absl::OkStatus();
    storage::Transaction other;
    record::v1::MemberRecord record;
    record.set_version(kRecordVersion);
    other.Put(key, record.SerializeAsString());
    return storage::CommitAndWait(store_, std::move(other));
  }

 private:
  storage::Store& store_;
  mutable std::atomic<bool> raced_{false};
};

// Keeps what it hears.
class KeepingListener final : public ChallengeListener {
 public:
  void ChallengesChanged(const std::vector<ChallengeChange>& changes) override {
    for (const ChallengeChange& change : changes) {
      heard.push_back(change.account_id + "/" + change.member_id);
    }
  }

  // Written before the answer of the call, read after it.
  std::vector<std::string> heard;
};

// AuthService.Verify behind the chokepoint.
class VerifyService final : public v1::AuthService::CallbackService {
 public:
  VerifyService(Chokepoint& chokepoint, storage::Store& store)
      : chokepoint_(chokepoint), engine_(store) {}

  grpc::ServerUnaryReactor* Verify(grpc::CallbackServerContext* context,
                                   const v1::VerifyRequest* request,
                                   v1::VerifyResponse* response) override {
    return chokepoint_.Mutate(context, request, response, engine_,
                              &RacingEngine::Verify);
  }

 private:
  Chokepoint& chokepoint_;
  const RacingEngine engine_;
};

class SlowCallsServerTest : public testing::Test {
 protected:
  SlowCallsServerTest() {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    client_ = v1::AuthService::NewStub(
        AuthorizedChannel("127.0.0.1:" + std::to_string(port), key_));
  }

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

  grpc::Status Verify(const std::string& factor_type) {
    grpc::ClientContext context;
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_factor_type(factor_type);
    v1::VerifyResponse response;
    return client_->Verify(&context, request, &response);
  }

  const factors::FactorRegistry registry_ = StandardFactors();
  const ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  storage::MemoryStore store_{clock_};
  SeededRandomness randomness_{1};
  const AuditLog audit_log_{randomness_, absl::Hours(1)};
  ClientDirectory directory_;
  const std::string key_ = MakeClient();
  const std::unique_ptr<const Gate> gate_ =
      *Gate::Create({"cofactor.v1.AuthService"}, directory_, clock_);
  Metrics metrics_{{}, {}};
  Log log_{clock_, Log::Options(), [](absl::string_view) { return true; }};
  CallTelemetry telemetry_{metrics_, log_, true};
  CountingExecutor usual_;
  CountingExecutor slow_;
  const SlowCalls slow_calls_{registry_, slow_};
  KeepingListener listener_;
  Chokepoint chokepoint_{*gate_,  telemetry_, usual_,
                         store_,  clock_,     audit_log_,
                         nullptr, &listener_, &slow_calls_};
  VerifyService service_{chokepoint_, store_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::AuthService::Stub> client_;
};

TEST_F(SlowCallsServerTest, PlansASlowCallInItsPoolEachTime) {
  const grpc::Status status = Verify("password");
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(slow_.begun, 1);
  EXPECT_EQ(slow_.continued, 1);
  EXPECT_EQ(usual_.begun + usual_.continued, 0);
}

TEST_F(SlowCallsServerTest, PlansOtherCallsInTheUsualPool) {
  EXPECT_TRUE(Verify("totp").ok());
  EXPECT_EQ(usual_.begun, 1);
  EXPECT_EQ(usual_.continued, 1);
  EXPECT_EQ(slow_.begun + slow_.continued, 0);
}

// Or whoever watches challenges would miss what a password changed.
TEST_F(SlowCallsServerTest, TellsTheListenerOfChangesFromBothPools) {
  EXPECT_TRUE(Verify("password").ok());
  EXPECT_EQ(listener_.heard, std::vector<std::string>{"acme/ada"});
  EXPECT_TRUE(Verify("totp").ok());
  EXPECT_EQ(listener_.heard,
            (std::vector<std::string>{"acme/ada", "acme/ada"}));
}

TEST_F(SlowCallsServerTest, RefusesAtOnceWhatItsPoolCannotTake) {
  slow_.full = true;
  const grpc::Status status = Verify("password");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  bool has_retry = false;
  for (const auto& detail : details.details()) {
    has_retry |= detail.Is<google::rpc::RetryInfo>();
  }
  EXPECT_TRUE(has_retry);
  // Others go on.
  EXPECT_TRUE(Verify("totp").ok());
}

}  // namespace
}  // namespace cofactor::services
