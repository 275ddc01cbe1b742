#ifndef COFACTOR_FACTORS_PUSH_DEVICE_INFO_H_
#define COFACTOR_FACTORS_PUSH_DEVICE_INFO_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cofactor/v1/device.pb.h"

namespace cofactor::factors::push {

// What a device says of itself. Errors of all checks: INVALID_ARGUMENT, by
// InvalidField, for a field under prefix, which is "response.device." or "";
// the text holds nothing of what was sent.

// device_name: 1 to 64 bytes; platform: up to 64 bytes; of both, plain text.
absl::Status CheckDeviceName(absl::string_view prefix,
                             absl::string_view device_name);
absl::Status CheckPlatform(absl::string_view prefix,
                           absl::string_view platform);

// wake_up: not set; or for Web Push an https:// endpoint of up to 1,024 bytes
// (http:// on loopback), a point of P-256 and 16 bytes; for FCM up to 512
// printable ASCII characters; for APNs up to 200 digits in hexadecimal. Whether
// the server should send there at all is for the messenger to say.
absl::Status CheckWakeUpAddress(absl::string_view prefix,
                                const v1::WakeUpAddress& address);

// What a person may see of a device: device_name, platform, key_algorithm
// ("Ed25519" or "P-256"), key_fingerprint, and wake_up ("web_push", "fcm",
// "apns" or "none"), all checked before.
std::map<std::string, std::string> AttributesOf(
    absl::string_view device_name, absl::string_view platform,
    const v1::DeviceKey& key, const v1::WakeUpAddress& wake_up);

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_DEVICE_INFO_H_
