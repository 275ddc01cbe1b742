// Load, SIGKILL at a random moment, restart, check: nothing that the server
// answered is undone, no code that it accepted is accepted again, and every
// decision that it answered is in the audit log.

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "cofactor/v1/account_service.grpc.pb.h"
#include "cofactor/v1/audit_service.grpc.pb.h"
#include "cofactor/v1/auth_service.grpc.pb.h"
#include "gtest/gtest.h"
#include "tests/doubles/authorized_channel.h"
#include "tests/doubles/server_process.h"
#include "tests/doubles/totp_authenticator.h"

ABSL_FLAG(int, cycles, 50, "how often the server is killed");
ABSL_FLAG(uint64_t, seed, 1, "of the moments at which it is killed");

namespace cofactor {
namespace {

constexpr int kWorkers = 6;

// What the server has told one worker of one enrollment.
struct Acknowledged {
  std::string member_id;
  std::string enrollment_id;
  TotpAuthenticator authenticator;
  bool confirmed = false;
  std::vector<std::string> accepted_codes;
  uint32_t failures = 0;
  // A wrong code was sent, and the server was killed before it answered.
  bool failure_in_doubt = false;
};

class Client {
 public:
  explicit Client(const ServerProcess& server) {
    const auto channel =
        AuthorizedChannel(server.address(), server.admin_key());
    auth = v1::AuthService::NewStub(channel);
    accounts = v1::AccountService::NewStub(channel);
    audit = v1::AuditService::NewStub(channel);
  }

  std::unique_ptr<v1::AuthService::Stub> auth;
  std::unique_ptr<v1::AccountService::Stub> accounts;
  std::unique_ptr<v1::AuditService::Stub> audit;
};

// What the audit log tells of one member.
struct Told {
  size_t verified = 0;
  size_t failed = 0;
};

// Reads the audit log on and on, and checks that it only grows.
class AuditReader {
 public:
  // Reads to the end, over restarts of the server.
  void ReadOn(Client& client) {
    VerifyChain(client);
    v1::ListAuditEventsRequest request;
    request.set_page_size(1000);
    request.set_page_token(absl::StrCat(last_read_));
    bool more = true;
    while (more) {
      grpc::ClientContext context;
      v1::ListAuditEventsResponse response;
      ASSERT_TRUE(
          client.audit->ListAuditEvents(&context, request, &response).ok());
      for (const v1::AuditEvent& event : response.events()) {
        EXPECT_EQ(event.sequence(), last_read_ + 1);
        last_read_ = event.sequence();
        Told& told = told_[event.member_id()];
        told.verified += event.result() == v1::AUDIT_RESULT_VERIFIED;
        told.failed += event.result() == v1::AUDIT_RESULT_NOT_VERIFIED;
      }
      request.set_page_token(response.next_page_token());
      more = !response.next_page_token().empty();
    }
  }

  Told OfMember(const std::string& member_id) { return told_[member_id]; }

 private:
  // From where the last one ended: nothing that was there before may be other
  // than it was.
  void VerifyChain(Client& client) {
    v1::VerifyAuditChainResponse end;
    do {
      grpc::ClientContext context;
      v1::VerifyAuditChainRequest request;
      request.set_after_sequence(verified_sequence_);
      request.set_after_link(verified_link_);
      const grpc::Status status =
          client.audit->VerifyAuditChain(&context, request, &end);
      ASSERT_TRUE(status.ok()) << status.error_message();
      verified_sequence_ = end.last_sequence();
      verified_link_ = end.last_link();
    } while (!end.complete());
  }

  uint64_t last_read_ = 0;
  uint64_t verified_sequence_ = 0;
  std::string verified_link_;
  std::map<std::string, Told> told_;
};

// Lets the test wait until so many calls were answered.
class Progress {
 public:
  void Add() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ++answers_;
    }
    changed_.notify_all();
  }
  void WaitFor(int answers) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return answers_ >= answers; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int answers_ = 0;
};

class CrashTest : public testing::Test {
 protected:
  CrashTest() {
    data_dir_ = absl::StrCat(testing::TempDir(), "/crash_data");
    binary_ =
        absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                     std::getenv("TEST_WORKSPACE"), "/services/cofactord");
  }

  std::unique_ptr<ServerProcess> Start() {
    auto server = ServerProcess::Start(binary_, data_dir_);
    EXPECT_TRUE(server.ok()) << server.status();
    return server.ok() ? *std::move(server) : nullptr;
  }

  void CreateAccount(const ServerProcess& server) {
    Client client(server);
    grpc::ClientContext context;
    v1::CreateAccountRequest request;
    request.mutable_account()->set_account_id("acme");
    v1::CreateAccountResponse response;
    ASSERT_TRUE(
        client.accounts->CreateAccount(&context, request, &response).ok());
  }

  absl::Time Now() const { return clock_.Now(); }

  // Enrols, verifies and fails until the server is gone.
  std::vector<Acknowledged> Work(const ServerProcess& server,
                                 const std::string& prefix,
                                 Progress& progress) const {
    Client client(server);
    std::vector<Acknowledged> all;
    for (int i = 0;; ++i) {
      all.emplace_back();
      Acknowledged& one = all.back();
      one.member_id = absl::StrCat(prefix, "-", i);
      if (!Enrol(client, one) || !UseCodes(client, one, progress)) break;
    }
    return all;
  }

  bool Enrol(Client& client, Acknowledged& one) const {
    grpc::ClientContext create_context, begin_context, confirm_context;
    v1::CreateMemberRequest create;
    create.mutable_member()->set_account_id("acme");
    create.mutable_member()->set_member_id(one.member_id);
    v1::CreateMemberResponse created;
    if (!client.accounts->CreateMember(&create_context, create, &created)
             .ok()) {
      return false;
    }
    v1::BeginEnrollmentRequest begin;
    begin.set_account_id("acme");
    begin.set_member_id(one.member_id);
    begin.set_factor_type("totp");
    v1::BeginEnrollmentResponse begun;
    if (!client.auth->BeginEnrollment(&begin_context, begin, &begun).ok()) {
      return false;
    }
    one.enrollment_id = begun.enrollment().enrollment_id();
    one.authenticator =
        TotpAuthenticator::FromActivation(begun.activation().totp());
    const std::string code = one.authenticator.CodeAt(Now());
    v1::ConfirmEnrollmentRequest confirm;
    confirm.set_account_id("acme");
    confirm.set_member_id(one.member_id);
    confirm.set_enrollment_id(one.enrollment_id);
    confirm.mutable_response()->set_code(code);
    v1::ConfirmEnrollmentResponse confirmed;
    if (!client.auth->ConfirmEnrollment(&confirm_context, confirm, &confirmed)
             .ok() ||
        !confirmed.verified()) {
      return false;
    }
    one.confirmed = true;
    one.accepted_codes.push_back(code);
    return true;
  }

  bool UseCodes(Client& client, Acknowledged& one, Progress& progress) const {
    progress.Add();
    const std::string code = one.authenticator.CodeAt(Now(), 1);
    v1::VerifyResponse response;
    if (!Verify(client, one, code, response)) return false;
    if (response.verified()) one.accepted_codes.push_back(code);
    progress.Add();
    for (int i = 0; i < 2; ++i) {
      one.failure_in_doubt = true;
      if (!Verify(client, one, WrongCode(one.authenticator, Now()), response)) {
        return false;
      }
      one.failure_in_doubt = false;
      ++one.failures;
      progress.Add();
    }
    return true;
  }

  static bool Verify(Client& client, const Acknowledged& one,
                     const std::string& code, v1::VerifyResponse& response) {
    grpc::ClientContext context;
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_member_id(one.member_id);
    request.set_code(code);
    response.Clear();
    return client.auth->Verify(&context, request, &response).ok();
  }

  void Check(Client& client, const Acknowledged& one) {
    if (!one.confirmed) return;
    // No acknowledged decision without its event.
    const Told told = audit_.OfMember(one.member_id);
    EXPECT_GE(told.verified, one.accepted_codes.size());
    EXPECT_GE(told.failed, one.failures);
    grpc::ClientContext context;
    v1::GetEnrollmentRequest request;
    request.set_account_id("acme");
    request.set_member_id(one.member_id);
    request.set_enrollment_id(one.enrollment_id);
    v1::GetEnrollmentResponse response;
    ASSERT_TRUE(client.auth->GetEnrollment(&context, request, &response).ok())
        << "lost: " << one.member_id;
    EXPECT_EQ(response.enrollment().state(), v1::ENROLLMENT_STATE_ACTIVE);
    EXPECT_GE(response.enrollment().consecutive_failures(), one.failures);
    EXPECT_LE(response.enrollment().consecutive_failures(),
              one.failures + (one.failure_in_doubt ? 1 : 0));
    for (const std::string& code : one.accepted_codes) {
      v1::VerifyResponse again;
      ASSERT_TRUE(Verify(client, one, code, again));
      EXPECT_FALSE(again.verified()) << "accepted again: " << one.member_id;
      if (again.reason() == v1::VERIFICATION_REASON_REPLAYED) ++replays_;
    }
    ++checked_;
  }

  const SystemClock clock_;
  std::string data_dir_;
  std::string binary_;
  AuditReader audit_;
  int checked_ = 0;
  int replays_ = 0;
};

TEST_F(CrashTest, LosesNothingThatWasAnsweredAndAcceptsNoCodeTwice) {
  std::mt19937_64 random(absl::GetFlag(FLAGS_seed));
  std::unique_ptr<ServerProcess> server = Start();
  ASSERT_NE(server, nullptr);
  CreateAccount(*server);
  for (int cycle = 0; cycle < absl::GetFlag(FLAGS_cycles); ++cycle) {
    Progress progress;
    std::vector<std::vector<Acknowledged>> told(kWorkers);
    std::vector<std::thread> workers;
    for (int worker = 0; worker < kWorkers; ++worker) {
      workers.emplace_back([&, worker] {
        told[worker] =
            Work(*server, absl::StrCat("m", cycle, "-", worker), progress);
      });
    }
    progress.WaitFor(1 + static_cast<int>(random() % 200));
    server->Kill();
    for (std::thread& worker : workers) worker.join();
    server = Start();
    ASSERT_NE(server, nullptr);
    Client client(*server);
    audit_.ReadOn(client);
    for (const auto& of_worker : told) {
      for (const Acknowledged& one : of_worker) Check(client, one);
    }
    ASSERT_FALSE(HasFailure()) << "in cycle " << cycle;
  }
  EXPECT_EQ(server->Stop(), 0);
  // Codes that leave the window while the server restarts prove nothing, but
  // they are few.
  EXPECT_GT(replays_, checked_);
  std::cout << checked_ << " enrollments checked, " << replays_
            << " replays refused" << std::endl;
}

}  // namespace
}  // namespace cofactor

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  absl::ParseCommandLine(argc, argv);
  return RUN_ALL_TESTS();
}
