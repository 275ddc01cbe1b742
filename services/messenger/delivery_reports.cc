#include "services/messenger/delivery_reports.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "services/messenger/signature.h"

namespace cofactor::services {
namespace {

constexpr size_t kMinKeyBytes = 16;
constexpr size_t kMaxIdBytes = 64;
// Of HMAC-SHA256, in the address: nobody can guess 128 bits.
constexpr size_t kMacBytes = 16;
// Of a code in a reason.
constexpr size_t kMaxCodeBytes = 8;

// Of Twilio: the validity has passed.
constexpr absl::string_view kValidityPassed = "30036";

bool IsMessageId(absl::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '-';
         });
}

bool IsPlain(absl::string_view text, size_t max_bytes) {
  return text.size() <= max_bytes &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c); });
}

absl::Status CheckBaseUrl(absl::string_view url) {
  const bool is_plain = std::all_of(url.begin(), url.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("-._~/:[]", c);
  });
  if (is_plain &&
      (absl::StartsWith(url, "http://") || absl::StartsWith(url, "https://"))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "the address for delivery reports must start with http:// or https:// "
      "and have no query and no percent sign in it");
}

absl::Status CheckSize(absl::string_view text) {
  if (text.size() <= kMaxReportBytes) return absl::OkStatus();
  return absl::InvalidArgumentError("the report is too long");
}

absl::Status NoMessageId() {
  return absl::InvalidArgumentError("the report names no message");
}

absl::Status UnknownState() {
  return absl::InvalidArgumentError("the report has an unknown status");
}

std::optional<DeliveryState> StateOfTwilio(absl::string_view status,
                                           absl::string_view code) {
  if (status == "accepted" || status == "scheduled" || status == "queued" ||
      status == "sending") {
    return DeliveryState::kQueued;
  }
  if (status == "sent") return DeliveryState::kSent;
  if (status == "delivered" || status == "read") {
    return DeliveryState::kDelivered;
  }
  if (status == "undelivered" || status == "failed" || status == "canceled") {
    return code == kValidityPassed ? DeliveryState::kExpired
                                   : DeliveryState::kFailed;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<KannelReports> KannelReports::Create(Secret key,
                                                    std::string base_url) {
  if (key.size() < kMinKeyBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the key for delivery reports must have at least ",
                     kMinKeyBytes, " bytes"));
  }
  RETURN_IF_ERROR(CheckBaseUrl(base_url));
  return KannelReports(std::move(key), std::move(base_url));
}

std::string KannelReports::MacOf(absl::string_view message_id) const {
  // Apart from whatever else the key may be used for.
  const std::string mac =
      Hmac(SignatureHash::kSha256, key_,
           absl::StrCat("cofactor kannel report v1\n", message_id));
  return absl::BytesToHexString(absl::string_view(mac).substr(0, kMacBytes));
}

std::string KannelReports::Url(absl::string_view message_id) const {
  return absl::StrCat(base_url_, "?id=", message_id, "&mac=", MacOf(message_id),
                      "&status=%d");
}

absl::StatusOr<DeliveryReport> KannelReports::Parse(
    absl::string_view query) const {
  RETURN_IF_ERROR(CheckSize(query));
  ASSIGN_OR_RETURN(const FormFields fields, ParseForm(query));
  const absl::string_view id = FormValue(fields, "id");
  if (!IsMessageId(id)) return NoMessageId();
  if (!ConstantTimeEquals(FormValue(fields, "mac"), MacOf(id))) {
    return absl::PermissionDeniedError("the MAC of the report is wrong");
  }
  DeliveryReport report{.message_id = std::string(id)};
  const absl::string_view status = FormValue(fields, "status");
  if (status == "1") {
    report.state = DeliveryState::kDelivered;
  } else if (status == "2") {
    report.state = DeliveryState::kFailed;
    report.reason = "not delivered";
  } else if (status == "4") {
    report.state = DeliveryState::kQueued;
  } else if (status == "8") {
    report.state = DeliveryState::kSent;
  } else if (status == "16") {
    report.state = DeliveryState::kFailed;
    report.reason = "refused by the network";
  } else {
    return UnknownState();
  }
  return report;
}

absl::StatusOr<TwilioReports> TwilioReports::Create(Secret auth_token,
                                                    std::string base_url) {
  // Anybody could sign with an empty one.
  if (auth_token.empty()) {
    return absl::InvalidArgumentError(
        "delivery reports of Twilio need the token of the account");
  }
  RETURN_IF_ERROR(CheckBaseUrl(base_url));
  return TwilioReports(std::move(auth_token), std::move(base_url));
}

std::string TwilioReports::Url(absl::string_view message_id) const {
  return absl::StrCat(base_url_, "?id=", message_id);
}

absl::StatusOr<DeliveryReport> TwilioReports::Parse(
    absl::string_view query, absl::string_view form,
    absl::string_view signature) const {
  RETURN_IF_ERROR(CheckSize(query));
  RETURN_IF_ERROR(CheckSize(form));
  ASSIGN_OR_RETURN(const FormFields in_query, ParseForm(query));
  const absl::string_view id = FormValue(in_query, "id");
  if (!IsMessageId(id)) return NoMessageId();
  ASSIGN_OR_RETURN(const FormFields fields, ParseForm(form));
  if (!ConstantTimeEquals(signature,
                          TwilioSignature(auth_token_, Url(id), fields))) {
    return absl::PermissionDeniedError("the signature of the report is wrong");
  }
  const absl::string_view code = FormValue(fields, "ErrorCode");
  const std::optional<DeliveryState> state =
      StateOfTwilio(FormValue(fields, "MessageStatus"), code);
  const absl::string_view sid = FormValue(fields, "MessageSid");
  if (!state.has_value() || !IsPlain(sid, kMaxIdBytes) ||
      !IsPlain(code, kMaxCodeBytes)) {
    return UnknownState();
  }
  return DeliveryReport{
      .message_id = std::string(id),
      .provider_id = std::string(sid),
      .state = *state,
      .reason = code.empty() || code == "0" ? "" : absl::StrCat("code ", code)};
}

std::string TwilioSignature(const Secret& auth_token, absl::string_view url,
                            FormFields fields) {
  std::sort(fields.begin(), fields.end());
  std::string text(url);
  for (const auto& field : fields) {
    absl::StrAppend(&text, field.first, field.second);
  }
  return absl::Base64Escape(Hmac(SignatureHash::kSha1, auth_token, text));
}

}  // namespace cofactor::services
