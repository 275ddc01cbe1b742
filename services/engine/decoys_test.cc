#include "services/engine/decoys.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {
namespace {

class DecoysTest : public testing::Test {
 protected:
  Decoys OfStore(storage::Store& store) {
    auto secret = LoadDecoySecret(store, randomness_);
    EXPECT_TRUE(secret.ok()) << secret.status();
    return Decoys(*std::move(secret), randomness_);
  }

  const ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SeededRandomness randomness_{1};
  storage::MemoryStore store_{clock_};
};

TEST_F(DecoysTest, APlaceIsOneOfTwentyFourBits) {
  const Decoys decoys = OfStore(store_);
  std::set<std::string> keys;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = decoys.KeyOf("acme", absl::StrCat("m", i), "totp");
    ASSERT_TRUE(absl::StartsWith(key, "u/")) << key;
    ASSERT_EQ(key.size(), 8u) << key;
    keys.insert(key);
  }
  // 20,000 balls in 2^24 urns: some 12 meet another.
  EXPECT_GT(keys.size(), 19'950u);
  EXPECT_LT(keys.size(), 20'000u);
}

TEST_F(DecoysTest, APlaceDependsOnAccountMemberAndFactor) {
  const Decoys decoys = OfStore(store_);
  const std::string key = decoys.KeyOf("acme", "ada", "totp");
  EXPECT_EQ(key, decoys.KeyOf("acme", "ada", "totp"));
  EXPECT_NE(key, decoys.KeyOf("beta", "ada", "totp"));
  EXPECT_NE(key, decoys.KeyOf("acme", "bob", "totp"));
  EXPECT_NE(key, decoys.KeyOf("acme", "ada", "sms"));
  EXPECT_NE(decoys.KeyOf("ab", "c", "totp"), decoys.KeyOf("a", "bc", "totp"));
}

TEST_F(DecoysTest, EachStoreHasPlacesOfItsOwnAndKeepsThem) {
  storage::MemoryStore other(clock_);
  const Decoys decoys = OfStore(store_);
  EXPECT_EQ(decoys.KeyOf("acme", "ada", "totp"),
            OfStore(store_).KeyOf("acme", "ada", "totp"));
  EXPECT_NE(decoys.KeyOf("acme", "ada", "totp"),
            OfStore(other).KeyOf("acme", "ada", "totp"));
}

TEST_F(DecoysTest, TheSameNameHasTheSameEnrollment) {
  const Decoys decoys = OfStore(store_);
  const std::string id = decoys.EnrollmentId("acme", "ada", "sms");
  EXPECT_EQ(id.size(), randomness_.DrawId().size());
  EXPECT_EQ(id, decoys.EnrollmentId("acme", "ada", "sms"));
  EXPECT_NE(id, decoys.EnrollmentId("acme", "bob", "sms"));
}

}  // namespace
}  // namespace cofactor::services
