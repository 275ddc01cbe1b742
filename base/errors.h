#ifndef COFACTOR_BASE_ERRORS_H_
#define COFACTOR_BASE_ERRORS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cofactor {

// Errors that reach a caller carry google.rpc details as payloads of the
// status. The message says what is wrong and what to do, and holds no secret
// and nothing of the caller's input but ids that were checked.

// Domain of every google.rpc.ErrorInfo of this server.
inline constexpr absl::string_view kErrorDomain = "cofactor";

// An error with google.rpc.ErrorInfo. reason: a frozen UPPER_SNAKE_CASE name
// that programs act on, as "ALREADY_EXISTS". code: any but OK.
absl::Status MakeError(absl::StatusCode code, absl::string_view reason,
                       absl::string_view message);

// What else a program has to know: names and values of ErrorInfo.metadata.
using ErrorMetadata = std::vector<std::pair<std::string, std::string>>;

// The same with metadata.
absl::Status MakeError(absl::StatusCode code, absl::string_view reason,
                       absl::string_view message,
                       const ErrorMetadata& metadata);

// INVALID_ARGUMENT, reason INVALID_FIELD, with google.rpc.BadRequest naming the
// field by its path in the request, as "member.member_id".
absl::Status InvalidField(absl::string_view field,
                          absl::string_view description);

// RESOURCE_EXHAUSTED with google.rpc.RetryInfo: a retry before then is in vain.
absl::Status RetryLater(absl::string_view reason, absl::string_view message,
                        absl::Duration retry_delay);

// The reason in the ErrorInfo of a status, or "" if there is none.
std::string ErrorReason(const absl::Status& status);

}  // namespace cofactor

#endif  // COFACTOR_BASE_ERRORS_H_
