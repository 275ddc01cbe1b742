#include "services/jws/base64url.h"

#include <optional>
#include <string>

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

TEST(Base64UrlTest, DecodesWhatItEncodes) {
  for (const std::string bytes :
       {"", "f", "fo", "foo", "\x03\xec\xff\xe0\xc1"}) {
    EXPECT_EQ(FromBase64Url(Base64Url(bytes)), bytes);
  }
}

// Else one signature could be written in many ways.
TEST(Base64UrlTest, DecodesNoOtherTextForTheSameBytes) {
  for (const absl::string_view text :
       {"Zg==", "Zg=", "Z g", "Zg\n", " Zg", "Zh", "Z", "A+z/4ME", "Zm9v.",
        "\xc3\xa4"}) {
    EXPECT_EQ(FromBase64Url(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cofactor::services
