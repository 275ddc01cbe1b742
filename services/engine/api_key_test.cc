#include "services/engine/api_key.h"

#include <openssl/sha.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/randomness.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

class ApiKeyTest : public testing::Test {
 protected:
  ApiKeyTest()
      : made_(MakeApiKey(absl::FromUnixSeconds(1'700'000'000), randomness_)),
        key_(made_.key.ExposeSecret()) {}

  SeededRandomness randomness_{1};
  NewApiKey made_;
  const std::string key_;
};

TEST_F(ApiKeyTest, HasAnIdAndASecretOf256Bits) {
  EXPECT_EQ(key_.size(), 3u + 16 + 1 + 64);
  EXPECT_TRUE(absl::StartsWith(key_, "cf_" + made_.record.key_id() + "_"));
  EXPECT_EQ(made_.record.create_micros(), 1'700'000'000'000'000);
  EXPECT_EQ(made_.record.expire_micros(), 0);
}

TEST_F(ApiKeyTest, IsKeptAsAHash) {
  const std::string secret = key_.substr(20);
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(secret.data()), secret.size(),
         reinterpret_cast<uint8_t*>(hash.data()));
  EXPECT_EQ(made_.record.secret_hash(), hash);
  EXPECT_FALSE(absl::StrContains(made_.record.SerializeAsString(), secret));
}

TEST_F(ApiKeyTest, IsReadBackAsItWasMade) {
  const auto presented = ParseApiKey(key_);
  ASSERT_TRUE(presented.has_value());
  EXPECT_EQ(presented->key_id, made_.record.key_id());
  EXPECT_EQ(presented->secret_hash, made_.record.secret_hash());
}

TEST_F(ApiKeyTest, IsNeverTheSameTwice) {
  std::set<std::string> keys, ids, hashes;
  for (int i = 0; i < 1'000; ++i) {
    const NewApiKey made = MakeApiKey(absl::UnixEpoch(), randomness_);
    keys.insert(std::string(made.key.ExposeSecret()));
    ids.insert(made.record.key_id());
    hashes.insert(made.record.secret_hash());
  }
  EXPECT_EQ(keys.size(), 1'000u);
  EXPECT_EQ(ids.size(), 1'000u);
  EXPECT_EQ(hashes.size(), 1'000u);
}

TEST_F(ApiKeyTest, EveryDigitOfTheSecretCounts) {
  for (size_t i = 20; i < key_.size(); ++i) {
    std::string changed = key_;
    changed[i] = changed[i] == '0' ? '1' : '0';
    const auto presented = ParseApiKey(changed);
    ASSERT_TRUE(presented.has_value());
    EXPECT_NE(presented->secret_hash, made_.record.secret_hash()) << i;
  }
}

TEST_F(ApiKeyTest, TakesNoTextThatIsNotWholeAndExactlySpelt) {
  std::vector<std::string> bad = {
      "",
      "cf_",
      absl::AsciiStrToUpper(key_),
      "CF_" + key_.substr(3),
      "cf-" + key_.substr(3),
      key_.substr(3),
      " " + key_,
      key_ + " ",
      key_ + "\n",
      key_ + std::string(1, '\0'),
      key_ + "0",
      key_ + key_,
      "cf_" + key_.substr(4, 15) + "__" + key_.substr(20),
      key_.substr(0, 19) + "-" + key_.substr(20),
      key_.substr(0, 20) + "g" + key_.substr(21),
      key_.substr(0, 3) + "g" + key_.substr(4),
      key_.substr(0, 20) + absl::AsciiStrToUpper(key_.substr(20)),
      std::string(1'000'000, 'a'),
      "cf_" + std::string(1'000'000, 'a'),
  };
  for (size_t cut = 0; cut < key_.size(); ++cut) {
    bad.push_back(key_.substr(0, cut));
  }
  for (const std::string& key : bad) {
    EXPECT_FALSE(ParseApiKey(key).has_value())
        << absl::StrCat(key.substr(0, 100), " of ", key.size());
  }
}

}  // namespace
}  // namespace cofactor::services
