#ifndef COFACTOR_FACTORS_PUSH_PUSH_FACTOR_FIXTURE_H_
#define COFACTOR_FACTORS_PUSH_PUSH_FACTOR_FIXTURE_H_

#include <string>
#include <utility>

#include "base/errors.h"
#include "base/randomness.h"
#include "factors/push/activation_uri.h"
#include "factors/push/device_signer.h"
#include "factors/push/push_factor.h"
#include "factors/push/signed_bytes.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {

inline const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
inline const absl::Time kExpiry = kNow + absl::Minutes(2);
inline const EnrollmentSubject kSubject{"acme", "ada", "e1"};

inline constexpr v1::PushDecision kApprove = v1::PUSH_DECISION_APPROVE;
inline constexpr v1::PushDecision kDeny = v1::PUSH_DECISION_DENY;
inline constexpr v1::PushDecision kReport = v1::PUSH_DECISION_REPORT;

inline DeviceIds IdsOf(const EnrollmentSubject& subject) {
  return {subject.account_id, subject.member_id, subject.enrollment_id};
}

inline FactorRegistry MakeRegistry(const std::string& server) {
  FactorRegistry::Builder builder;
  EXPECT_TRUE(RegisterPush(builder, {.device_server = server}).ok());
  return std::move(builder).Build();
}

// A challenge as the server keeps it.
struct Asked {
  std::string challenge_id = "c1";
  std::string purpose = "sign-in";
  v1::ChallengeDetails details;
  absl::Time expire_time = kExpiry;
  Secret state;
  std::string number;

  ShownChallenge shown() const {
    return {challenge_id, purpose, details, expire_time};
  }
};

// The factor, and a device with a key of each algorithm.
class PushFactorFixture
    : public testing::TestWithParam<v1::DeviceKeyAlgorithm> {
 protected:
  PushFactorFixture()
      : registry_(MakeRegistry("https://id.example.com:443")),
        factor_(*registry_.Find("push")),
        signer_(*DeviceSigner::Generate(GetParam())) {}

  BegunEnrollment Begin(const EnrollmentSubject& subject = kSubject) {
    auto begun =
        factor_.BeginEnrollment(subject, parameters_, kNow, randomness_);
    EXPECT_TRUE(begun.ok()) << begun.status();
    return *std::move(begun);
  }

  static ActivationUri UriOf(const BegunEnrollment& begun) {
    auto uri = ParseActivationUri(begun.activation.push().activation_uri());
    EXPECT_TRUE(uri.ok()) << uri.status();
    return *std::move(uri);
  }

  v1::DeviceRegistration Registration(const BegunEnrollment& begun) const {
    v1::DeviceRegistration registration;
    registration.set_ticket(std::string(UriOf(begun).ticket.ExposeSecret()));
    *registration.mutable_key() = signer_.key();
    registration.set_device_name("Ada's phone");
    registration.set_platform("Android 16");
    registration.mutable_wake_up()->set_fcm_token("token");
    Sign(registration);
    return registration;
  }

  void Sign(v1::DeviceRegistration& registration) const {
    registration.set_signature(
        *signer_.Sign(RegistrationBytes(IdsOf(kSubject), registration)));
  }

  absl::StatusOr<Verdict> Confirm(
      const FactorState& state, const v1::DeviceRegistration& registration,
      const EnrollmentSubject& subject = kSubject) const {
    v1::FactorResponse response;
    *response.mutable_device() = registration;
    return factor_.ConfirmEnrollment({state, response, nullptr, kNow, subject});
  }

  bool Registers(const FactorState& state,
                 const v1::DeviceRegistration& registration,
                 const EnrollmentSubject& subject = kSubject) const {
    const auto verdict = Confirm(state, registration, subject);
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    return verdict.ok() && verdict->accepted;
  }

  FactorState Registered() {
    const BegunEnrollment begun = Begin();
    auto verdict = Confirm(begun.state, Registration(begun));
    EXPECT_TRUE(verdict.ok() && verdict->accepted) << verdict.status();
    return *std::move(verdict->new_state);
  }

  Asked Ask(const FactorState& state) {
    auto started = factor_.StartChallenge(state, kNow, randomness_);
    EXPECT_TRUE(started.ok()) << started.status();
    EXPECT_TRUE(started->messages.empty());
    Asked asked;
    asked.details.set_title("Sign in to the shop");
    asked.details.set_amount("1,250.00 EUR");
    asked.details.set_payee("Muster GmbH");
    (*asked.details.mutable_fields())["City"] = "Berlin";
    asked.number = std::string(started->number.ExposeSecret());
    asked.state = std::move(started->state);
    return asked;
  }

  v1::PushAnswer Answer(const Asked& asked, v1::PushDecision decision,
                        const std::string& number = "",
                        const std::string& reason = "",
                        const EnrollmentSubject& subject = kSubject) const {
    v1::PushAnswer answer;
    answer.set_decision(decision);
    answer.set_number(number);
    answer.set_reason(reason);
    answer.set_signature(
        *signer_.Sign(AnswerBytes(IdsOf(subject), asked.shown(), answer)));
    return answer;
  }

  absl::StatusOr<Verdict> Verify(
      const FactorState& state, const Asked& asked,
      const v1::PushAnswer& answer,
      const EnrollmentSubject& subject = kSubject) const {
    v1::FactorResponse response;
    *response.mutable_push() = answer;
    const ChallengeContext context{asked.challenge_id, asked.purpose,
                                   asked.details, asked.expire_time,
                                   asked.state};
    return factor_.Verify({state, response, &context, kNow, subject});
  }

  // "yes", "no", "no, reported", or "" for an answer that means nothing.
  std::string Says(const FactorState& state, const Asked& asked,
                   const v1::PushAnswer& answer,
                   const EnrollmentSubject& subject = kSubject) const {
    const auto verdict = Verify(state, asked, answer, subject);
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    if (!verdict.ok()) return "error";
    EXPECT_FALSE(verdict->accepted && verdict->refusal.has_value());
    EXPECT_FALSE(verdict->new_state.has_value());
    EXPECT_FALSE(verdict->new_attributes.has_value());
    if (verdict->accepted) return "yes";
    if (!verdict->refusal.has_value()) return "";
    return verdict->refusal->reported ? "no, reported" : "no";
  }

  // The path of the field that is refused.
  static std::string BadField(const absl::Status& status) {
    EXPECT_EQ(ErrorReason(status), "INVALID_FIELD") << status;
    return std::string(status.message().substr(0, status.message().find(':')));
  }

  SeededRandomness randomness_{1};
  v1::FactorParameters parameters_;
  const FactorRegistry registry_;
  const Factor& factor_;
  const DeviceSigner signer_;
};

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_PUSH_FACTOR_FIXTURE_H_
