#include "services/messenger/gateway_outcome.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace cofactor::services {

SmsOutcome OutcomeOfStatus(int status) {
  SmsOutcome outcome{.reason = absl::StrCat("HTTP ", status)};
  if (status == 401 || status == 403 || status == 404 || status == 405 ||
      (status >= 300 && status < 400)) {
    outcome.verdict = SmsVerdict::kMisconfigured;
  } else if (status == 429) {
    outcome.verdict = SmsVerdict::kNotSent;
  } else if (status >= 400 && status < 500 && status != 408) {
    outcome.verdict = SmsVerdict::kRefusedHere;
  }
  return outcome;
}

HttpClient::Done CompleteWith(std::string gateway,
                              SmsOutcome (*read_answer)(const HttpResult&),
                              SmsGateway::Done done) {
  return [gateway = std::move(gateway), read_answer,
          done = std::move(done)](HttpResult result) mutable {
    SmsOutcome outcome;
    switch (result.fate) {
      case HttpFate::kAnswered:
        outcome = read_answer(result);
        break;
      case HttpFate::kNotSent:
        outcome = {.verdict = SmsVerdict::kNotSent,
                   .reason = std::move(result.reason)};
        break;
      case HttpFate::kUnknown:
        outcome = {.verdict = SmsVerdict::kUnknown,
                   .reason = std::move(result.reason)};
        break;
    }
    outcome.gateway = std::move(gateway);
    std::move(done)(std::move(outcome));
  };
}

}  // namespace cofactor::services
