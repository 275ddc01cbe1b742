#include "factors/push/push_response.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "factors/push/activation_uri.h"
#include "factors/push/device_info.h"
#include "factors/push/device_key.h"
#include "factors/push/plain_text.h"
#include "factors/push/push_number.h"

namespace cofactor::factors::push {
namespace {

constexpr size_t kMaxSignatureBytes = 128;
constexpr size_t kMaxReasonBytes = 128;

// A signature of another length is a wrong one, not a malformed one.
absl::Status CheckSignature(absl::string_view prefix,
                            absl::string_view signature) {
  if (signature.empty() || signature.size() > kMaxSignatureBytes) {
    return InvalidField(absl::StrCat(prefix, "signature"),
                        "want the 64 bytes of a signature");
  }
  return absl::OkStatus();
}

bool IsNumber(absl::string_view number) {
  return number.size() == kNumberDigits &&
         std::all_of(number.begin(), number.end(), absl::ascii_isdigit);
}

}  // namespace

absl::Status CheckRegistration(absl::string_view prefix,
                               const v1::DeviceRegistration& registration) {
  if (registration.ticket().size() != kTicketBytes) {
    return InvalidField(
        absl::StrCat(prefix, "ticket"),
        absl::StrCat("want the ", kTicketBytes, " bytes of the activation"));
  }
  RETURN_IF_ERROR(CheckDeviceName(prefix, registration.device_name()));
  RETURN_IF_ERROR(CheckPlatform(prefix, registration.platform()));
  RETURN_IF_ERROR(CheckWakeUpAddress(prefix, registration.wake_up()));
  RETURN_IF_ERROR(CheckSignature(prefix, registration.signature()));
  return CheckDeviceKey(absl::StrCat(prefix, "key"), registration.key());
}

absl::Status CheckAnswer(absl::string_view prefix,
                         const v1::PushAnswer& answer) {
  const bool approves = answer.decision() == v1::PUSH_DECISION_APPROVE;
  if (!approves && answer.decision() != v1::PUSH_DECISION_DENY &&
      answer.decision() != v1::PUSH_DECISION_REPORT) {
    return InvalidField(absl::StrCat(prefix, "decision"),
                        "want APPROVE, DENY or REPORT");
  }
  if (approves && !IsNumber(answer.number())) {
    return InvalidField(absl::StrCat(prefix, "number"),
                        "want the 6 digits that are shown at the sign-in: "
                        "nothing is approved without them");
  }
  if (!approves && !answer.number().empty()) {
    return InvalidField(absl::StrCat(prefix, "number"),
                        "must be empty unless the answer approves");
  }
  if (approves && !answer.reason().empty()) {
    return InvalidField(absl::StrCat(prefix, "reason"),
                        "must be empty if the answer approves");
  }
  if (answer.reason().size() > kMaxReasonBytes ||
      !IsPlainText(answer.reason())) {
    return InvalidField(absl::StrCat(prefix, "reason"),
                        absl::StrCat("want at most ", kMaxReasonBytes,
                                     " bytes of UTF-8 without control "
                                     "characters"));
  }
  return CheckSignature(prefix, answer.signature());
}

absl::Status CheckPushResponse(const v1::FactorResponse& response,
                               absl::string_view code_field) {
  const absl::string_view prefix = absl::StripSuffix(code_field, "code");
  if (response.has_push()) {
    return CheckAnswer(absl::StrCat(prefix, "push."), response.push());
  }
  if (response.has_device()) {
    return CheckRegistration(absl::StrCat(prefix, "device."),
                             response.device());
  }
  return InvalidField(code_field, "push is answered on the device");
}

}  // namespace cofactor::factors::push
