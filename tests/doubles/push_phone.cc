#include "tests/doubles/push_phone.h"

#include "absl/time/time.h"
#include "factors/push/activation_uri.h"
#include "gtest/gtest.h"

namespace cofactor {

using ::cofactor::factors::push::DeviceSigner;

PushPhone::PushPhone(const std::string& activation_uri,
                     v1::DeviceKeyAlgorithm algorithm)
    : signer_(*DeviceSigner::Generate(algorithm)) {
  auto uri = factors::push::ParseActivationUri(activation_uri);
  EXPECT_TRUE(uri.ok()) << uri.status();
  if (!uri.ok()) return;
  account_id_ = uri->account_id;
  member_id_ = uri->member_id;
  enrollment_id_ = uri->enrollment_id;
  ticket_ = std::move(uri->ticket);
}

v1::DeviceRegistration PushPhone::Registration(
    const v1::WakeUpAddress& wake_up) const {
  v1::DeviceRegistration registration;
  registration.set_ticket(std::string(ticket_.ExposeSecret()));
  *registration.mutable_key() = signer_.key();
  registration.set_device_name("Ada's phone");
  registration.set_platform("Android 16");
  *registration.mutable_wake_up() = wake_up;
  registration.set_signature(
      Sign(factors::push::RegistrationBytes(ids(), registration)));
  return registration;
}

v1::PushAnswer PushPhone::Answer(const v1::Challenge& challenge,
                                 v1::PushDecision decision,
                                 const std::string& number,
                                 const std::string& reason) const {
  v1::PushAnswer answer;
  answer.set_decision(decision);
  answer.set_number(number);
  answer.set_reason(reason);
  const absl::Time expire_time =
      absl::FromUnixSeconds(challenge.expire_time().seconds()) +
      absl::Nanoseconds(challenge.expire_time().nanos());
  answer.set_signature(Sign(
      factors::push::AnswerBytes(ids(),
                                 {challenge.challenge_id(), challenge.purpose(),
                                  challenge.details(), expire_time},
                                 answer)));
  return answer;
}

std::string PushPhone::Sign(const std::string& bytes) const {
  const auto signature = signer_.Sign(bytes);
  EXPECT_TRUE(signature.ok()) << signature.status();
  return signature.value_or("");
}

std::string WrongNumber(const std::string& number) {
  std::string wrong = number;
  wrong[5] = wrong[5] == '9' ? '0' : static_cast<char>(wrong[5] + 1);
  return wrong;
}

}  // namespace cofactor
