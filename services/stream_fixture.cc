#include "services/stream_fixture.h"

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cofactor/v1/account_service.grpc.pb.h"
#include "cofactor/v1/admin_service.grpc.pb.h"
#include "factors/standard_factors.h"
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
  const auto accounts = v1::AccountService::NewStub(ChannelOf(admin_key_));
  v1::CreateAccountRequest account;
  account.mutable_account()->set_account_id(kAccount);
  v1::CreateAccountResponse account_created;
  ASSERT_TRUE(
      accounts->CreateAccount(Context().get(), account, &account_created).ok());
  v1::CreateMemberRequest member;
  member.mutable_member()->set_account_id(kAccount);
  member.mutable_member()->set_member_id(kMember);
  v1::CreateMemberResponse member_created;
  ASSERT_TRUE(
      accounts->CreateMember(Context().get(), member, &member_created).ok());
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

}  // namespace cofactor::services
