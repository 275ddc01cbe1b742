#ifndef COFACTOR_FACTORS_PUSH_SIGNED_BYTES_H_
#define COFACTOR_FACTORS_PUSH_SIGNED_BYTES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/v1/challenge.pb.h"
#include "cofactor/v1/device.pb.h"

namespace cofactor::factors::push {

// What devices sign. Both sides put the same bytes together from what they
// know, so that nothing that was not signed is ever believed. They are part of
// the protocol (docs/push.md): do not change them.
//
//   "cofactor/push/v1/" USE NUL FIELD*
//
// Each field is its length in bytes, 4 bytes big-endian, and its bytes, so that
// no two lists of fields give the same. The use keeps a signature for one call
// from being one for another.

// The enrollment that a device was registered for.
struct DeviceIds {
  absl::string_view account_id;
  absl::string_view member_id;
  absl::string_view enrollment_id;
};

// A challenge as the server knows it, or as the device showed it.
struct ShownChallenge {
  absl::string_view challenge_id;
  absl::string_view purpose;
  const v1::ChallengeDetails& details;
  // Whole microseconds.
  absl::Time expire_time;
};

// SHA-256 over the purpose and all details.
std::string DetailsDigest(absl::string_view purpose,
                          const v1::ChallengeDetails& details);

// For RegisterDevice: everything in the registration but the signature.
std::string RegistrationBytes(const DeviceIds& ids,
                              const v1::DeviceRegistration& registration);

// For AnswerChallenge: everything in the answer but the signature.
std::string AnswerBytes(const DeviceIds& ids, const ShownChallenge& challenge,
                        const v1::PushAnswer& answer);

// For ListPendingChallenges, and for hello on a channel.
std::string ListBytes(const DeviceIds& ids, absl::string_view nonce);
std::string ChannelBytes(const DeviceIds& ids, absl::string_view nonce);

// For RotateDeviceKey: the old and the new key sign the same.
std::string RotationBytes(const DeviceIds& ids, absl::string_view nonce,
                          const v1::DeviceKey& new_key);

// For UpdateDevice.
std::string UpdateBytes(const DeviceIds& ids, absl::string_view nonce,
                        absl::string_view device_name,
                        absl::string_view platform,
                        const v1::WakeUpAddress& wake_up);

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_SIGNED_BYTES_H_
