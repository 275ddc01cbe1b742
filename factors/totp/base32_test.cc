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

}  // namespace
}  // namespace cofactor::factors::totp
