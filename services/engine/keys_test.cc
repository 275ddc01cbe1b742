#include "services/engine/keys.h"

#include <cstdint>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

TEST(KeysTest, ADecoyKeyIsOneOfTwentyBits) {
  std::set<std::string> keys;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = DecoyKey("acme", absl::StrCat("m", i), "totp");
    ASSERT_TRUE(absl::StartsWith(key, "u/")) << key;
    ASSERT_EQ(key.size(), 7u) << key;
    uint32_t place = 0;
    ASSERT_TRUE(absl::SimpleHexAtoi(key.substr(2), &place)) << key;
    keys.insert(key);
  }
  // 20,000 balls in 2^20 urns: some 190 meet another.
  EXPECT_GT(keys.size(), 19'700u);
  EXPECT_LT(keys.size(), 19'900u);
}

TEST(KeysTest, ADecoyKeyDependsOnAccountMemberAndFactor) {
  const std::string key = DecoyKey("acme", "ada", "totp");
  EXPECT_EQ(key, DecoyKey("acme", "ada", "totp"));
  EXPECT_NE(key, DecoyKey("beta", "ada", "totp"));
  EXPECT_NE(key, DecoyKey("acme", "bob", "totp"));
  EXPECT_NE(key, DecoyKey("acme", "ada", "sms"));
  EXPECT_NE(DecoyKey("ab", "c", "totp"), DecoyKey("a", "bc", "totp"));
}

// What is on disk already has to be found again.
TEST(KeysTest, KeysStayAsTheyWere) {
  EXPECT_EQ(AccountKey("acme"), "a/acme");
  EXPECT_EQ(MemberKey("acme", "ada"), "m/acme/ada");
  EXPECT_EQ(CodeOnlyKey("acme"), "o/acme");
  EXPECT_EQ(RosterKey("acme"), "r/acme");
  EXPECT_EQ(ChallengeKey("c1"), "c/c1");
  EXPECT_EQ(ChallengeListKey("acme", "ada", "c1"), "d/acme/ada/c1");
  EXPECT_EQ(IdempotencyKey("web", "r1"), "i/web/r1");
  EXPECT_EQ(ClientKey("web"), "k/web");
  EXPECT_EQ(SendLimitKey('a', "acme"), "l/a/acme");
  EXPECT_EQ(SendLimitKey('t', ""), "l/t/");
  // printf acme/ada/totp | sha256sum
  EXPECT_EQ(DecoyKey("acme", "ada", "totp"), "u/ee278");
}

TEST(KeysTest, APrefixTakesInTheRecordsOfOneParentAlone) {
  EXPECT_TRUE(absl::StartsWith(MemberKey("acme", "ada"), MemberPrefix("acme")));
  EXPECT_FALSE(
      absl::StartsWith(MemberKey("acme2", "ada"), MemberPrefix("acme")));
  EXPECT_TRUE(absl::StartsWith(ChallengeListKey("acme", "ada", "c1"),
                               ChallengeListPrefix("acme", "")));
  EXPECT_TRUE(absl::StartsWith(ChallengeListKey("acme", "ada", "c1"),
                               ChallengeListPrefix("acme", "ada")));
  EXPECT_FALSE(absl::StartsWith(ChallengeListKey("acme", "ada2", "c1"),
                                ChallengeListPrefix("acme", "ada")));
}

}  // namespace
}  // namespace cofactor::services
