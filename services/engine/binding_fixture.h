#ifndef COFACTOR_SERVICES_ENGINE_BINDING_FIXTURE_H_
#define COFACTOR_SERVICES_ENGINE_BINDING_FIXTURE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/account.pb.h"
#include "cofactor/v1/auth_service.pb.h"
#include "cofactor/v1/policy.pb.h"
#include "cofactor/v1/recovery_service.pb.h"
#include "cofactor/v1/sign_in.pb.h"
#include "gtest/gtest.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {

// A server with the account "acme" of four members: ada, a plain one; olga, an
// owner; adam, an admin; bob, a plain one. Each has a password and an
// authenticator app, and signs in by a double that takes steps for proven.
class BindingFixture : public testing::Test {
 protected:
  BindingFixture();

  // Two levels, "pwd" by a password and "mfa" by a password and something that
  // one has; "mfa" to sign in and, not longer ago than 5 minutes, to bind.
  static v1::Policy MakePolicy();
  // Has it hold for the account.
  void PutPolicy(v1::Policy policy, const std::string& account_id = "acme");

  void CreateMember(const std::string& member_id, v1::MemberRole role,
                    const std::string& account_id = "acme");
  void SetRole(const std::string& member_id, v1::MemberRole role);
  void DeleteMember(const std::string& member_id);
  // Changes a record of the store.
  void ChangeMember(const std::string& member_id,
                    const std::function<void(record::v1::MemberRecord&)>& how);
  record::v1::MemberRecord Member(const std::string& member_id,
                                  const std::string& account_id = "acme");

  // A confirmed enrollment without a state: it is there, and cannot answer.
  void GiveFactor(const std::string& member_id, const std::string& factor_type,
                  const std::string& account_id = "acme");
  // Of the last enrollment of that factor.
  record::v1::EnrollmentRecord& EnrollmentOf(record::v1::MemberRecord& member,
                                             const std::string& factor_type);

  // A step that is proven now by the member's enrollment of that factor;
  // "device" for a remembered device.
  record::v1::StepRecord Step(const std::string& member_id,
                              const std::string& factor_type,
                              const std::string& account_id = "acme");
  // A receipt of a new session that rests on a password and a code, or on these
  // factors.
  std::string Receipt(
      const std::string& member_id,
      const std::vector<std::string>& factor_types = {"password", "totp"},
      const std::string& account_id = "acme");
  v1::Proof ReceiptProof(const std::string& member_id,
                         const std::vector<std::string>& factor_types = {
                             "password", "totp"});
  static v1::Proof ProofBy(const std::string& receipt);
  static v1::Proof ProofByTicket(const std::string& ticket);
  static v1::Proof ProofBySignIn(const std::string& sign_in_id);

  // Begins a "totp", or what else it is, for ada, or for whom else.
  static v1::BeginEnrollmentRequest BeginRequest(
      const v1::Proof& proof, const std::string& factor_type = "totp",
      const std::string& member_id = "ada");
  absl::StatusOr<v1::BeginEnrollmentResponse> Begin(
      const v1::BeginEnrollmentRequest& request);
  absl::StatusOr<v1::BeginEnrollmentResponse> Begin(
      const v1::Proof& proof, const std::string& factor_type = "totp",
      const std::string& member_id = "ada");
  // Why it was refused; "OK" if it was not.
  std::string BeginError(const v1::Proof& proof,
                         const std::string& factor_type = "totp",
                         const std::string& member_id = "ada");
  // Deletes the member's last enrollment of that factor.
  absl::Status Remove(const v1::Proof& proof, const std::string& factor_type,
                      const std::string& member_id = "ada");
  std::string RemoveError(const v1::Proof& proof,
                          const std::string& factor_type,
                          const std::string& member_id = "ada");

  // A recovery of ada that olga starts, or who else.
  absl::StatusOr<v1::Recovery> Start(const std::string& receipt,
                                     const std::string& member_id = "ada");
  absl::StatusOr<v1::Recovery> Approve(const std::string& recovery_id,
                                       const std::string& receipt,
                                       const std::string& member_id = "ada");
  absl::StatusOr<v1::IssueEnrollmentTicketResponse> Issue(
      const std::string& recovery_id, const std::string& member_id = "ada");
  absl::StatusOr<v1::Recovery> Cancel(const std::string& recovery_id,
                                      const std::string& member_id = "ada");
  absl::StatusOr<v1::Recovery> GetRecovery(
      const std::string& member_id = "ada");
  // A ticket for ada, whom olga recovers.
  std::string Ticket();

  void Advance(absl::Duration time) { harness_.clock().Advance(time); }

  EngineHarness harness_;
};

// "OK", or the reason of an error, or its code if it has none.
std::string Outcome(const absl::Status& status);

// A value of the metadata of an error, "" if there is none.
std::string MetadataValue(const absl::Status& status, const std::string& name);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_BINDING_FIXTURE_H_
