#include "tests/doubles/retry_delay.h"

#include <string>

#include "google/rpc/error_details.pb.h"

namespace cofactor {

absl::Duration RetryDelay(const absl::Status& status) {
  const auto payload =
      status.GetPayload("type.googleapis.com/google.rpc.RetryInfo");
  google::rpc::RetryInfo retry;
  if (!payload.has_value() || !retry.ParseFromString(std::string(*payload))) {
    return absl::ZeroDuration();
  }
  return absl::Seconds(retry.retry_delay().seconds()) +
         absl::Nanoseconds(retry.retry_delay().nanos());
}

}  // namespace cofactor
