#include "services/wake_up/fcm_gateway.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "nlohmann/json.hpp"
#include "services/telemetry/json_text.h"
#include "services/wake_up/vendor_outcome.h"

namespace cofactor::services {
namespace {

constexpr size_t kMaxTokenBytes = 4096;
// Four weeks: "Lifespan of a message" in Firebase's "Set and manage message
// priority" has no more.
constexpr int64_t kMaxTtlSeconds = 4 * 7 * 24 * 60 * 60;

constexpr absl::string_view kUnregistered = "UNREGISTERED";
constexpr absl::string_view kThirdParty = "THIRD_PARTY_AUTH_ERROR";
// What FcmError says: those that operators may read.
constexpr absl::string_view kCodes[] = {
    kUnregistered, "INVALID_ARGUMENT", "SENDER_ID_MISMATCH", "QUOTA_EXCEEDED",
    "UNAVAILABLE", "INTERNAL",         kThirdParty};

// What an answer explains.
struct Explanation {
  // One of kCodes, or "".
  absl::string_view code;
  // Whether there is fault with the token and with nothing else.
  bool blames_token = false;
};

bool IsText(const nlohmann::json& object, const char* field,
            absl::string_view text) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() &&
         found->get_ref<const std::string&>() == text;
}

// details: an entry of google.rpc.Status.
void ReadDetail(const nlohmann::json& detail, Explanation& explanation) {
  if (!detail.is_object()) return;
  if (IsText(detail, "@type",
             "type.googleapis.com/google.firebase.fcm.v1.FcmError")) {
    for (const absl::string_view code : kCodes) {
      if (IsText(detail, "errorCode", code)) explanation.code = code;
    }
  } else if (IsText(detail, "@type",
                    "type.googleapis.com/google.rpc.BadRequest")) {
    const auto violations = detail.find("fieldViolations");
    if (violations == detail.end() || !violations->is_array()) return;
    explanation.blames_token =
        !violations->empty() &&
        std::all_of(violations->begin(), violations->end(),
                    [](const nlohmann::json& violation) {
                      return violation.is_object() &&
                             IsText(violation, "field", "message.token");
                    });
  }
}

// The body is at most as long as HttpClient takes.
Explanation Explain(absl::string_view body) {
  Explanation explanation;
  const nlohmann::json answer =
      nlohmann::json::parse(body.begin(), body.end(), /*cb=*/nullptr,
                            /*allow_exceptions=*/false);
  if (!answer.is_object()) return explanation;
  const auto error = answer.find("error");
  if (error == answer.end() || !error->is_object()) return explanation;
  const auto details = error->find("details");
  if (details == error->end() || !details->is_array()) return explanation;
  for (const nlohmann::json& detail : *details) {
    ReadDetail(detail, explanation);
  }
  return explanation;
}

// refuses_access: whether the access token was refused.
WakeUpOutcome ReadAnswer(const HttpResult& result, bool& refuses_access) {
  if (result.status == 200) return {.verdict = WakeUpVerdict::kTaken};
  const Explanation explanation = Explain(result.body.ExposeSecret());
  WakeUpOutcome outcome = OutcomeOfStatus(result.status, explanation.code);
  if ((result.status == 404 && explanation.code == kUnregistered) ||
      (result.status == 400 && explanation.blames_token)) {
    outcome.verdict = WakeUpVerdict::kAddressGone;
  }
  // That is said of the key that Firebase has for another vendor.
  refuses_access = result.status == 401 && explanation.code != kThirdParty;
  return outcome;
}

// Whether it may be one. It is opaque.
bool IsToken(absl::string_view token) {
  return !token.empty() && token.size() <= kMaxTokenBytes &&
         std::all_of(token.begin(), token.end(),
                     [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string MakeBody(absl::string_view token, absl::Duration ttl) {
  const int64_t seconds =
      std::clamp<int64_t>(absl::ToInt64Seconds(ttl), 0, kMaxTtlSeconds);
  std::string body = R"({"message":{"token":)";
  AppendJsonString(token, token.size(), body);
  absl::StrAppend(&body, R"(,"android":{"priority":"HIGH","ttl":")", seconds,
                  R"(s"},"data":{"cofactor":"challenge"}}})");
  return body;
}

}  // namespace

FcmGateway::FcmGateway(const Clock& clock, HttpClient& http,
                       std::unique_ptr<AccessTokenSource> tokens,
                       Options options)
    : clock_(clock),
      http_(http),
      tokens_(std::move(tokens)),
      options_(std::move(options)),
      url_(absl::StrCat(options_.base_url, "/v1/projects/", options_.project_id,
                        "/messages:send")) {}

void FcmGateway::Send(const WakeUp& wake_up, Done done) {
  const std::string& device = wake_up.address.fcm_token();
  if (!IsToken(device)) {
    return std::move(done)({.verdict = WakeUpVerdict::kNotSent,
                            .reason = "BAD_ADDRESS: not a token of FCM"});
  }
  HttpRequest request;
  request.url = url_;
  request.headers.push_back(
      {"Content-Type", Secret(absl::string_view("application/json"))});
  request.body = Secret(MakeBody(device, wake_up.ttl));
  request.deadline =
      std::min(wake_up.deadline, clock_.Now() + options_.timeout);
  const absl::Time deadline = request.deadline;
  tokens_->Get(
      deadline, [&http = http_, tokens = tokens_, request = std::move(request),
                 done = std::move(done)](
                    absl::StatusOr<AccessTokenSource::Token> token) mutable {
        if (!token.ok()) {
          return std::move(done)(
              {.verdict = absl::IsFailedPrecondition(token.status())
                              ? WakeUpVerdict::kMisconfigured
                              : WakeUpVerdict::kNotSent,
               .reason = std::string(token.status().message())});
        }
        request.headers.push_back(
            {"Authorization",
             Secret(absl::StrCat("Bearer ", (*token)->ExposeSecret()))});
        http.Post(std::move(request),
                  [tokens, token = *token,
                   done = std::move(done)](const HttpResult& result) mutable {
                    if (result.fate != HttpFate::kAnswered) {
                      return std::move(done)(OutcomeWithoutAnswer(result));
                    }
                    bool refuses_access = false;
                    WakeUpOutcome outcome = ReadAnswer(result, refuses_access);
                    if (refuses_access) tokens->Invalidate(token);
                    std::move(done)(std::move(outcome));
                  });
      });
}

}  // namespace cofactor::services
