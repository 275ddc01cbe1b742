#include "services/engine/keys.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

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
  EXPECT_EQ(DecoyKey(0xe278), "u/00e278");
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
