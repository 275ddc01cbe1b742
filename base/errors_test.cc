#include "base/errors.h"

#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace cofactor {
namespace {

template <typename Detail>
Detail DetailOf(const absl::Status& status) {
  Detail detail;
  const auto payload = status.GetPayload("type.googleapis.com/" +
                                         Detail::descriptor()->full_name());
  EXPECT_TRUE(payload.has_value());
  EXPECT_TRUE(
      detail.ParseFromString(std::string(payload.value_or(absl::Cord()))));
  return detail;
}

TEST(ErrorsTest, NamesTheFieldAndTheReason) {
  const absl::Status status = InvalidField("member.member_id", "is required");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "member.member_id: is required");
  EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
  const auto bad_request = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "member.member_id");
}

TEST(ErrorsTest, CarriesMetadata) {
  const absl::Status status =
      MakeError(absl::StatusCode::kFailedPrecondition, "STEP_UP_REQUIRED",
                "sign in again", {{"acr_values", "high"}, {"max_age", "60"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  EXPECT_EQ(info.reason(), "STEP_UP_REQUIRED");
  EXPECT_EQ(info.domain(), kErrorDomain);
  ASSERT_EQ(info.metadata_size(), 2);
  EXPECT_EQ(info.metadata().at("acr_values"), "high");
  EXPECT_EQ(info.metadata().at("max_age"), "60");
}

TEST(ErrorsTest, RoundsTheRetryDelayUp) {
  const absl::Status status =
      RetryLater("LOCKED", "wait", absl::Microseconds(1'500'001));
  const auto retry = DetailOf<google::rpc::RetryInfo>(status);
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 501'000'000);
}

TEST(ErrorsTest, HasNoReasonWithoutErrorInfo) {
  EXPECT_EQ(ErrorReason(absl::InternalError("x")), "");
}

}  // namespace
}  // namespace cofactor
