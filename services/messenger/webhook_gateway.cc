#include "services/messenger/webhook_gateway.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "services/messenger/gateway_outcome.h"
#include "services/messenger/signature.h"
#include "services/telemetry/json_text.h"

namespace cofactor::services {
namespace {

constexpr size_t kMaxIdBytes = 64;

void AppendText(absl::string_view name, absl::string_view text,
                std::string& json) {
  absl::StrAppend(&json, json.empty() ? "{\"" : ",\"", name, "\":");
  AppendJsonString(text, text.size(), json);
}

// The name in the answer, or "" if there is none that can be stored.
std::string ReadId(absl::string_view body) {
  const nlohmann::json answer =
      nlohmann::json::parse(body.begin(), body.end(), /*cb=*/nullptr,
                            /*allow_exceptions=*/false);
  if (!answer.is_object()) return "";
  const auto id = answer.find("id");
  if (id == answer.end() || !id->is_string()) return "";
  std::string text = id->get<std::string>();
  const bool is_plain = text.size() <= kMaxIdBytes &&
                        std::all_of(text.begin(), text.end(), [](char c) {
                          return absl::ascii_isalnum(c);
                        });
  return is_plain ? text : "";
}

SmsOutcome ReadAnswer(const HttpResult& result) {
  if (result.status >= 200 && result.status < 300) {
    return {.verdict = SmsVerdict::kAccepted,
            .provider_id = ReadId(result.body.ExposeSecret())};
  }
  SmsOutcome outcome = OutcomeOfStatus(result.status);
  if (result.status == 422) outcome.verdict = SmsVerdict::kRefusedForGood;
  return outcome;
}

}  // namespace

WebhookGateway::WebhookGateway(const Clock& clock, HttpClient& http,
                               Options options)
    : clock_(clock), http_(http), options_(std::move(options)) {}

void WebhookGateway::Send(const SmsMessage& message, Done done) {
  const absl::string_view text = message.text.ExposeSecret();
  const std::string& sender =
      message.sender.empty() ? options_.sender : message.sender;
  std::string body;
  // Enough at once, for a string that grows leaves copies of the code behind.
  // A byte takes at most six in JSON.
  body.reserve(6 * (text.size() + message.delivery_report_url.size()) + 1024);
  AppendText("message_id", message.message_id, body);
  AppendText("to", message.to, body);
  AppendText("text", text, body);
  if (!sender.empty()) AppendText("sender", sender, body);
  absl::StrAppend(
      &body, ",\"validity_seconds\":", absl::ToInt64Seconds(message.validity));
  if (!message.delivery_report_url.empty()) {
    AppendText("delivery_report_url", message.delivery_report_url, body);
  }
  body.push_back('}');

  const absl::Time now = clock_.Now();
  const std::string timestamp = absl::StrCat(absl::ToUnixSeconds(now));
  Secret signed_text(absl::StrCat("v1.", timestamp, ".", body));
  const std::string signature = absl::BytesToHexString(
      Hmac(SignatureHash::kSha256, options_.key, signed_text.ExposeSecret()));

  HttpRequest request;
  request.url = options_.url;
  request.headers.push_back(
      {"Content-Type", Secret(absl::string_view("application/json"))});
  request.headers.push_back({"X-Cofactor-Timestamp", Secret(timestamp)});
  request.headers.push_back(
      {"X-Cofactor-Signature", Secret(absl::StrCat("v1=", signature))});
  request.body = Secret(std::move(body));
  request.deadline = std::min(message.deadline, now + options_.timeout);
  http_.Post(std::move(request),
             CompleteWith(options_.name, &ReadAnswer, std::move(done)));
}

}  // namespace cofactor::services
