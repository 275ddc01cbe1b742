#ifndef COFACTOR_SERVICES_ENGINE_SIGN_IN_FIXTURE_H_
#define COFACTOR_SERVICES_ENGINE_SIGN_IN_FIXTURE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/policy.pb.h"
#include "cofactor/v1/sign_in_service.pb.h"
#include "gtest/gtest.h"
#include "services/engine/caller.h"
#include "services/engine/sessions.h"
#include "services/engine/sign_in_engine.h"
#include "services/receipts/receipts.h"
#include "tests/doubles/engine_harness.h"
#include "tests/doubles/push_phone.h"

namespace cofactor::services {

// Member ada of acme, and the client "web", which may verify and no more, as
// the back end of a login page. Ends a test where its scene cannot be set.
class SignInFixture : public testing::Test {
 protected:
  static constexpr char kPassword[] = "nine lamps, no attic";
  static constexpr char kWrongPassword[] = "ten lamps, no cellar";
  static constexpr char kNumber[] = "+4915112345678";

  SignInFixture();

  // What the server itself does.
  void AddMember(const std::string& member_id);
  std::string EnrolPassword(const std::string& member_id = "ada");
  EngineHarness::Enrolled EnrolTotp(const std::string& member_id = "ada");
  std::string EnrolSms(const std::string& number = kNumber,
                       const std::string& member_id = "ada");
  PushPhone EnrolPhone(const std::string& member_id = "ada");
  // Its codes. recovery_id_ is that of its enrollment.
  std::vector<std::string> EnrolRecoveryCodes();
  void Revoke(const std::string& enrollment_id);
  void Suspend(bool suspended);
  void DeleteMember();
  // Ends all sessions and open sign-ins of ada.
  void SignOut();
  // Changes ada's record as another call would.
  template <typename Change>
  void ChangeMember(Change change) {
    record::v1::MemberRecord member = ReadAda();
    change(member);
    WriteAda(member);
  }
  void PutPolicy(const v1::Policy& policy);
  // Tries it beside the default one.
  void PutShadowPolicy(const v1::Policy& policy);

  // What the login page asks for: in the name of a client, at first "web".
  void ActAs(const std::string& client_id) { client_id_ = client_id; }
  static v1::StartSignInRequest StartRequest(
      const std::string& member_id = "ada",
      const std::string& password = kPassword);
  absl::StatusOr<v1::StartSignInResponse> Start(
      const v1::StartSignInRequest& request = StartRequest());
  // It has to work.
  v1::StartSignInResponse MustStart(
      const v1::StartSignInRequest& request = StartRequest());
  static v1::ContinueSignInRequest ContinueRequest(
      const v1::SignIn& sign_in, const std::string& code = "",
      const std::string& factor_type = "");
  absl::StatusOr<v1::ContinueSignInResponse> Continue(
      const v1::ContinueSignInRequest& request);
  absl::StatusOr<v1::ContinueSignInResponse> Continue(
      const v1::SignIn& sign_in, const std::string& code = "",
      const std::string& factor_type = "");
  v1::ContinueSignInResponse MustContinue(const v1::SignIn& sign_in,
                                          const std::string& code = "",
                                          const std::string& factor_type = "");
  absl::StatusOr<v1::SignIn> Get(const v1::SignIn& sign_in);
  absl::StatusOr<v1::SignIn> Cancel(const v1::SignIn& sign_in);
  // Signs ada in by password and code; a minute is over after it.
  v1::Grant SignIn(const EngineHarness::Enrolled& totp);

  // What the person does on the phone.
  void AnswerOn(const PushPhone& phone, const v1::Challenge& challenge,
                const std::string& number,
                v1::PushDecision decision = v1::PUSH_DECISION_APPROVE);
  // The code of the one text message since the last call.
  std::string TakeTextedCode();
  std::string CodeOf(const EngineHarness::Enrolled& totp) const {
    return totp.authenticator.CodeAt(harness_.now());
  }

  // What the receipt of a grant states.
  Receipt ReceiptOf(const v1::Grant& grant);
  v1::ChallengeState StateOfChallenge(const std::string& challenge_id);
  void Advance(absl::Duration time) { harness_.clock().Advance(time); }
  // The last event of the audit log.
  record::v1::AuditRecord LastEvent() { return harness_.AuditEvents().back(); }

  // As the client of the page.
  Caller Client() const;

  EngineHarness harness_;
  SeededRandomness randomness_{21};
  const Receipts receipts_{"https://id.example", randomness_};
  const Sessions sessions_{receipts_, randomness_};
  const SignInEngine engine_;
  std::string recovery_id_;

 private:
  void PutPolicies(const v1::Policy* policy, const v1::Policy* shadow);
  record::v1::MemberRecord ReadAda();
  void WriteAda(record::v1::MemberRecord& member);

  std::string client_id_ = "web";
};

// Type ids of the options of a sign-in, in their order.
std::vector<std::string> OptionsOf(const v1::SignIn& sign_in);

// "amr" of a session, in its order.
std::vector<std::string> AmrOf(const v1::Session& session);

// Six digits, but not these.
std::string OtherCode(const std::string& code);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SIGN_IN_FIXTURE_H_
