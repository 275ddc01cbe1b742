#ifndef COFACTOR_SERVICES_ENGINE_INPUT_H_
#define COFACTOR_SERVICES_ENGINE_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/field_mask.pb.h"

namespace cofactor::services {

// Checks of what callers send. Each returns INVALID_ARGUMENT naming the field.

// An id chosen by the caller: 1 to 128 of A-Z a-z 0-9 . _ @ + -
absl::Status CheckId(absl::string_view field, absl::string_view id);

// As CheckId, or empty.
absl::Status CheckOptionalId(absl::string_view field, absl::string_view id);

// Bounds of texts for people: names of accounts and members, labels of
// enrollments.
inline constexpr size_t kMaxNameBytes = 128;
inline constexpr size_t kMaxLabelBytes = 128;

// A text for people: up to max_bytes, no control characters.
absl::Status CheckText(absl::string_view field, absl::string_view text,
                       size_t max_bytes);

// A request id: empty, or up to 64 printable ASCII characters without space.
absl::Status CheckRequestId(absl::string_view request_id);

// Every path of the mask is one of the allowed ones, and there is at least one.
absl::Status CheckUpdateMask(const google::protobuf::FieldMask& mask,
                             std::initializer_list<absl::string_view> allowed);

// The page size that a request asks for: 1 to 1000, or 50 if 0.
absl::StatusOr<size_t> PageSize(int32_t requested);

// A page token tells after which key a scan of a prefix goes on. It is opaque
// to callers, and refused by a list of another parent.
std::string MakePageToken(absl::string_view last_key);
absl::StatusOr<std::string> StartAfter(absl::string_view prefix,
                                       absl::string_view page_token);

// A duration of the API. INVALID_ARGUMENT unless it is valid by the rules of
// google.protobuf.Duration.
absl::StatusOr<absl::Duration> ToDuration(
    absl::string_view field, const google::protobuf::Duration& duration);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_INPUT_H_
