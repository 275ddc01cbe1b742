#include "clients/device/answer_line.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "clients/device/printable.h"

namespace cofactor::device {
namespace {

constexpr size_t kNumberDigits = 6;
constexpr size_t kMaxReasonBytes = 128;

// The first word, and what comes after it.
std::pair<absl::string_view, absl::string_view> Cut(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const size_t end = text.find_first_of(" \t");
  if (end == absl::string_view::npos) return {text, {}};
  return {text.substr(0, end), absl::StripAsciiWhitespace(text.substr(end))};
}

absl::Status NotUnderstood() {
  return absl::InvalidArgumentError(
      "say the number to approve, \"deny\", with a reason if you like, or "
      "\"not me\"");
}

}  // namespace

absl::StatusOr<Decision> Approval(absl::string_view number) {
  Decision decision;
  decision.decision = cofactor::v1::PUSH_DECISION_APPROVE;
  for (const char c : number) {
    if (c != ' ') decision.number.push_back(c);
  }
  bool digits = decision.number.size() == kNumberDigits;
  for (const char c : decision.number) {
    digits = digits && absl::ascii_isdigit(static_cast<unsigned char>(c));
  }
  if (!digits) {
    return absl::InvalidArgumentError(
        "the number has six digits; it is shown where you sign in");
  }
  return decision;
}

absl::StatusOr<Decision> Denial(absl::string_view reason) {
  Decision decision;
  decision.decision = cofactor::v1::PUSH_DECISION_DENY;
  decision.reason = std::string(absl::StripAsciiWhitespace(reason));
  if (decision.reason.size() > kMaxReasonBytes) {
    return absl::InvalidArgumentError("a reason has at most 128 bytes");
  }
  for (const char c : decision.reason) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError("a reason has no control characters");
    }
  }
  return decision;
}

Decision Report() {
  Decision decision;
  decision.decision = cofactor::v1::PUSH_DECISION_REPORT;
  return decision;
}

absl::StatusOr<TypedAnswer> ParseTypedAnswer(absl::string_view line) {
  TypedAnswer answer;
  line = absl::StripAsciiWhitespace(line);
  if (absl::ConsumePrefix(&line, "#")) {
    const auto [index, rest] = Cut(line);
    if (!absl::SimpleAtoi(index, &answer.index) || answer.index == 0) {
      return NotUnderstood();
    }
    line = rest;
  }
  const auto [word, rest] = Cut(line);
  if (absl::EqualsIgnoreCase(word, "deny")) {
    ASSIGN_OR_RETURN(answer.decision, Denial(rest));
  } else if (absl::EqualsIgnoreCase(line, "not me") ||
             absl::EqualsIgnoreCase(line, "not-me")) {
    answer.decision = Report();
  } else if (!word.empty() &&
             absl::ascii_isdigit(static_cast<unsigned char>(word[0]))) {
    ASSIGN_OR_RETURN(answer.decision, Approval(line));
  } else {
    return NotUnderstood();
  }
  return answer;
}

absl::StatusOr<ScriptAnswer> ParseScriptAnswer(absl::string_view line) {
  const auto [id, rest] = Cut(line);
  const auto [word, value] = Cut(rest);
  ScriptAnswer answer;
  answer.challenge_id = std::string(id);
  if (word == "approve") {
    ASSIGN_OR_RETURN(answer.decision, Approval(value));
  } else if (word == "deny") {
    ASSIGN_OR_RETURN(answer.decision, Denial(value));
  } else if (word == "not-me" && value.empty()) {
    answer.decision = Report();
  } else {
    return absl::InvalidArgumentError(
        "a line is \"CHALLENGE_ID approve NUMBER\", \"CHALLENGE_ID deny "
        "[REASON]\" or \"CHALLENGE_ID not-me\"");
  }
  return answer;
}

}  // namespace cofactor::device
