#include "services/engine/input.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errors.h"

namespace cofactor::services {
namespace {

constexpr size_t kMaxIdBytes = 128;
constexpr size_t kMaxRequestIdBytes = 64;
constexpr int32_t kMaxPageSize = 1000;
constexpr int32_t kDefaultPageSize = 50;

// google/protobuf/duration.proto: about 10,000 years.
constexpr int64_t kMaxDurationSeconds = 315'576'000'000;

bool IsIdCharacter(char c) {
  return absl::ascii_isalnum(c) || absl::StrContains("._@+-", c);
}

}  // namespace

absl::Status CheckId(absl::string_view field, absl::string_view id) {
  if (id.empty()) return InvalidField(field, "is required");
  return CheckOptionalId(field, id);
}

absl::Status CheckOptionalId(absl::string_view field, absl::string_view id) {
  if (id.size() > kMaxIdBytes ||
      !std::all_of(id.begin(), id.end(), IsIdCharacter)) {
    return InvalidField(field, absl::StrCat("want 1 to ", kMaxIdBytes,
                                            " of A-Z a-z 0-9 . _ @ + -"));
  }
  return absl::OkStatus();
}

absl::Status CheckText(absl::string_view field, absl::string_view text,
                       size_t max_bytes) {
  if (text.size() > max_bytes) {
    return InvalidField(field, absl::StrCat("want at most ", max_bytes,
                                            " bytes, got ", text.size()));
  }
  if (std::any_of(text.begin(), text.end(), absl::ascii_iscntrl)) {
    return InvalidField(field, "must not hold control characters");
  }
  return absl::OkStatus();
}

absl::Status CheckRequestId(absl::string_view request_id) {
  if (request_id.size() > kMaxRequestIdBytes ||
      !std::all_of(request_id.begin(), request_id.end(), absl::ascii_isgraph)) {
    return InvalidField("request_id",
                        absl::StrCat("want up to ", kMaxRequestIdBytes,
                                     " printable ASCII characters, no space"));
  }
  return absl::OkStatus();
}

absl::Status CheckUpdateMask(const google::protobuf::FieldMask& mask,
                             std::initializer_list<absl::string_view> allowed) {
  if (mask.paths().empty()) {
    return InvalidField("update_mask",
                        absl::StrCat("name the fields to change, of: ",
                                     absl::StrJoin(allowed, ", ")));
  }
  for (const std::string& path : mask.paths()) {
    if (std::find(allowed.begin(), allowed.end(), path) == allowed.end()) {
      return InvalidField(
          "update_mask",
          absl::StrCat("can change only: ", absl::StrJoin(allowed, ", ")));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> PageSize(int32_t requested) {
  if (requested < 0 || requested > kMaxPageSize) {
    return InvalidField("page_size",
                        absl::StrCat("want 1 to ", kMaxPageSize, ", or 0 for ",
                                     kDefaultPageSize));
  }
  return requested == 0 ? kDefaultPageSize : requested;
}

std::string MakePageToken(absl::string_view last_key) {
  return absl::WebSafeBase64Escape(last_key);
}

absl::StatusOr<std::string> StartAfter(absl::string_view prefix,
                                       absl::string_view page_token) {
  if (page_token.empty()) return std::string();
  std::string key;
  if (!absl::WebSafeBase64Unescape(page_token, &key) ||
      !absl::StartsWith(key, prefix)) {
    return InvalidField(
        "page_token",
        "is none of this list: pass next_page_token of the page before, with "
        "the same ids, or leave it empty");
  }
  return key;
}

absl::StatusOr<absl::Duration> ToDuration(
    absl::string_view field, const google::protobuf::Duration& duration) {
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  if (seconds > kMaxDurationSeconds || seconds < -kMaxDurationSeconds ||
      nanos > 999'999'999 || nanos < -999'999'999 ||
      (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
    return InvalidField(field, "is not a valid duration");
  }
  return absl::Seconds(seconds) + absl::Nanoseconds(nanos);
}

}  // namespace cofactor::services
