#include "factors/totp/key_uri.h"

#include "gtest/gtest.h"

namespace cofactor::factors::totp {
namespace {

TEST(KeyUriTest, NamesTheIssuerTwiceAndEncodesEverything) {
  KeyUriParameters parameters;
  parameters.issuer = "ACME Co & Söhne";
  parameters.account_name = "user+1@example.com/x?y=z#%";
  parameters.base32_secret = "MZXW6YTB";
  EXPECT_EQ(MakeKeyUri(parameters).ExposeSecret(),
            "otpauth://totp/ACME%20Co%20%26%20S%C3%B6hne:"
            "user%2B1%40example.com%2Fx%3Fy%3Dz%23%25?secret=MZXW6YTB"
            "&issuer=ACME%20Co%20%26%20S%C3%B6hne"
            "&algorithm=SHA1&digits=6&period=30");
}

TEST(KeyUriTest, CarriesWhatDiffersFromTheDefaults) {
  KeyUriParameters parameters;
  parameters.issuer = "A";
  parameters.account_name = "b";
  parameters.base32_secret = "MY";
  parameters.algorithm = HashAlgorithm::kSha512;
  parameters.digits = 8;
  parameters.period_seconds = 60;
  EXPECT_EQ(MakeKeyUri(parameters).ExposeSecret(),
            "otpauth://totp/A:b?secret=MY&issuer=A&algorithm=SHA512&digits=8"
            "&period=60");
}

}  // namespace
}  // namespace cofactor::factors::totp
