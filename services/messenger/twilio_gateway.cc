#include "services/messenger/twilio_gateway.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "services/messenger/form_encoding.h"
#include "services/messenger/gateway_outcome.h"

namespace cofactor::services {
namespace {

constexpr size_t kMaxSidBytes = 64;
// The longest time that the API takes in all of its versions.
constexpr int64_t kMaxValiditySeconds = 4 * 60 * 60;

// Codes that say that no gateway should send to this number.
bool IsForGood(int64_t code) {
  switch (code) {
    case 21211:  // No phone number.
    case 21217:  // No phone number.
    case 21610:  // The owner has opted out.
    case 21614:  // No mobile number.
      return true;
    default:
      return false;
  }
}

// A number of the object, or 0.
int64_t Number(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer()
             ? found->get<int64_t>()
             : 0;
}

// A text of the object, or "".
std::string Text(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : "";
}

bool IsSid(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxSidBytes &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c); });
}

std::string Reason(int status, int64_t code) {
  return code == 0 ? absl::StrCat("HTTP ", status)
                   : absl::StrCat("HTTP ", status, ", code ", code);
}

SmsOutcome ReadAnswer(const HttpResult& result) {
  const absl::string_view body = result.body.ExposeSecret();
  nlohmann::json answer =
      nlohmann::json::parse(body.begin(), body.end(), /*cb=*/nullptr,
                            /*allow_exceptions=*/false);
  if (!answer.is_object()) answer = nlohmann::json::object();

  if (result.status == 201) {
    std::string sid = Text(answer, "sid");
    if (!IsSid(sid)) {
      return {.verdict = SmsVerdict::kUnknown, .reason = "unknown answer"};
    }
    const std::string state = Text(answer, "status");
    if (state == "failed" || state == "undelivered" || state == "canceled") {
      const int64_t code = Number(answer, "error_code");
      return {.verdict = IsForGood(code) ? SmsVerdict::kRefusedForGood
                                         : SmsVerdict::kRefusedHere,
              .provider_id = std::move(sid),
              .reason = Reason(result.status, code)};
    }
    return {.verdict = SmsVerdict::kAccepted, .provider_id = std::move(sid)};
  }

  SmsOutcome outcome = OutcomeOfStatus(result.status);
  const int64_t code = Number(answer, "code");
  if (outcome.verdict == SmsVerdict::kRefusedHere && IsForGood(code)) {
    outcome.verdict = SmsVerdict::kRefusedForGood;
  }
  outcome.reason = Reason(result.status, code);
  return outcome;
}

Secret BasicAuthorization(absl::string_view username, const Secret& password) {
  std::string pair = absl::StrCat(username, ":", password.ExposeSecret());
  std::string encoded = absl::Base64Escape(pair);
  Wipe(pair);
  Secret authorization(absl::StrCat("Basic ", encoded));
  Wipe(encoded);
  return authorization;
}

}  // namespace

TwilioGateway::TwilioGateway(const Clock& clock, HttpClient& http,
                             Options options)
    : clock_(clock),
      http_(http),
      options_(std::move(options)),
      url_(absl::StrCat(options_.base_url, "/2010-04-01/Accounts/",
                        options_.account_sid, "/Messages.json")),
      authorization_(BasicAuthorization(
          options_.username.empty() ? options_.account_sid : options_.username,
          options_.password)) {}

void TwilioGateway::Send(const SmsMessage& message, Done done) {
  const absl::string_view text = message.text.ExposeSecret();
  std::string form;
  // Enough at once, for a string that grows leaves copies of the code behind.
  form.reserve(3 * text.size() + 3 * message.delivery_report_url.size() + 1024);
  AppendFormField("To", message.to, form);
  if (!message.sender.empty()) {
    AppendFormField("From", message.sender, form);
  } else if (!options_.messaging_service_sid.empty()) {
    AppendFormField("MessagingServiceSid", options_.messaging_service_sid,
                    form);
  } else {
    AppendFormField("From", options_.from, form);
  }
  AppendFormField("Body", text, form);
  if (!message.delivery_report_url.empty()) {
    AppendFormField("StatusCallback", message.delivery_report_url, form);
  }
  const int64_t seconds = std::clamp<int64_t>(
      absl::ToInt64Seconds(message.validity), 1, kMaxValiditySeconds);
  AppendFormField("ValidityPeriod", absl::StrCat(seconds), form);

  HttpRequest request;
  request.url = url_;
  request.headers.push_back({"Authorization", authorization_.Clone()});
  request.headers.push_back(
      {"Accept", Secret(absl::string_view("application/json"))});
  request.headers.push_back(
      {"Content-Type",
       Secret(absl::string_view("application/x-www-form-urlencoded"))});
  request.body = Secret(std::move(form));
  request.deadline =
      std::min(message.deadline, clock_.Now() + options_.timeout);
  http_.Post(std::move(request),
             CompleteWith(options_.name, &ReadAnswer, std::move(done)));
}

}  // namespace cofactor::services
