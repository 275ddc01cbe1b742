#include "services/grpc_status.h"

#include <string>

#include "absl/strings/cord.h"
#include "base/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(GrpcStatusTest, KeepsOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
}

TEST(GrpcStatusTest, KeepsCodeMessageAndDetails) {
  const grpc::Status status =
      ToGrpcStatus(RetryLater("LOCKED", "wait", absl::Seconds(30)));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "wait");
  const google::rpc::Status details = DetailsOf(status);
  EXPECT_EQ(details.code(), 8);
  bool has_retry = false, has_reason = false;
  for (const auto& detail : details.details()) {
    google::rpc::RetryInfo retry;
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&retry)) {
      has_retry = retry.retry_delay().seconds() == 30;
    } else if (detail.UnpackTo(&info)) {
      has_reason = info.reason() == "LOCKED" && info.domain() == "cofactor";
    }
  }
  EXPECT_TRUE(has_retry);
  EXPECT_TRUE(has_reason);
}

TEST(GrpcStatusTest, GivesEveryErrorAReason) {
  const google::rpc::Status details =
      DetailsOf(ToGrpcStatus(absl::DataLossError("damaged")));
  ASSERT_EQ(details.details_size(), 1);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "DATA_LOSS");
}

TEST(GrpcStatusTest, StaysSmallWhateverItIsGiven) {
  // Two-byte characters, the cut in the middle of one.
  std::string message = "x";
  while (message.size() < 10'000) message += "\xC3\xA9";
  absl::Status status =
      MakeError(absl::StatusCode::kInternal, "TOO_LONG", message);
  status.SetPayload("type.googleapis.com/big", absl::Cord(message));
  const grpc::Status result = ToGrpcStatus(status);
  EXPECT_EQ(result.error_message().size(), 1023u);
  EXPECT_LT(result.error_details().size(), 2100u);
}

}  // namespace
}  // namespace cofactor::services
