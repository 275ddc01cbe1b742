#ifndef COFACTOR_CLIENTS_DEVICE_ANSWER_LINE_H_
#define COFACTOR_CLIENTS_DEVICE_ANSWER_LINE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "clients/device/device_connection.h"

namespace cofactor::device {

// What a person or a script says to a challenge, in one line. Errors of all
// functions: INVALID_ARGUMENT, and what can be said.

// The number, as "123456" or "123 456". Anything but six digits is refused
// here, as the server would count it.
absl::StatusOr<Decision> Approval(absl::string_view number);

// REQUIRES nothing: a reason of more than 128 bytes, or with control
// characters, is an error.
absl::StatusOr<Decision> Denial(absl::string_view reason);

Decision Report();

// Of a person: "123456", "deny", "deny I am not at work", "not me", each after
// "#2" if it is about the second challenge.
struct TypedAnswer {
  // 0: none was named.
  size_t index = 0;
  Decision decision;
};
absl::StatusOr<TypedAnswer> ParseTypedAnswer(absl::string_view line);

// Of a script: "CHALLENGE_ID approve 123456", "CHALLENGE_ID deny [REASON]",
// "CHALLENGE_ID not-me".
struct ScriptAnswer {
  std::string challenge_id;
  Decision decision;
};
absl::StatusOr<ScriptAnswer> ParseScriptAnswer(absl::string_view line);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_ANSWER_LINE_H_
