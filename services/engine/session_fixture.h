#ifndef COFACTOR_SERVICES_ENGINE_SESSION_FIXTURE_H_
#define COFACTOR_SERVICES_ENGINE_SESSION_FIXTURE_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/access.pb.h"
#include "cofactor/v1/policy.pb.h"
#include "cofactor/v1/session_service.pb.h"
#include "cofactor/v1/sign_in_service.pb.h"
#include "gtest/gtest.h"
#include "services/engine/session_engine.h"
#include "services/engine/sessions.h"
#include "services/receipts/receipts.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {

// A server with the member "ada" of the account "acme", whom a double signs in:
// it takes every step for proven. Calls are made by the client "web".
class SessionFixture : public testing::Test {
 protected:
  SessionFixture();

  // Who makes the calls from now on.
  void ActAs(const std::string& client_id,
             std::initializer_list<v1::Scope> scopes = {v1::SCOPE_VERIFY},
             std::initializer_list<std::string> account_ids = {});
  // As the server itself, who may do everything.
  void ActAsServer();

  // A step that is proven now: "password", "totp" or "webauthn".
  record::v1::StepRecord Step(const std::string& factor_type) const;

  // Signs ada in with a password and a code, or with these steps.
  v1::Grant SignIn();
  v1::Grant SignIn(const std::vector<record::v1::StepRecord>& steps,
                   const std::string& member_id = "ada");
  // Steps the session up.
  absl::StatusOr<v1::Grant> StepUp(
      const std::string& session_id,
      const std::vector<record::v1::StepRecord>& steps);
  // Remembers a device of ada's; its token.
  std::string Remember(const std::string& name = "Firefox");
  // The device that a token opens, "" if there is none.
  std::string UseDevice(const std::string& token,
                        const std::string& member_id = "ada",
                        const std::string& account_id = "acme");

  absl::StatusOr<v1::RefreshSessionResponse> Refresh(
      const std::string& token, const std::string& request_id = "");
  absl::StatusOr<v1::IntrospectSessionResponse> Introspect(
      const std::string& receipt, const std::string& acr = "",
      std::optional<absl::Duration> max_age = std::nullopt);
  // Whether the session of a receipt lives. It must not need a step-up.
  bool IsActive(const std::string& receipt);
  // Whether a refresh brings a grant.
  bool Refreshes(const std::string& token);
  absl::StatusOr<v1::ListSessionsResponse> List(
      const std::string& member_id = "ada", const std::string& page_token = "",
      int page_size = 0);

  absl::Status Suspend(bool suspended, const std::string& member_id = "ada");
  absl::Status SetValidUntil(absl::Time time);
  absl::Status DeleteMember(const std::string& member_id = "ada");

  // What sessions have by default: the default policy of an account, with
  // remembered devices and a level "resistant" above.
  v1::Policy MakePolicy() const;
  void PutPolicy(v1::Policy policy, const std::string& account_id = "acme");

  void Advance(absl::Duration time) { harness_.clock().Advance(time); }
  // Puts records back as they were, as a backup or a bug would.
  void PutBack(const std::vector<storage::Entry>& entries);

  EngineHarness harness_;
  SeededRandomness randomness_{77};
  Receipts receipts_{"https://id.example", randomness_};
  Sessions sessions_{receipts_, randomness_};
  SessionEngine engine_{sessions_};

 private:
  // Stands where sign-ins will end.
  struct Door {
    absl::Status SignIn(Plan& plan, const v1::StartSignInRequest& request,
                        v1::StartSignInResponse& response) const;
    absl::Status StepUp(Plan& plan, const v1::ContinueSignInRequest& request,
                        v1::ContinueSignInResponse& response) const;
    absl::Status Remember(Plan& plan, const v1::StartSignInRequest& request,
                          v1::StartSignInResponse& response) const;
    absl::Status UseDevice(Plan& plan, const v1::StartSignInRequest& request,
                           v1::StartSignInResponse& response) const;

    const Sessions& sessions;
    Randomness& randomness;
    Steps steps = {};
  };
};

// A value of the metadata of an error, "" if there is none.
std::string MetadataOf(const absl::Status& status, const std::string& name);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SESSION_FIXTURE_H_
