#include "services/wake_up/vendor_outcome.h"

#include "absl/strings/str_cat.h"

namespace cofactor::services {

WakeUpOutcome OutcomeWithoutAnswer(const HttpResult& result) {
  return {.verdict = result.fate == HttpFate::kNotSent
                         ? WakeUpVerdict::kNotSent
                         : WakeUpVerdict::kUnknown,
          .reason = result.reason};
}

WakeUpOutcome OutcomeOfStatus(int status, absl::string_view code) {
  WakeUpOutcome outcome{
      .reason = absl::StrCat("HTTP ", status, code.empty() ? "" : " ", code)};
  if (status == 401 || status == 403 || status == 404 || status == 405 ||
      (status >= 300 && status < 400)) {
    outcome.verdict = WakeUpVerdict::kMisconfigured;
  } else if (status >= 400 && status < 600) {
    outcome.verdict = WakeUpVerdict::kRefused;
  }
  return outcome;
}

}  // namespace cofactor::services
