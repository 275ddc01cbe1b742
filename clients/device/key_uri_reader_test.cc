#include "clients/device/key_uri_reader.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "factors/totp/base32.h"
#include "factors/totp/key_uri.h"
#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

TEST(KeyUriReaderTest, ReadsWhatOurServerMakes) {
  const Secret seed(absl::string_view("12345678901234567890"));
  const Secret base32 = factors::totp::EncodeBase32(seed.ExposeSecret());
  const Secret uri = factors::totp::MakeKeyUri(
      {"ACME & Co", "ada+1@example.com", base32.ExposeSecret(),
       factors::totp::HashAlgorithm::kSha512, 8, 60});
  const auto account = ReadKeyUri(uri.ExposeSecret());
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_EQ(account->issuer(), "ACME & Co");
  EXPECT_EQ(account->account_name(), "ada+1@example.com");
  EXPECT_EQ(account->secret(), seed.ExposeSecret());
  EXPECT_EQ(account->algorithm(), v1::TOTP_ALGORITHM_SHA512);
  EXPECT_EQ(account->digits(), 8u);
  EXPECT_EQ(account->period_seconds(), 60u);
}

TEST(KeyUriReaderTest, ReadsWhatOthersMake) {
  const auto account =
      ReadKeyUri("otpauth://TOTP/ada?secret=mzxw6ytb%20oi%3D&image=x#y");
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_EQ(account->issuer(), "");
  EXPECT_EQ(account->account_name(), "ada");
  EXPECT_EQ(account->secret(), "foobar");
  EXPECT_EQ(account->algorithm(), v1::TOTP_ALGORITHM_SHA1);
  EXPECT_EQ(account->digits(), 6u);
  EXPECT_EQ(account->period_seconds(), 30u);
  EXPECT_EQ(ReadKeyUri("otpauth://totp/A%3A%20b?secret=MY&issuer=C")->issuer(),
            "C");
  EXPECT_EQ(ReadKeyUri("otpauth://totp/A:%20b?secret=MY")->account_name(), "b");
}

TEST(KeyUriReaderTest, RefusesTheRest) {
  const std::string good = "otpauth://totp/ada?secret=MZXW6YTBOI";
  ASSERT_TRUE(ReadKeyUri(good).ok());
  for (const std::string& uri :
       {std::string(),
        std::string("otpauth://"),
        std::string("https://totp/ada?secret=MZXW6YTBOI"),
        std::string("otpauth://hotp/ada?secret=MZXW6YTBOI&counter=0"),
        std::string("otpauth-migration://offline?data=MZXW6YTBOI"),
        std::string("otpauth://totp/ada"),
        std::string("otpauth://totp/ada?secret="),
        std::string("otpauth://totp/ada?secret=MZXW1"),
        std::string("otpauth://totp/%?secret=MY"),
        std::string("otpauth://totp/%00?secret=MY"),
        std::string("otpauth://totp/%+1?secret=MY"),
        good + "&digits=5",
        good + "&digits=9",
        good + "&digits=x",
        good + "&period=0",
        good + "&period=3601",
        good + "&period=-1",
        good + "&algorithm=MD5",
        good + "&issuer=%zz",
        good + "&issuer=" + std::string(257, 'x'),
        good + "&x=" + std::string(5000, 'x')}) {
    const absl::Status status = ReadKeyUri(uri).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << uri;
    EXPECT_FALSE(absl::StrContains(status.message(), "MZXW6")) << status;
  }
}

}  // namespace
}  // namespace cofactor::device
