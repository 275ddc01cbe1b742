#include "base/errors.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/message_lite.h"
#include "google/rpc/error_details.pb.h"

namespace cofactor {
namespace {

template <typename Detail>
std::string TypeUrl() {
  return absl::StrCat("type.googleapis.com/",
                      Detail::descriptor()->full_name());
}

template <typename Detail>
void AddDetail(absl::Status& status, const Detail& detail) {
  status.SetPayload(TypeUrl<Detail>(), absl::Cord(detail.SerializeAsString()));
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view reason,
                       absl::string_view message) {
  return MakeError(code, reason, message, {});
}

absl::Status MakeError(absl::StatusCode code, absl::string_view reason,
                       absl::string_view message,
                       const ErrorMetadata& metadata) {
  absl::Status status(code, message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kErrorDomain));
  for (const auto& [name, value] : metadata) {
    (*info.mutable_metadata())[name] = value;
  }
  AddDetail(status, info);
  return status;
}

absl::Status InvalidField(absl::string_view field,
                          absl::string_view description) {
  absl::Status status =
      MakeError(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
                absl::StrCat(field, ": ", description));
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(std::string(description));
  AddDetail(status, bad_request);
  return status;
}

absl::Status RetryLater(absl::string_view reason, absl::string_view message,
                        absl::Duration retry_delay) {
  absl::Status status =
      MakeError(absl::StatusCode::kResourceExhausted, reason, message);
  // Rounded up to whole milliseconds: the retry must not come too early.
  const int64_t millis = absl::ToInt64Milliseconds(absl::Ceil(
      std::max(retry_delay, absl::ZeroDuration()), absl::Milliseconds(1)));
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(millis / 1000);
  retry.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(millis % 1000 * 1'000'000));
  AddDetail(status, retry);
  return status;
}

std::string ErrorReason(const absl::Status& status) {
  const auto payload = status.GetPayload(TypeUrl<google::rpc::ErrorInfo>());
  google::rpc::ErrorInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) {
    return "";
  }
  return info.reason();
}

}  // namespace cofactor
