#include "services/jws/base64url.h"

#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

// RFC 4648, section 10, without the padding.
TEST(Base64UrlTest, EncodesTheVectorsWithoutPadding) {
  EXPECT_EQ(Base64Url(""), "");
  EXPECT_EQ(Base64Url("f"), "Zg");
  EXPECT_EQ(Base64Url("fo"), "Zm8");
  EXPECT_EQ(Base64Url("foo"), "Zm9v");
  EXPECT_EQ(Base64Url("foob"), "Zm9vYg");
}

// RFC 7515, appendix C.
TEST(Base64UrlTest, UsesTheAlphabetOfUrls) {
  EXPECT_EQ(Base64Url("\x03\xec\xff\xe0\xc1"), "A-z_4ME");
}

}  // namespace
}  // namespace cofactor::services
