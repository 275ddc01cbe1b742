#ifndef COFACTOR_TESTS_DOUBLES_PUSH_PHONE_H_
#define COFACTOR_TESTS_DOUBLES_PUSH_PHONE_H_

#include <string>
#include <utility>

#include "cofactor/v1/challenge.pb.h"
#include "cofactor/v1/device.pb.h"
#include "factors/push/device_signer.h"
#include "factors/push/signed_bytes.h"

namespace cofactor {

// A device of a member, as a test holds it in its hand: it makes what a device
// says, and talks to nobody. Ends the test where it cannot. Thread-compatible.
class PushPhone {
 public:
  // For the enrollment of an activation URI, with a new key.
  explicit PushPhone(
      const std::string& activation_uri,
      v1::DeviceKeyAlgorithm algorithm = v1::DEVICE_KEY_ALGORITHM_ED25519);

  const std::string& account_id() const { return account_id_; }
  const std::string& member_id() const { return member_id_; }
  const std::string& enrollment_id() const { return enrollment_id_; }
  factors::push::DeviceIds ids() const {
    return {account_id_, member_id_, enrollment_id_};
  }

  const v1::DeviceKey& key() const { return signer_.key(); }

  // What confirms the enrollment.
  v1::DeviceRegistration Registration(
      const v1::WakeUpAddress& wake_up = v1::WakeUpAddress()) const;

  // What the person says to a challenge. number: as typed; only to approve.
  v1::PushAnswer Answer(const v1::Challenge& challenge,
                        v1::PushDecision decision,
                        const std::string& number = "",
                        const std::string& reason = "") const;

  std::string Sign(const std::string& bytes) const;

  // Goes on with another key.
  void ReplaceKey(factors::push::DeviceSigner signer) {
    signer_ = std::move(signer);
  }

 private:
  std::string account_id_;
  std::string member_id_;
  std::string enrollment_id_;
  Secret ticket_;
  factors::push::DeviceSigner signer_;
};

// Six digits, but not these.
std::string WrongNumber(const std::string& number);

}  // namespace cofactor

#endif  // COFACTOR_TESTS_DOUBLES_PUSH_PHONE_H_
