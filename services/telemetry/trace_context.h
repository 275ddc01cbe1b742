#ifndef COFACTOR_SERVICES_TELEMETRY_TRACE_CONTEXT_H_
#define COFACTOR_SERVICES_TELEMETRY_TRACE_CONTEXT_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace cofactor::services {

// The trace id, 32 lower-case hexadecimal digits, in the value of a
// `traceparent` header (W3C Trace Context, level 1); a view of that value.
// Nothing if it is malformed, so that what is logged is an id or is absent. A
// version later than 00 is read as far as it has the form of 00.
std::optional<absl::string_view> ParseTraceId(absl::string_view traceparent);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TELEMETRY_TRACE_CONTEXT_H_
