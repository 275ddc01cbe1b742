#include "services/wake_up/vapid.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace cofactor::services {
namespace {

class VapidTest : public testing::Test {
 protected:
  VapidTest() {
    auto key = JwsSigner::GenerateEs256();
    EXPECT_TRUE(key.ok());
    auto vapid = Vapid::Create(clock_, *std::move(key), "mailto:a@b.example");
    EXPECT_TRUE(vapid.ok()) << vapid.status();
    vapid_ = *std::move(vapid);
  }

  std::string HeaderFor(const std::string& origin) {
    const auto header = vapid_->Authorization(origin);
    EXPECT_TRUE(header.ok()) << header.status();
    return header.ok() ? std::string(header->ExposeSecret()) : "";
  }

  // The claims of a header; its form is checked.
  nlohmann::json ClaimsOf(absl::string_view header) {
    EXPECT_TRUE(absl::ConsumePrefix(&header, "vapid t="));
    EXPECT_TRUE(absl::ConsumeSuffix(
        &header, absl::StrCat(", k=", vapid_->public_key())));
    const std::vector<std::string> parts = absl::StrSplit(header, '.');
    EXPECT_EQ(parts.size(), 3u);
    std::string claims;
    EXPECT_TRUE(absl::WebSafeBase64Unescape(parts[1], &claims));
    return nlohmann::json::parse(claims);
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::unique_ptr<Vapid> vapid_;
};

TEST_F(VapidTest, SaysWhoForWhomAndUntilWhen) {
  EXPECT_EQ(ClaimsOf(HeaderFor("https://push.example")),
            (nlohmann::json{{"aud", "https://push.example"},
                            {"exp", 1'700'000'000 + 12 * 3600},
                            {"sub", "mailto:a@b.example"}}));
  std::string point;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(vapid_->public_key(), &point));
  EXPECT_EQ(point.size(), 65u);
  EXPECT_EQ(point[0], 4);
}

TEST_F(VapidTest, ATokenIsForOneOriginAlone) {
  HeaderFor("https://push.example");
  EXPECT_EQ(ClaimsOf(HeaderFor("https://other.example"))["aud"],
            "https://other.example");
}

TEST_F(VapidTest, ATokenIsUsedAgainUntilLittleIsLeftOfIt) {
  const std::string first = HeaderFor("https://push.example");
  clock_.Advance(absl::Hours(11));
  EXPECT_EQ(HeaderFor("https://push.example"), first);
  clock_.Advance(absl::Seconds(1));
  const std::string second = HeaderFor("https://push.example");
  EXPECT_NE(second, first);
  EXPECT_EQ(ClaimsOf(second)["exp"], 1'700'000'000 + 23 * 3600 + 1);
  EXPECT_EQ(vapid_->tokens(), 1u);
}

// Else push services would refuse it for expiring more than a day ahead.
TEST_F(VapidTest, ATokenOfTheFutureIsNotUsed) {
  HeaderFor("https://push.example");
  clock_.Advance(-absl::Hours(48));
  EXPECT_EQ(ClaimsOf(HeaderFor("https://push.example"))["exp"],
            1'700'000'000 - 36 * 3600);
}

// A device may name any host below an allowed domain.
TEST_F(VapidTest, KeepsFewTokensAndTheNewest) {
  for (size_t i = 0; i < Vapid::kMaxTokens; ++i) {
    HeaderFor(absl::StrCat("https://h", i, ".example"));
    clock_.Advance(absl::Seconds(1));
  }
  const std::string newest =
      HeaderFor(absl::StrCat("https://h", Vapid::kMaxTokens - 1, ".example"));
  for (int i = 0; i < 10; ++i) {
    HeaderFor(absl::StrCat("https://new", i, ".example"));
  }
  EXPECT_EQ(vapid_->tokens(), Vapid::kMaxTokens);
  EXPECT_EQ(
      HeaderFor(absl::StrCat("https://h", Vapid::kMaxTokens - 1, ".example")),
      newest);
}

}  // namespace
}  // namespace cofactor::services
