#ifndef COFACTOR_SERVICES_ENGINE_DEVICE_FIXTURE_H_
#define COFACTOR_SERVICES_ENGINE_DEVICE_FIXTURE_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/errors.h"
#include "factors/push/device_signer.h"
#include "factors/push/signed_bytes.h"
#include "gtest/gtest.h"
#include "services/engine/device_engine.h"
#include "services/engine/keys.h"
#include "storage/store.h"
#include "tests/doubles/engine_harness.h"
#include "tests/doubles/push_phone.h"

namespace cofactor::services {

// Members ada and bob of acme, and the devices of DeviceService, which have no
// scope but that of devices.
class DeviceFixture : public testing::Test {
 protected:
  DeviceFixture() {
    harness_.CreateMember("acme", "ada");
    harness_.CreateMember("acme", "bob");
  }

  // Begins an enrollment. Devices that are made of its URI share its ticket.
  std::string Begin(const std::string& member_id = "ada",
                    const std::string& request_id = "") {
    v1::BeginEnrollmentRequest begin;
    begin.set_request_id(request_id);
    begin.set_account_id("acme");
    begin.set_member_id(member_id);
    begin.set_factor_type("push");
    const auto begun = harness_.Call(&EnrollmentEngine::BeginEnrollment, begin);
    EXPECT_TRUE(begun.ok()) << begun.status();
    return begun->activation().push().activation_uri();
  }

  static v1::RegisterDeviceRequest RequestOf(
      const factors::push::DeviceIds& ids,
      const v1::DeviceRegistration& registration) {
    v1::RegisterDeviceRequest request;
    request.set_account_id(std::string(ids.account_id));
    request.set_member_id(std::string(ids.member_id));
    request.set_enrollment_id(std::string(ids.enrollment_id));
    *request.mutable_registration() = registration;
    return request;
  }

  absl::StatusOr<v1::RegisterDeviceResponse> Register(
      const v1::RegisterDeviceRequest& request) {
    return harness_.Call(&DeviceEngine::RegisterDevice, request);
  }

  // The call has to be answered, by yes or by no.
  bool Registers(const v1::RegisterDeviceRequest& request) {
    const auto registered = Register(request);
    EXPECT_TRUE(registered.ok()) << registered.status();
    return registered.ok() && registered->registered();
  }
  bool Registers(const PushPhone& phone) {
    return Registers(RequestOf(phone.ids(), phone.Registration()));
  }

  // A registered device.
  PushPhone Enrol(
      const std::string& member_id = "ada",
      v1::DeviceKeyAlgorithm algorithm = v1::DEVICE_KEY_ALGORITHM_ED25519) {
    PushPhone phone(Begin(member_id), algorithm);
    EXPECT_TRUE(Registers(phone));
    return phone;
  }

  std::string Nonce() {
    const auto made = harness_.Call(&DeviceEngine::CreateDeviceNonce,
                                    v1::CreateDeviceNonceRequest());
    EXPECT_TRUE(made.ok()) << made.status();
    return made->nonce();
  }

  static v1::DeviceProof ProofOf(const factors::push::DeviceIds& ids,
                                 const std::string& nonce,
                                 const std::string& signature) {
    v1::DeviceProof proof;
    proof.set_account_id(std::string(ids.account_id));
    proof.set_member_id(std::string(ids.member_id));
    proof.set_enrollment_id(std::string(ids.enrollment_id));
    proof.set_nonce(nonce);
    proof.set_signature(signature);
    return proof;
  }

  absl::StatusOr<v1::ListPendingChallengesResponse> List(
      const v1::DeviceProof& proof) {
    v1::ListPendingChallengesRequest request;
    *request.mutable_proof() = proof;
    return harness_.Call(&DeviceEngine::ListPendingChallenges, request);
  }

  absl::StatusOr<v1::ListPendingChallengesResponse> List(
      const PushPhone& phone) {
    const std::string nonce = Nonce();
    return List(
        ProofOf(phone.ids(), nonce,
                phone.Sign(factors::push::ListBytes(phone.ids(), nonce))));
  }

  bool IsDevice(const PushPhone& phone) {
    const absl::Status status = List(phone).status();
    EXPECT_TRUE(status.ok() || ErrorReason(status) == "DEVICE_NOT_PROVEN")
        << status;
    return status.ok();
  }

  v1::CreateChallengeResponse Prompt(const std::string& member_id = "ada",
                                     const std::string& enrollment_id = "") {
    v1::CreateChallengeRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_factor_type("push");
    request.set_enrollment_id(enrollment_id);
    request.set_purpose("sign-in");
    request.mutable_details()->set_title("Sign in to the shop");
    const auto created =
        harness_.Call(&ChallengeEngine::CreateChallenge, request);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.value_or(v1::CreateChallengeResponse());
  }

  v1::ChallengeState StateOf(const std::string& challenge_id) {
    v1::GetChallengeRequest request;
    request.set_challenge_id(challenge_id);
    const auto got = harness_.Call(&ChallengeEngine::GetChallenge, request);
    EXPECT_TRUE(got.ok()) << got.status();
    return got->challenge().state();
  }

  void Cancel(const std::string& challenge_id) {
    v1::CancelChallengeRequest cancel;
    cancel.set_challenge_id(challenge_id);
    ASSERT_TRUE(harness_.Call(&ChallengeEngine::CancelChallenge, cancel).ok());
  }

  absl::StatusOr<v1::AnswerChallengeResponse> Answer(
      const PushPhone& phone, const v1::Challenge& challenge,
      v1::PushDecision decision, const std::string& number = "") {
    v1::AnswerChallengeRequest request;
    request.set_challenge_id(challenge.challenge_id());
    request.set_account_id(phone.account_id());
    request.set_member_id(phone.member_id());
    request.set_enrollment_id(phone.enrollment_id());
    *request.mutable_answer() = phone.Answer(challenge, decision, number);
    return harness_.Call(&DeviceEngine::AnswerChallenge, request);
  }

  std::map<std::string, std::string> AttributesOf(const PushPhone& phone) {
    const v1::Enrollment enrollment = harness_.GetEnrollment(
        phone.account_id(), phone.member_id(), phone.enrollment_id());
    return {enrollment.attributes().begin(), enrollment.attributes().end()};
  }

  // All that the store holds, to see whether something was written.
  std::vector<std::pair<std::string, storage::Version>> Versions(
      const std::string& prefix = "") {
    std::vector<std::pair<std::string, storage::Version>> versions;
    for (const storage::Entry& entry : harness_.RawRecords(prefix)) {
      versions.emplace_back(entry.key, entry.record.version);
    }
    return versions;
  }

  EngineHarness harness_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_DEVICE_FIXTURE_H_
