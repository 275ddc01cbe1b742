#include "services/wake_up/provider_token.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "services/wake_up/test_key.h"

namespace cofactor::services {
namespace {

class ProviderTokenTest : public testing::Test {
 protected:
  ProviderTokenTest() {
    absl::StatusOr<JwsSigner> signer =
        JwsSigner::FromPem(JwsAlgorithm::kEs256, Secret(key_.pem()));
    EXPECT_TRUE(signer.ok()) << signer.status();
    token_ = std::make_unique<ProviderToken>(clock_, "ABC123DEFG", "DEF123GHIJ",
                                             *std::move(signer));
  }

  std::string Get() {
    const auto token = token_->Get();
    EXPECT_TRUE(token.ok()) << token.status();
    return std::string((*token)->ExposeSecret());
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const TestKey key_ = TestKey::Ec();
  std::unique_ptr<ProviderToken> token_;
};

TEST_F(ProviderTokenTest, SaysWhoWeAreAndWhen) {
  const std::optional<TestJws> jws = key_.Verify(Get());
  ASSERT_TRUE(jws.has_value());
  EXPECT_EQ(jws->header,
            (nlohmann::json{{"alg", "ES256"}, {"kid", "ABC123DEFG"}}));
  EXPECT_EQ(jws->claims,
            (nlohmann::json{{"iss", "DEF123GHIJ"}, {"iat", 1'700'000'000}}));
  EXPECT_FALSE(TestKey::Ec().Verify(Get()).has_value());
}

TEST_F(ProviderTokenTest, RenewsItselfAfterFortyMinutes) {
  const std::string first = Get();
  clock_.Advance(absl::Minutes(40) - absl::Seconds(1));
  EXPECT_EQ(Get(), first);
  clock_.Advance(absl::Seconds(1));
  const std::optional<TestJws> jws = key_.Verify(Get());
  ASSERT_TRUE(jws.has_value());
  EXPECT_EQ(jws->claims["iat"], 1'700'000'000 + 40 * 60);
}

TEST_F(ProviderTokenTest, RenewsItselfWhenTheClockWasSetBack) {
  const std::string first = Get();
  clock_.Advance(-absl::Seconds(1));
  const std::string second = Get();
  EXPECT_EQ(key_.Verify(second)->claims["iat"], 1'699'999'999);
  EXPECT_EQ(Get(), second);
}

// Apple refuses those who do so, TooManyProviderTokenUpdates.
TEST_F(ProviderTokenTest, NeverRenewsItselfWithinTwentyMinutes) {
  const std::string first = Get();
  clock_.Advance(absl::Minutes(20) - absl::Seconds(1));
  token_->Expired();
  EXPECT_EQ(Get(), first);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Get(), first);
  token_->Expired();
  const std::string second = Get();
  EXPECT_NE(second, first);
  // Answers to what was sent with the first one still come in.
  token_->Expired();
  EXPECT_EQ(Get(), second);
}

}  // namespace
}  // namespace cofactor::services
