#include "factors/push/device_info.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "factors/push/device_key.h"
#include "factors/push/http_url.h"
#include "factors/push/plain_text.h"

namespace cofactor::factors::push {
namespace {

constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxEndpointBytes = 1'024;
constexpr size_t kPointBytes = 65;
constexpr size_t kAuthBytes = 16;
constexpr size_t kMaxFcmTokenBytes = 512;
constexpr size_t kMaxApnsTokenBytes = 200;

// A point of P-256, not compressed (SEC 1, section 2.3.4).
bool IsPoint(absl::string_view bytes) {
  const std::unique_ptr<EC_GROUP, decltype(&EC_GROUP_free)> group(
      EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), &EC_GROUP_free);
  const std::unique_ptr<EC_POINT, decltype(&EC_POINT_free)> point(
      EC_POINT_new(group.get()), &EC_POINT_free);
  return bytes.size() == kPointBytes &&
         bytes[0] == POINT_CONVERSION_UNCOMPRESSED && point != nullptr &&
         EC_POINT_oct2point(group.get(), point.get(),
                            reinterpret_cast<const uint8_t*>(bytes.data()),
                            bytes.size(), nullptr) == 1;
}

absl::Status CheckWebPush(absl::string_view prefix,
                          const v1::WebPushSubscription& subscription) {
  const std::string field = absl::StrCat(prefix, "wake_up.web_push.endpoint");
  if (subscription.endpoint().size() > kMaxEndpointBytes) {
    return InvalidField(
        field, absl::StrCat("want at most ", kMaxEndpointBytes, " bytes"));
  }
  const auto url = ParseHttpUrl(subscription.endpoint());
  if (!url.ok()) return InvalidField(field, url.status().message());
  if (!IsPoint(subscription.p256dh())) {
    return InvalidField(absl::StrCat(prefix, "wake_up.web_push.p256dh"),
                        "want a point on P-256 that is not compressed: 65 "
                        "bytes");
  }
  if (subscription.auth().size() != kAuthBytes) {
    return InvalidField(absl::StrCat(prefix, "wake_up.web_push.auth"),
                        "want 16 bytes");
  }
  return absl::OkStatus();
}

absl::string_view KindOf(const v1::WakeUpAddress& address) {
  switch (address.address_case()) {
    case v1::WakeUpAddress::kWebPush:
      return "web_push";
    case v1::WakeUpAddress::kFcmToken:
      return "fcm";
    case v1::WakeUpAddress::kApnsToken:
      return "apns";
    case v1::WakeUpAddress::ADDRESS_NOT_SET:
      break;
  }
  return "none";
}

absl::Status CheckText(absl::string_view prefix, absl::string_view name,
                       absl::string_view text) {
  if (text.size() > kMaxNameBytes || !IsPlainText(text)) {
    return InvalidField(absl::StrCat(prefix, name),
                        absl::StrCat("want at most ", kMaxNameBytes,
                                     " bytes of UTF-8 without control "
                                     "characters"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckDeviceName(absl::string_view prefix,
                             absl::string_view device_name) {
  if (device_name.empty()) {
    return InvalidField(absl::StrCat(prefix, "device_name"), "is required");
  }
  return CheckText(prefix, "device_name", device_name);
}

absl::Status CheckPlatform(absl::string_view prefix,
                           absl::string_view platform) {
  return CheckText(prefix, "platform", platform);
}

absl::Status CheckWakeUpAddress(absl::string_view prefix,
                                const v1::WakeUpAddress& address) {
  switch (address.address_case()) {
    case v1::WakeUpAddress::kWebPush:
      return CheckWebPush(prefix, address.web_push());
    case v1::WakeUpAddress::kFcmToken: {
      const std::string& token = address.fcm_token();
      if (token.empty() || token.size() > kMaxFcmTokenBytes ||
          !std::all_of(token.begin(), token.end(), absl::ascii_isgraph)) {
        return InvalidField(absl::StrCat(prefix, "wake_up.fcm_token"),
                            absl::StrCat("want 1 to ", kMaxFcmTokenBytes,
                                         " printable ASCII characters, no "
                                         "space"));
      }
      return absl::OkStatus();
    }
    case v1::WakeUpAddress::kApnsToken: {
      const std::string& token = address.apns_token();
      if (token.empty() || token.size() > kMaxApnsTokenBytes ||
          token.size() % 2 != 0 ||
          !std::all_of(token.begin(), token.end(), absl::ascii_isxdigit)) {
        return InvalidField(absl::StrCat(prefix, "wake_up.apns_token"),
                            absl::StrCat("want bytes in hexadecimal, up to ",
                                         kMaxApnsTokenBytes, " digits"));
      }
      return absl::OkStatus();
    }
    case v1::WakeUpAddress::ADDRESS_NOT_SET:
      break;
  }
  return absl::OkStatus();
}

std::map<std::string, std::string> AttributesOf(
    absl::string_view device_name, absl::string_view platform,
    const v1::DeviceKey& key, const v1::WakeUpAddress& wake_up) {
  return {
      {"device_name", std::string(device_name)},
      {"platform", std::string(platform)},
      {"key_algorithm",
       key.algorithm() == v1::DEVICE_KEY_ALGORITHM_P256 ? "P-256" : "Ed25519"},
      {"key_fingerprint", FingerprintOf(key)},
      {"wake_up", std::string(KindOf(wake_up))},
  };
}

}  // namespace cofactor::factors::push
