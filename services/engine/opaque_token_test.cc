#include "services/engine/opaque_token.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

class OpaqueTokenTest : public testing::Test {
 protected:
  SeededRandomness randomness_{7};
  const std::string id_ = randomness_.DrawId();
  const Secret first_ = DrawTokenSecret(randomness_);
  const Secret second_ = DrawTokenSecret(randomness_);
  const Secret token_ = MakeToken("cfx_", id_, {&first_, &second_});
  const std::string text_{token_.ExposeSecret()};
};

TEST_F(OpaqueTokenTest, ReadsBackWhatItMade) {
  const auto presented = ParseToken("cfx_", 2, text_);
  ASSERT_TRUE(presented.has_value());
  EXPECT_EQ(presented->id, id_);
  ASSERT_EQ(presented->secrets.size(), 2u);
  EXPECT_EQ(HashOfTokenSecret(presented->secrets[0]),
            HashOfTokenSecret(first_));
  EXPECT_EQ(HashOfTokenSecret(presented->secrets[1]),
            HashOfTokenSecret(second_));
}

TEST_F(OpaqueTokenTest, DrawsSecretsThatDiffer) {
  EXPECT_NE(HashOfTokenSecret(first_), HashOfTokenSecret(second_));
  EXPECT_EQ(first_.size(), 64u);
  EXPECT_EQ(HashOfTokenSecret(first_).size(), 32u);
}

TEST_F(OpaqueTokenTest, RefusesWhatIsNoToken) {
  EXPECT_FALSE(ParseToken("cfy_", 2, text_).has_value());
  EXPECT_FALSE(ParseToken("cfx_", 1, text_).has_value());
  EXPECT_FALSE(ParseToken("cfx_", 3, text_).has_value());
  EXPECT_FALSE(ParseToken("cfx_", 2, "").has_value());
  EXPECT_FALSE(ParseToken("cfx_", 2, "cfx_").has_value());
  EXPECT_FALSE(ParseToken("cfx_", 2, absl::StrCat(text_, "0")).has_value());
  EXPECT_FALSE(ParseToken("cfx_", 2, absl::StrCat(" ", text_)).has_value());
  EXPECT_FALSE(
      ParseToken("cfx_", 2, text_.substr(0, text_.size() - 1)).has_value());
  // A secret is no less than its digits, so that one spelling alone opens.
  const std::string upper =
      absl::StrCat("cfx_", absl::AsciiStrToUpper(text_.substr(4)));
  EXPECT_FALSE(ParseToken("cfx_", 2, upper).has_value());
}

TEST_F(OpaqueTokenTest, RefusesAWrongByteAtAnyPlace) {
  for (size_t i = 0; i < text_.size(); ++i) {
    for (const char wrong : {'/', 'g', '\0', '_', '\xff'}) {
      if (text_[i] == wrong) continue;
      std::string changed = text_;
      changed[i] = wrong;
      EXPECT_FALSE(ParseToken("cfx_", 2, changed).has_value()) << i;
    }
  }
}

}  // namespace
}  // namespace cofactor::services
