#include "services/stream_fixture.h"

#include <fstream>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cofactor/v1/admin_service.grpc.pb.h"
#include "cofactor/v1/device_service.grpc.pb.h"
#include "factors/standard_factors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "services/admin_key.h"
#include "storage/memory/memory_store.h"
#include "tests/doubles/authorized_channel.h"

namespace cofactor::services {
namespace {

constexpr char kAccount[] = "acme";
constexpr char kMember[] = "ada";
constexpr char kPurpose[] = "sign-in";

// Lends a store to a server.
class BorrowedStore final : public storage::Store {
 public:
  explicit BorrowedStore(storage::Store& store) : store_(store) {}

  std::unique_ptr<const storage::Snapshot> GetSnapshot() override {
    return store_.GetSnapshot();
  }
  void Commit(storage::Transaction transaction, CommitDone done) override {
    store_.Commit(std::move(transaction), std::move(done));
  }
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override {
    return store_.RemoveExpired(max_records);
  }
  absl::Status Health() const override { return store_.Health(); }

 private:
  storage::Store& store_;
};

}  // namespace

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  google::rpc::ErrorInfo info;
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&info)) return info.reason();
  }
  return "";
}

Watcher::Watcher(v1::AuthService::Stub& auth, const std::string& challenge_id)
    : context_(StreamFixture::Context()) {
  v1::WatchChallengeRequest request;
  request.set_challenge_id(challenge_id);
  reader_ = auth.WatchChallenge(context_.get(), request);
}

std::optional<v1::Challenge> Watcher::Next() {
  v1::WatchChallengeResponse response;
  if (!reader_->Read(&response)) return std::nullopt;
  return response.challenge();
}

v1::ChallengeState Watcher::NextState() {
  const auto challenge = Next();
  return challenge.has_value() ? challenge->state()
                               : v1::CHALLENGE_STATE_UNSPECIFIED;
}

grpc::Status Watcher::End() {
  while (Next().has_value()) {
  }
  return reader_->Finish();
}

ServerOptions StreamFixture::Loopback() {
  ServerOptions options;
  options.ports.emplace_back().listener.address = "127.0.0.1:0";
  return options;
}

StreamFixture::StreamFixture(const ServerOptions& options)
    : options_(options),
      store_(std::make_unique<storage::MemoryStore>(offset_clock_)) {
  const std::string key_file = testing::TempDir() + "/admin_key";
  const AuditLog audit_log(randomness_, absl::Hours(1));
  EXPECT_TRUE(
      ResetAdminKey({*store_, offset_clock_, randomness_, audit_log}, key_file)
          .ok());
  std::getline(std::ifstream(key_file), admin_key_);
  Start();
  CreateAda();
}

void StreamFixture::Start() {
  factors::FactorRegistry::Builder factors;
  EXPECT_TRUE(factors::RegisterStandardFactors(factors).ok());
  auto server = Server::Start(
      options_, ServerParts{std::make_unique<BorrowedStore>(*store_), nullptr,
                            std::move(factors).Build(), offset_clock_,
                            randomness_, metrics_, log_});
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  auth_ = v1::AuthService::NewStub(ChannelOf(admin_key_));
  accounts_ = v1::AccountService::NewStub(ChannelOf(admin_key_));
}

void StreamFixture::Restart() {
  Stop();
  Start();
}

std::unique_ptr<grpc::ClientContext> StreamFixture::Context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(
      absl::ToChronoTime(SystemClock().Now() + absl::Seconds(30)));
  return context;
}

std::shared_ptr<grpc::Channel> StreamFixture::ChannelOf(
    const std::string& key) {
  return AuthorizedChannel(address(), key);
}

std::shared_ptr<grpc::Channel> StreamFixture::DeviceConnection(int window) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (window != 0) {
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, window);
  }
  return grpc::CreateCustomChannel(
      address(), grpc::InsecureChannelCredentials(), arguments);
}

void StreamFixture::WaitForGauge(const std::string& name, int value) const {
  const std::string line = absl::StrCat(name, " ", value, "\n");
  while (!absl::StrContains(metrics_.Serialize(), line)) {
    std::this_thread::yield();
  }
}

std::string StreamFixture::MakeClient(const std::vector<v1::Scope>& scopes) {
  v1::CreateClientRequest request;
  request.mutable_client()->set_client_id(absl::StrCat("c", ++clients_));
  for (const v1::Scope scope : scopes) {
    request.mutable_client()->add_scopes(scope);
  }
  v1::CreateClientResponse response;
  const auto admin = v1::AdminService::NewStub(ChannelOf(admin_key_));
  EXPECT_TRUE(admin->CreateClient(Context().get(), request, &response).ok());
  return response.api_key();
}

void StreamFixture::CreateAda() {
  v1::CreateAccountRequest account;
  account.mutable_account()->set_account_id(kAccount);
  v1::CreateAccountResponse account_created;
  ASSERT_TRUE(
      accounts_->CreateAccount(Context().get(), account, &account_created)
          .ok());
  v1::CreateMemberRequest member;
  member.mutable_member()->set_account_id(kAccount);
  member.mutable_member()->set_member_id(kMember);
  v1::CreateMemberResponse member_created;
  ASSERT_TRUE(
      accounts_->CreateMember(Context().get(), member, &member_created).ok());
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id(kAccount);
  begin.set_member_id(kMember);
  begin.set_factor_type("totp");
  v1::BeginEnrollmentResponse begun;
  ASSERT_TRUE(auth_->BeginEnrollment(Context().get(), begin, &begun).ok());
  app_ = TotpAuthenticator::FromActivation(begun.activation().totp());
  v1::ConfirmEnrollmentRequest confirm;
  confirm.set_account_id(kAccount);
  confirm.set_member_id(kMember);
  confirm.set_enrollment_id(begun.enrollment().enrollment_id());
  confirm.mutable_response()->set_code(RightCode());
  v1::ConfirmEnrollmentResponse confirmed;
  ASSERT_TRUE(
      auth_->ConfirmEnrollment(Context().get(), confirm, &confirmed).ok());
  ASSERT_TRUE(confirmed.verified());
  // The next code is one that was not used yet.
  clock_.Advance(absl::Seconds(60));
}

v1::Challenge StreamFixture::CreateTotpChallenge() {
  v1::CreateChallengeRequest request;
  request.set_account_id(kAccount);
  request.set_member_id(kMember);
  request.set_factor_type("totp");
  request.set_purpose(kPurpose);
  v1::CreateChallengeResponse response;
  const grpc::Status status =
      auth_->CreateChallenge(Context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.challenge();
}

v1::VerifyChallengeResponse StreamFixture::Answer(
    const v1::Challenge& challenge, const std::string& code) {
  v1::VerifyChallengeRequest request;
  request.set_challenge_id(challenge.challenge_id());
  request.set_account_id(challenge.account_id());
  request.set_member_id(challenge.member_id());
  request.set_purpose(challenge.purpose());
  request.mutable_response()->set_code(code);
  v1::VerifyChallengeResponse response;
  const grpc::Status status =
      auth_->VerifyChallenge(Context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

void StreamFixture::Cancel(const std::string& challenge_id) {
  v1::CancelChallengeRequest request;
  request.set_challenge_id(challenge_id);
  v1::CancelChallengeResponse response;
  EXPECT_TRUE(auth_->CancelChallenge(Context().get(), request, &response).ok());
}

PushPhone StreamFixture::EnrolPhone() {
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id(kAccount);
  begin.set_member_id(kMember);
  begin.set_factor_type("push");
  v1::BeginEnrollmentResponse begun;
  EXPECT_TRUE(auth_->BeginEnrollment(Context().get(), begin, &begun).ok());
  PushPhone phone(begun.activation().push().activation_uri());
  v1::RegisterDeviceRequest request;
  request.set_account_id(phone.account_id());
  request.set_member_id(phone.member_id());
  request.set_enrollment_id(phone.enrollment_id());
  *request.mutable_registration() = phone.Registration();
  v1::RegisterDeviceResponse response;
  const auto devices = v1::DeviceService::NewStub(DeviceConnection());
  const grpc::Status status =
      devices->RegisterDevice(Context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.registered());
  return phone;
}

v1::CreateChallengeResponse StreamFixture::CreatePushChallenge() {
  v1::CreateChallengeRequest request;
  request.set_account_id(kAccount);
  request.set_member_id(kMember);
  request.set_factor_type("push");
  request.set_purpose(kPurpose);
  request.mutable_details()->set_title("Sign in to the admin panel");
  v1::CreateChallengeResponse response;
  const grpc::Status status =
      auth_->CreateChallenge(Context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

void StreamFixture::DeleteEnrollment(const PushPhone& phone) {
  v1::DeleteEnrollmentRequest request;
  request.set_account_id(phone.account_id());
  request.set_member_id(phone.member_id());
  request.set_enrollment_id(phone.enrollment_id());
  v1::DeleteEnrollmentResponse response;
  EXPECT_TRUE(
      auth_->DeleteEnrollment(Context().get(), request, &response).ok());
}

void StreamFixture::SuspendAda() {
  v1::UpdateMemberRequest request;
  request.mutable_member()->set_account_id(kAccount);
  request.mutable_member()->set_member_id(kMember);
  request.mutable_member()->set_state(v1::MEMBER_STATE_SUSPENDED);
  request.mutable_update_mask()->add_paths("state");
  v1::UpdateMemberResponse response;
  EXPECT_TRUE(
      accounts_->UpdateMember(Context().get(), request, &response).ok());
}

}  // namespace cofactor::services
