#include "services/wake_up/web_push_gateway.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "services/wake_up/web_push_encryption.h"

namespace cofactor::services {
namespace {

constexpr absl::string_view kText = R"({"cofactor":"challenge"})";
constexpr size_t kPaddedBytes = 128;
// At most 32 characters of base64url.
constexpr absl::string_view kTopic = "cofactor";

HttpHeader Header(absl::string_view name, absl::string_view value) {
  return {std::string(name), Secret(value)};
}

WakeUpOutcome OutcomeOf(HttpResult result) {
  switch (result.fate) {
    case HttpFate::kNotSent:
      return {WakeUpVerdict::kNotSent, std::move(result.reason)};
    case HttpFate::kUnknown:
      return {WakeUpVerdict::kUnknown, std::move(result.reason)};
    case HttpFate::kAnswered:
      break;
  }
  const int status = result.status;
  if (status >= 200 && status < 300) return {WakeUpVerdict::kTaken, ""};
  WakeUpOutcome outcome{.reason = absl::StrCat("HTTP ", status)};
  if (status == 404 || status == 410) {
    outcome.verdict = WakeUpVerdict::kAddressGone;
  } else if (status == 400 || status == 401 || status == 403) {
    outcome.verdict = WakeUpVerdict::kMisconfigured;
  } else if (status >= 300 && status < 600) {
    outcome.verdict = WakeUpVerdict::kRefused;
  }
  return outcome;
}

}  // namespace

WebPushGateway::WebPushGateway(const Clock& clock, Randomness& randomness,
                               HttpClient& http, std::unique_ptr<Vapid> vapid,
                               Options options)
    : clock_(clock),
      randomness_(randomness),
      http_(http),
      vapid_(std::move(vapid)),
      options_(std::move(options)) {}

absl::StatusOr<HttpRequest> WebPushGateway::MakeRequest(const WakeUp& wake_up) {
  if (!wake_up.address.has_web_push()) {
    return absl::InvalidArgumentError("not of Web Push");
  }
  const v1::WebPushSubscription& subscription = wake_up.address.web_push();
  ASSIGN_OR_RETURN(const PushEndpoint endpoint,
                   ReadPushEndpoint(subscription.endpoint(), options_.policy));
  ASSIGN_OR_RETURN(std::string body,
                   EncryptWebPush(subscription.p256dh(), subscription.auth(),
                                  kText, kPaddedBytes, randomness_));
  ASSIGN_OR_RETURN(Secret authorization,
                   vapid_->Authorization(endpoint.origin));
  const int64_t ttl = std::max<int64_t>(0, absl::ToInt64Seconds(wake_up.ttl));
  HttpRequest request;
  request.url = endpoint.url;
  request.headers.push_back(Header("TTL", absl::StrCat(ttl)));
  request.headers.push_back(Header("Urgency", "high"));
  request.headers.push_back(Header("Topic", kTopic));
  request.headers.push_back(Header("Content-Encoding", "aes128gcm"));
  request.headers.push_back(Header("Content-Type", "application/octet-stream"));
  request.headers.push_back({"Authorization", std::move(authorization)});
  request.body = Secret(std::move(body));
  request.deadline =
      std::min(wake_up.deadline, clock_.Now() + options_.timeout);
  return request;
}

void WebPushGateway::Send(const WakeUp& wake_up, Done done) {
  absl::StatusOr<HttpRequest> request = MakeRequest(wake_up);
  if (!request.ok()) {
    const bool is_address = absl::IsInvalidArgument(request.status());
    return std::move(done)({WakeUpVerdict::kNotSent,
                            absl::StrCat(is_address ? "BAD_ADDRESS: " : "",
                                         request.status().message())});
  }
  http_.Post(*std::move(request),
             [done = std::move(done)](HttpResult result) mutable {
               std::move(done)(OutcomeOf(std::move(result)));
             });
}

}  // namespace cofactor::services
