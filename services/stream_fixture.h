#ifndef COFACTOR_SERVICES_STREAM_FIXTURE_H_
#define COFACTOR_SERVICES_STREAM_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "cofactor/v1/account_service.grpc.pb.h"
#include "cofactor/v1/auth_service.grpc.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "services/server.h"
#include "services/telemetry/log.h"
#include "services/telemetry/metrics.h"
#include "storage/store.h"
#include "tests/doubles/push_phone.h"
#include "tests/doubles/totp_authenticator.h"

namespace cofactor::services {

// The reason of the ErrorInfo of an error; empty if there is none.
std::string ReasonOf(const grpc::Status& status);

// One who watches a challenge.
class Watcher {
 public:
  Watcher(v1::AuthService::Stub& auth, const std::string& challenge_id);

  // What comes next; nothing if the stream has ended.
  std::optional<v1::Challenge> Next();
  // The state that comes next; unspecified if the stream has ended.
  v1::ChallengeState NextState();
  // How the stream ended, whatever came before.
  grpc::Status End();
  void Cancel() { context_->TryCancel(); }

 private:
  const std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchChallengeResponse>> reader_;
};

// A server in this process with an account "acme", a member "ada" and her TOTP
// authenticator, for tests of streams over real connections. The clock stands
// still until a test moves it.
class StreamFixture {
 public:
  static ServerOptions Loopback();

  explicit StreamFixture(const ServerOptions& options = Loopback());

  // Ends the server and starts another one on the same store.
  void Restart();
  // Ends it.
  void Stop() { server_.reset(); }
  void Shutdown() { server_->Shutdown(absl::Seconds(60)); }

  // A context that gives up after so long that no right test takes it.
  static std::unique_ptr<grpc::ClientContext> Context();

  const std::string& admin_key() const { return admin_key_; }
  // The key of a new client.
  std::string MakeClient(const std::vector<v1::Scope>& scopes);
  // A connection of its own, whose calls bring the key.
  std::shared_ptr<grpc::Channel> ChannelOf(const std::string& key);
  std::string address() const { return server_->addresses()[0]; }
  // A connection of its own without a key, as devices have it. window: bytes
  // that the server may send before they are read; 0 for what is usual.
  std::shared_ptr<grpc::Channel> DeviceConnection(int window = 0);
  // With the key of the administrator.
  v1::AuthService::Stub& auth() { return *auth_; }

  ManualClock& clock() { return clock_; }
  absl::Time now() const { return clock_.Now(); }
  // Blocks until a gauge of the server has this value.
  void WaitForGauge(const std::string& name, int value) const;

  v1::Challenge CreateTotpChallenge();
  v1::VerifyChallengeResponse Answer(const v1::Challenge& challenge,
                                     const std::string& code);
  std::string RightCode() const { return app_.CodeAt(now()); }
  std::string WrongCode() const { return cofactor::WrongCode(app_, now()); }
  void Cancel(const std::string& challenge_id);

  // A device of ada's that has registered itself.
  PushPhone EnrolPhone();
  v1::CreateChallengeResponse CreatePushChallenge();
  void DeleteEnrollment(const PushPhone& phone);
  void SuspendAda();

 private:
  void Start();
  void CreateAda();

  const ServerOptions options_;
  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  OffsetClock offset_clock_{clock_};
  SeededRandomness randomness_{1};
  Metrics metrics_{Server::Methods(), {"totp", "push"}};
  Log log_{clock_, Log::Options(), [](absl::string_view) { return true; }};
  // Outlives the servers.
  std::unique_ptr<storage::Store> store_;
  std::string admin_key_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::AuthService::Stub> auth_;
  std::unique_ptr<v1::AccountService::Stub> accounts_;
  TotpAuthenticator app_;
  int clients_ = 0;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_STREAM_FIXTURE_H_
