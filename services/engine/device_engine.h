#ifndef COFACTOR_SERVICES_ENGINE_DEVICE_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_DEVICE_ENGINE_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/device.pb.h"
#include "cofactor/v1/device_service.pb.h"
#include "factors/push/signed_bytes.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/device_nonces.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Decides the calls of DeviceService. See the proto for what they mean, and
// MutationRunner for how a plan is committed. Thread-safe.
//
// Nobody who calls has credentials. Whatever is not proven by a signature gets
// one and the same error, UNAUTHENTICATED with reason DEVICE_NOT_PROVEN, and
// whatever is not proven by a ticket registered = false: nobody learns whether
// there is such a member or device, and nothing is written for names that there
// are not. INVALID_ARGUMENT is about the form of a request and comes before
// anything is looked up, but for a new key that is the old one.
//
// A device is a confirmed enrollment of "push" that is not disabled, of a
// member who may verify. One that is locked is a device all the same: it has to
// learn of its challenges once the lock is over.
class DeviceEngine {
 public:
  // None is owned; all must outlive this. web_push_public_key: empty if no Web
  // Push is sent.
  DeviceEngine(const EnrollmentEngine& enrollments,
               const ChallengeEngine& challenges, const DeviceNonces& nonces,
               std::string web_push_public_key)
      : enrollments_(enrollments),
        challenges_(challenges),
        nonces_(nonces),
        web_push_public_key_(std::move(web_push_public_key)) {}

  absl::Status CreateDeviceNonce(Plan& plan,
                                 const v1::CreateDeviceNonceRequest& request,
                                 v1::CreateDeviceNonceResponse& response) const;
  absl::Status RegisterDevice(Plan& plan,
                              const v1::RegisterDeviceRequest& request,
                              v1::RegisterDeviceResponse& response) const;
  absl::Status ListPendingChallenges(
      Plan& plan, const v1::ListPendingChallengesRequest& request,
      v1::ListPendingChallengesResponse& response) const;
  absl::Status AnswerChallenge(Plan& plan,
                               const v1::AnswerChallengeRequest& request,
                               v1::AnswerChallengeResponse& response) const;
  absl::Status RotateDeviceKey(Plan& plan,
                               const v1::RotateDeviceKeyRequest& request,
                               v1::RotateDeviceKeyResponse& response) const;
  absl::Status UpdateDevice(Plan& plan, const v1::UpdateDeviceRequest& request,
                            v1::UpdateDeviceResponse& response) const;

  // For channels. hello has to bring the nonce that the channel gave, and to be
  // signed over it. How long the nonce is good is the channel's matter. Returns
  // the key that signed. Writes nothing.
  absl::StatusOr<v1::DeviceKey> CheckHello(
      Plan& plan, const v1::DeviceProof& hello,
      absl::string_view channel_nonce) const;
  // The challenge that waits for a device, if any. public_key: that of
  // CheckHello. UNAUTHENTICATED if the device is none any more, or has another
  // key. Writes nothing.
  absl::StatusOr<std::optional<v1::DeviceChallenge>> PendingFor(
      Plan& plan, const factors::push::DeviceIds& ids,
      absl::string_view public_key) const;
  // Notes that a device has a challenge, or showed it. Does nothing to one that
  // is final or further already, and to one that is not for this device.
  // INVALID_ARGUMENT for ids that are none, and for a state that is no mark.
  absl::Status MarkChallenge(Plan& plan, const record::v1::ChallengeMark& mark,
                             record::v1::ChallengeMarked& marked) const;

 private:
  const EnrollmentEngine& enrollments_;
  const ChallengeEngine& challenges_;
  const DeviceNonces& nonces_;
  const std::string web_push_public_key_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_DEVICE_ENGINE_H_
