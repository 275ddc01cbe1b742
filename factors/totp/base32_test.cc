#include "factors/totp/base32.h"

#include "gtest/gtest.h"

namespace cofactor::factors::totp {
namespace {

TEST(Base32Test, PassesTheVectorsOfRfc4648WithoutPadding) {
  EXPECT_EQ(EncodeBase32("").ExposeSecret(), "");
  EXPECT_EQ(EncodeBase32("f").ExposeSecret(), "MY");
  EXPECT_EQ(EncodeBase32("fo").ExposeSecret(), "MZXQ");
  EXPECT_EQ(EncodeBase32("foo").ExposeSecret(), "MZXW6");
  EXPECT_EQ(EncodeBase32("foob").ExposeSecret(), "MZXW6YQ");
  EXPECT_EQ(EncodeBase32("fooba").ExposeSecret(), "MZXW6YTB");
  EXPECT_EQ(EncodeBase32("foobar").ExposeSecret(), "MZXW6YTBOI");
}

TEST(Base32Test, ReadsWhatItWrote) {
  for (const absl::string_view bytes : {"f", "fo", "foo", "foob", "foobar"}) {
    const auto decoded = DecodeBase32(EncodeBase32(bytes).ExposeSecret());
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->ExposeSecret(), bytes);
  }
}

TEST(Base32Test, ReadsWhatPeopleType) {
  for (const absl::string_view text :
       {"MZXW6YTBOI======", "mzxw6ytboi", "mzxw 6ytb oi", "MZXW-6YTB-OI="}) {
    const auto decoded = DecodeBase32(text);
    ASSERT_TRUE(decoded.ok()) << text;
    EXPECT_EQ(decoded->ExposeSecret(), "foobar") << text;
  }
}

TEST(Base32Test, RefusesWhatIsNotBase32) {
  for (const absl::string_view text : {"", "=", "M", "MZXW1", "MZXW0", "MZXW8",
                                       "MZ=XW6", "MZXW6\n", "MZXW\xC3\xA4"}) {
    EXPECT_EQ(DecodeBase32(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace cofactor::factors::totp
