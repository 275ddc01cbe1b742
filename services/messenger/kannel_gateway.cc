#include "services/messenger/kannel_gateway.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "services/messenger/gateway_outcome.h"
#include "services/messenger/sms_text.h"

namespace cofactor::services {
namespace {

Secret Plain(absl::string_view text) { return Secret(text); }

SmsOutcome ReadAnswer(const HttpResult& result) {
  const absl::string_view body = result.body.ExposeSecret();
  switch (result.status) {
    case 202:
      if (absl::StartsWith(body, "0:")) {
        return {.verdict = SmsVerdict::kAccepted};
      }
      if (absl::StartsWith(body, "3:")) {
        return {.verdict = SmsVerdict::kQueued,
                .reason = "the network is away"};
      }
      return {.verdict = SmsVerdict::kUnknown, .reason = "unknown answer"};
    case 403:
      if (absl::StartsWith(body, "Authorization failed")) {
        return {.verdict = SmsVerdict::kMisconfigured,
                .reason = "authorization failed"};
      }
      return {.verdict = SmsVerdict::kRefusedHere,
              .reason = absl::StartsWith(body, "Not routable") ? "not routable"
                                                               : "HTTP 403"};
    case 400:
      return {.verdict = SmsVerdict::kRefusedHere, .reason = "HTTP 400"};
    case 503:
      // The one answer of Kannel with this status. Of a proxy before it, it
      // would not say whether Kannel has the message.
      if (absl::StartsWith(body, "Temporal failure")) {
        return {.verdict = SmsVerdict::kNotSent, .reason = "temporal failure"};
      }
      break;
    default:
      break;
  }
  return OutcomeOfStatus(result.status);
}

}  // namespace

KannelGateway::KannelGateway(const Clock& clock, HttpClient& http,
                             Options options)
    : clock_(clock), http_(http), options_(std::move(options)) {}

void KannelGateway::Send(const SmsMessage& message, Done done) {
  const absl::string_view text = message.text.ExposeSecret();
  const bool is_gsm7 = MeasureSms(text).coding == SmsCoding::kGsm7;
  // Of a minute that has begun nothing is left over, so that a code does not
  // outlive its challenge; but 0 would be Kannel's own default.
  const int64_t minutes =
      std::max<int64_t>(1, absl::ToInt64Minutes(message.validity));
  const std::string& sender =
      message.sender.empty() ? options_.sender : message.sender;

  HttpRequest request;
  request.url = options_.url;
  auto& headers = request.headers;
  headers.push_back({"X-Kannel-Username", Plain(options_.username)});
  headers.push_back({"X-Kannel-Password", options_.password.Clone()});
  if (!sender.empty()) headers.push_back({"X-Kannel-From", Plain(sender)});
  headers.push_back({"X-Kannel-To", Plain(message.to)});
  headers.push_back({"X-Kannel-Coding", Plain(is_gsm7 ? "0" : "2")});
  headers.push_back({"X-Kannel-Validity", Plain(absl::StrCat(minutes))});
  if (!message.delivery_report_url.empty()) {
    // Delivered, failed, and refused by the network.
    headers.push_back({"X-Kannel-DLR-Mask", Plain("19")});
    headers.push_back({"X-Kannel-DLR-Url", Plain(message.delivery_report_url)});
  }
  headers.push_back({"Content-Type", Plain("text/plain; charset=UTF-8")});
  request.body = message.text.Clone();
  request.deadline =
      std::min(message.deadline, clock_.Now() + options_.timeout);
  http_.Post(std::move(request),
             CompleteWith(options_.name, &ReadAnswer, std::move(done)));
}

}  // namespace cofactor::services
