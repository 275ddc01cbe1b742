// Text messages of the server in this process, over real connections.

#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "base/stopwatch.h"
#include "cofactor/dev/v1/dev_service.grpc.pb.h"
#include "cofactor/v1/account_service.grpc.pb.h"
#include "cofactor/v1/auth_service.grpc.pb.h"
#include "factors/standard_factors.h"
#include "gtest/gtest.h"
#include "services/admin_key.h"
#include "services/server.h"
#include "storage/memory/memory_store.h"
#include "tests/doubles/authorized_channel.h"

namespace cofactor::services {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr char kNumber[] = "+4915123456789";

class MessagesTest : public testing::Test {
 protected:
  // Starts a server whose texts stay in an outbox, or that sends none.
  void Start(bool has_outbox) {
    factors::FactorRegistry::Builder factors;
    ASSERT_TRUE(factors::RegisterStandardFactors(factors).ok());
    auto store = std::make_unique<storage::MemoryStore>(clock_);
    const std::string key_file = testing::TempDir() + "/admin_key";
    const AuditLog audit_log(randomness_, absl::Hours(1));
    ASSERT_TRUE(
        ResetAdminKey({*store, clock_, randomness_, audit_log}, key_file).ok());
    std::string admin_key;
    std::getline(std::ifstream(key_file), admin_key);
    ServerOptions options;
    options.ports.emplace_back().listener.address = "127.0.0.1:0";
    options.dev = true;
    options.send_policy.allowed_regions = {"DE"};
    ServerParts parts{std::move(store),
                      nullptr,
                      std::move(factors).Build(),
                      clock_,
                      randomness_,
                      metrics_,
                      log_};
    if (has_outbox) {
      parts.make_messenger = [this](Messenger::Report report,
                                    ReportServer::Take take) {
        config::v1::Sms sms;
        sms.add_gateways()->set_name("box");
        sms.mutable_gateways(0)->mutable_outbox();
        sms.add_texts()->set_text("{code}");
        return MakeMessenger(sms, clock_, std::move(report), std::move(take));
      };
    }
    auto server = Server::Start(options, std::move(parts));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = AuthorizedChannel(server_->addresses()[0], admin_key);
    accounts_ = v1::AccountService::NewStub(channel);
    auth_ = v1::AuthService::NewStub(channel);
    dev_ = dev::v1::DevService::NewStub(channel);
    v1::CreateMemberRequest request;
    request.mutable_member()->set_account_id("acme");
    request.mutable_member()->set_member_id("alice");
    v1::CreateMemberResponse response;
    v1::CreateAccountRequest account;
    account.mutable_account()->set_account_id("acme");
    v1::CreateAccountResponse created;
    ASSERT_TRUE(accounts_->CreateAccount(&*Context(), account, &created).ok());
    ASSERT_TRUE(accounts_->CreateMember(&*Context(), request, &response).ok());
  }

  static std::unique_ptr<grpc::ClientContext> Context() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(absl::ToChronoTime(SystemClock().Now() + kPatience));
    return context;
  }

  grpc::Status Begin(v1::BeginEnrollmentResponse& response) {
    v1::BeginEnrollmentRequest request;
    request.set_account_id("acme");
    request.set_member_id("alice");
    request.set_factor_type("sms");
    request.mutable_parameters()->mutable_sms()->set_phone_number(kNumber);
    return auth_->BeginEnrollment(&*Context(), request, &response);
  }

  grpc::Status ListOutbox(const std::string& number,
                          dev::v1::ListOutboxResponse& response) {
    dev::v1::ListOutboxRequest request;
    request.set_phone_number(number);
    return dev_->ListOutbox(&*Context(), request, &response);
  }

  const ManualClock base_clock_{absl::FromUnixSeconds(1'700'000'000)};
  OffsetClock clock_{base_clock_};
  SeededRandomness randomness_{1};
  Metrics metrics_{Server::Methods(), {"totp", "sms"}};
  Log log_{base_clock_, Log::Options(), [](absl::string_view) { return true; }};
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::AccountService::Stub> accounts_;
  std::unique_ptr<v1::AuthService::Stub> auth_;
  std::unique_ptr<dev::v1::DevService::Stub> dev_;
};

TEST_F(MessagesTest, SendsACodeThatConfirms) {
  Start(/*has_outbox=*/true);
  v1::BeginEnrollmentResponse begun;
  const grpc::Status status = Begin(begun);
  ASSERT_TRUE(status.ok()) << status.error_message();
  v1::GetEnrollmentRequest get;
  get.set_account_id("acme");
  get.set_member_id("alice");
  get.set_enrollment_id(begun.enrollment().enrollment_id());
  v1::GetEnrollmentResponse got;
  const Stopwatch stopwatch;
  // What becomes of it is written down after the answer.
  while (got.enrollment().delivery().state() != v1::DELIVERY_STATE_SENT &&
         stopwatch.Elapsed() < kPatience) {
    ASSERT_TRUE(auth_->GetEnrollment(&*Context(), get, &got).ok());
  }
  EXPECT_EQ(got.enrollment().delivery().state(), v1::DELIVERY_STATE_SENT);
  EXPECT_EQ(got.enrollment().delivery().gateway(), "box");

  dev::v1::ListOutboxResponse outbox;
  ASSERT_TRUE(ListOutbox("", outbox).ok());
  ASSERT_EQ(outbox.messages_size(), 1);
  EXPECT_EQ(outbox.messages(0).to(), kNumber);
  EXPECT_EQ(outbox.messages(0).send_time().seconds(), 1'700'000'000);

  v1::ConfirmEnrollmentRequest confirm;
  confirm.set_account_id("acme");
  confirm.set_member_id("alice");
  confirm.set_enrollment_id(begun.enrollment().enrollment_id());
  confirm.mutable_response()->set_code(outbox.messages(0).text());
  v1::ConfirmEnrollmentResponse confirmed;
  ASSERT_TRUE(auth_->ConfirmEnrollment(&*Context(), confirm, &confirmed).ok());
  EXPECT_TRUE(confirmed.verified());
}

TEST_F(MessagesTest, ListsTheTextsToANumber) {
  Start(/*has_outbox=*/true);
  v1::BeginEnrollmentResponse begun;
  ASSERT_TRUE(Begin(begun).ok());
  dev::v1::ListOutboxResponse outbox;
  const Stopwatch stopwatch;
  while (outbox.messages().empty() && stopwatch.Elapsed() < kPatience) {
    ASSERT_TRUE(ListOutbox(kNumber, outbox).ok());
  }
  EXPECT_EQ(outbox.messages_size(), 1);
  ASSERT_TRUE(ListOutbox("+4915123456780", outbox).ok());
  EXPECT_EQ(outbox.messages_size(), 0);
}

TEST_F(MessagesTest, SaysThatThereIsNoOutboxAndNoMessenger) {
  Start(/*has_outbox=*/false);
  dev::v1::ListOutboxResponse outbox;
  const grpc::Status status = ListOutbox("", outbox);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_details().find("NO_OUTBOX"), std::string::npos);
  v1::BeginEnrollmentResponse begun;
  const grpc::Status refused = Begin(begun);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(refused.error_details().find("NO_MESSENGER"), std::string::npos);
}

TEST_F(MessagesTest, DoesNotStartWithAMessengerThatCannotBeMade) {
  factors::FactorRegistry::Builder factors;
  ASSERT_TRUE(factors::RegisterStandardFactors(factors).ok());
  ServerOptions options;
  options.ports.emplace_back().listener.address = "127.0.0.1:0";
  ServerParts parts{std::make_unique<storage::MemoryStore>(clock_),
                    nullptr,
                    std::move(factors).Build(),
                    clock_,
                    randomness_,
                    metrics_,
                    log_};
  parts.make_messenger =
      [](const Messenger::Report&,
         const ReportServer::Take&) -> absl::StatusOr<MessengerParts> {
    return absl::FailedPreconditionError("the secret");
  };
  EXPECT_EQ(Server::Start(options, std::move(parts)).status().message(),
            "the secret");
}

}  // namespace
}  // namespace cofactor::services
