#include "services/telemetry/trace_context.h"

#include <algorithm>

namespace cofactor::services {
namespace {

// version "-" trace id "-" parent id "-" flags
constexpr size_t kVersionSize = 2;
constexpr size_t kTraceIdAt = kVersionSize + 1;
constexpr size_t kTraceIdSize = 32;
constexpr size_t kParentIdAt = kTraceIdAt + kTraceIdSize + 1;
constexpr size_t kParentIdSize = 16;
constexpr size_t kFlagsAt = kParentIdAt + kParentIdSize + 1;
constexpr size_t kFlagsSize = 2;
constexpr size_t kSize = kFlagsAt + kFlagsSize;

// The standard has lower-case digits alone.
bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

bool IsId(absl::string_view text) {
  return IsHex(text) && text.find_first_not_of('0') != absl::string_view::npos;
}

}  // namespace

std::optional<absl::string_view> ParseTraceId(absl::string_view traceparent) {
  if (traceparent.size() < kSize) return std::nullopt;
  const absl::string_view version = traceparent.substr(0, kVersionSize);
  if (!IsHex(version) || version == "ff") return std::nullopt;
  // Later versions may append fields, and that is all that is known of them.
  if (traceparent.size() > kSize &&
      (version == "00" || traceparent[kSize] != '-')) {
    return std::nullopt;
  }
  for (const size_t at : {kTraceIdAt, kParentIdAt, kFlagsAt}) {
    if (traceparent[at - 1] != '-') return std::nullopt;
  }
  const absl::string_view trace_id =
      traceparent.substr(kTraceIdAt, kTraceIdSize);
  if (!IsId(trace_id) ||
      !IsId(traceparent.substr(kParentIdAt, kParentIdSize)) ||
      !IsHex(traceparent.substr(kFlagsAt, kFlagsSize))) {
    return std::nullopt;
  }
  return trace_id;
}

}  // namespace cofactor::services
