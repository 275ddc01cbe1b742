// docs/sign_in.md shows the default policy, and one to copy. Both are held
// against the code.

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "cofactor/v1/policy_service.pb.h"
#include "factors/factor_registry.h"
#include "factors/standard_factors.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "services/engine/policy_check.h"
#include "services/engine/sign_in_policy.h"

namespace cofactor::services {
namespace {

class PolicyDocumentationTest : public testing::Test {
 protected:
  PolicyDocumentationTest() {
    std::ifstream file("docs/sign_in.md");
    text_.assign(std::istreambuf_iterator<char>(file),
                 std::istreambuf_iterator<char>());
    factors::FactorRegistry::Builder builder;
    EXPECT_TRUE(factors::RegisterStandardFactors(builder).ok());
    registry_.emplace(std::move(builder).Build());
  }

  // Parses what stands between two marks, as grpcurl does.
  void Parse(absl::string_view from, absl::string_view to,
             google::protobuf::Message& message) const {
    size_t start = text_.find(std::string(from));
    ASSERT_NE(start, std::string::npos);
    start += from.size();
    const size_t end = text_.find(std::string(to), start);
    ASSERT_NE(end, std::string::npos);
    const auto status = google::protobuf::util::JsonStringToMessage(
        text_.substr(start, end - start), &message);
    ASSERT_TRUE(status.ok()) << status;
  }

  std::string text_;
  std::optional<factors::FactorRegistry> registry_;
};

TEST_F(PolicyDocumentationTest, ShowsTheDefault) {
  v1::Policy policy;
  ASSERT_NO_FATAL_FAILURE(Parse("```json\n", "```", policy));
  std::string difference;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(DefaultPolicy(), policy)) << difference;
}

TEST_F(PolicyDocumentationTest, ShowsAPolicyThatCanBeSet) {
  v1::SetPolicyRequest request;
  ASSERT_NO_FATAL_FAILURE(Parse("-d '", "' 127.0.0.1", request));
  const absl::Status status = CheckPolicy(request.policy(), *registry_);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(request.policy().levels_size(), 2);
}

// The default can be read, changed and set on this server.
TEST_F(PolicyDocumentationTest, HasADefaultThatCanBeSet) {
  const absl::Status status = CheckPolicy(DefaultPolicy(), *registry_);
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace cofactor::services
