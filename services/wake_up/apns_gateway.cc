#include "services/wake_up/apns_gateway.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "nlohmann/json.hpp"
#include "services/wake_up/vendor_outcome.h"

namespace cofactor::services {
namespace {

// Apple has 32 bytes, and says not to count on it.
constexpr size_t kMaxTokenDigits = 200;
constexpr absl::string_view kCollapseId = "cofactor";
constexpr absl::string_view kBody =
    R"({"aps":{"alert":{"body":"Open the app to answer a sign-in request."},)"
    R"("sound":"default","mutable-content":1},"cofactor":"challenge"})";

constexpr absl::string_view kExpiredProviderToken = "ExpiredProviderToken";

// What a reason means beyond its status.
struct Reason {
  absl::string_view name;
  // Of the answer.
  int status;
  WakeUpVerdict verdict;
};

// Those that an operator may read; any other is left out.
constexpr Reason kReasons[] = {
    {"Unregistered", 410, WakeUpVerdict::kAddressGone},
    {"ExpiredToken", 410, WakeUpVerdict::kAddressGone},
    {"BadDeviceToken", 400, WakeUpVerdict::kRefused},
    {"DeviceTokenNotForTopic", 400, WakeUpVerdict::kRefused},
    {"BadTopic", 400, WakeUpVerdict::kMisconfigured},
    {"MissingTopic", 400, WakeUpVerdict::kMisconfigured},
    {"TopicDisallowed", 400, WakeUpVerdict::kMisconfigured},
    {"BadCollapseId", 400, WakeUpVerdict::kRefused},
    {"BadExpirationDate", 400, WakeUpVerdict::kRefused},
    {"BadPriority", 400, WakeUpVerdict::kRefused},
    {"InvalidPushType", 400, WakeUpVerdict::kRefused},
    {"IdleTimeout", 400, WakeUpVerdict::kRefused},
    {"BadEnvironmentKeyIdInToken", 403, WakeUpVerdict::kMisconfigured},
    {kExpiredProviderToken, 403, WakeUpVerdict::kMisconfigured},
    {"Forbidden", 403, WakeUpVerdict::kMisconfigured},
    {"InvalidProviderToken", 403, WakeUpVerdict::kMisconfigured},
    {"MissingProviderToken", 403, WakeUpVerdict::kMisconfigured},
    {"UnrelatedKeyIdInToken", 403, WakeUpVerdict::kMisconfigured},
    {"BadPath", 404, WakeUpVerdict::kMisconfigured},
    {"PayloadTooLarge", 413, WakeUpVerdict::kRefused},
    {"TooManyProviderTokenUpdates", 429, WakeUpVerdict::kRefused},
    {"TooManyRequests", 429, WakeUpVerdict::kRefused},
    {"InternalServerError", 500, WakeUpVerdict::kRefused},
    {"ServiceUnavailable", 503, WakeUpVerdict::kRefused},
    {"Shutdown", 503, WakeUpVerdict::kRefused},
};

// The reason in an answer, or null if it is none that this status has. The body
// is at most as long as HttpClient takes.
const Reason* FindReason(const HttpResult& result) {
  const absl::string_view body = result.body.ExposeSecret();
  const nlohmann::json answer =
      nlohmann::json::parse(body.begin(), body.end(), /*cb=*/nullptr,
                            /*allow_exceptions=*/false);
  if (!answer.is_object()) return nullptr;
  const auto name = answer.find("reason");
  if (name == answer.end() || !name->is_string()) return nullptr;
  for (const Reason& reason : kReasons) {
    if (reason.status == result.status &&
        reason.name == name->get_ref<const std::string&>()) {
      return &reason;
    }
  }
  return nullptr;
}

bool IsDeviceToken(absl::string_view token) {
  return !token.empty() && token.size() <= kMaxTokenDigits &&
         token.size() % 2 == 0 &&
         std::all_of(token.begin(), token.end(),
                     [](char c) { return absl::ascii_isxdigit(c); });
}

HttpHeader Header(absl::string_view name, absl::string_view value) {
  return {std::string(name), Secret(value)};
}

}  // namespace

ApnsGateway::ApnsGateway(const Clock& clock, HttpClient& http,
                         std::unique_ptr<ProviderToken> token, Options options)
    : clock_(clock),
      http_(http),
      token_(std::move(token)),
      options_(std::move(options)) {}

void ApnsGateway::Send(const WakeUp& wake_up, Done done) {
  const std::string& device = wake_up.address.apns_token();
  if (!IsDeviceToken(device)) {
    return std::move(done)({.verdict = WakeUpVerdict::kNotSent,
                            .reason = "BAD_ADDRESS: not a token of APNs"});
  }
  const absl::StatusOr<std::shared_ptr<const Secret>> token = token_->Get();
  if (!token.ok()) {
    return std::move(done)({.verdict = WakeUpVerdict::kNotSent,
                            .reason = std::string(token.status().message())});
  }
  const absl::Time now = clock_.Now();
  HttpRequest request;
  request.http2 = true;
  request.url = absl::StrCat(options_.base_url, "/3/device/", device);
  request.headers.push_back(
      {"authorization",
       Secret(absl::StrCat("bearer ", (*token)->ExposeSecret()))});
  request.headers.push_back(Header("apns-topic", options_.topic));
  request.headers.push_back(Header("apns-push-type", "alert"));
  request.headers.push_back(Header("apns-priority", "10"));
  // 0 would mean: now or never.
  request.headers.push_back(Header(
      "apns-expiration", absl::StrCat(absl::ToUnixSeconds(now + wake_up.ttl))));
  request.headers.push_back(Header("apns-collapse-id", kCollapseId));
  request.headers.push_back(Header("content-type", "application/json"));
  request.body = Secret(kBody);
  request.deadline = std::min(wake_up.deadline, now + options_.timeout);
  http_.Post(std::move(request), [own_token = token_, done = std::move(done)](
                                     const HttpResult& result) mutable {
    if (result.fate != HttpFate::kAnswered) {
      return std::move(done)(OutcomeWithoutAnswer(result));
    }
    if (result.status == 200) {
      return std::move(done)({.verdict = WakeUpVerdict::kTaken});
    }
    const Reason* const reason = FindReason(result);
    WakeUpOutcome outcome =
        OutcomeOfStatus(result.status, reason == nullptr ? "" : reason->name);
    if (reason != nullptr) {
      outcome.verdict = reason->verdict;
      if (reason->name == kExpiredProviderToken) own_token->Expired();
    }
    std::move(done)(std::move(outcome));
  });
}

}  // namespace cofactor::services
