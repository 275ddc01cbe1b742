#include "clients/device/totp_codes.h"

#include <string>

#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

v1::TotpAccount Account(v1::TotpAlgorithm algorithm, size_t seed_bytes) {
  v1::TotpAccount account;
  while (account.secret().size() < seed_bytes) {
    account.mutable_secret()->append("1234567890");
  }
  account.mutable_secret()->resize(seed_bytes);
  account.set_algorithm(algorithm);
  account.set_digits(8);
  account.set_period_seconds(30);
  return account;
}

TEST(TotpCodesTest, PassesTheVectorsOfRfc6238) {
  const v1::TotpAccount sha1 = Account(v1::TOTP_ALGORITHM_SHA1, 20);
  const v1::TotpAccount sha256 = Account(v1::TOTP_ALGORITHM_SHA256, 32);
  const v1::TotpAccount sha512 = Account(v1::TOTP_ALGORITHM_SHA512, 64);
  const struct {
    int64_t time;
    const char* sha1;
    const char* sha256;
    const char* sha512;
  } vectors[] = {{59, "94287082", "46119246", "90693936"},
                 {1111111109, "07081804", "68084774", "25091201"},
                 {1111111111, "14050471", "67062674", "99943326"},
                 {1234567890, "89005924", "91819424", "93441116"},
                 {2000000000, "69279037", "90698825", "38618901"},
                 {20000000000, "65353130", "77737706", "47863826"}};
  for (const auto& vector : vectors) {
    const absl::Time time = absl::FromUnixSeconds(vector.time);
    EXPECT_EQ(CodeAt(sha1, time)->code.ExposeSecret(), vector.sha1);
    EXPECT_EQ(CodeAt(sha256, time)->code.ExposeSecret(), vector.sha256);
    EXPECT_EQ(CodeAt(sha512, time)->code.ExposeSecret(), vector.sha512);
  }
}

TEST(TotpCodesTest, CountsTheSecondsDown) {
  const v1::TotpAccount account = Account(v1::TOTP_ALGORITHM_SHA1, 20);
  EXPECT_EQ(CodeAt(account, absl::FromUnixSeconds(60))->seconds_left, 30);
  EXPECT_EQ(CodeAt(account, absl::FromUnixSeconds(61))->seconds_left, 29);
  EXPECT_EQ(CodeAt(account, absl::FromUnixSeconds(89))->seconds_left, 1);
}

TEST(TotpCodesTest, MakesNoCodeOfABrokenAccount) {
  for (const auto spoil :
       {+[](v1::TotpAccount& account) { account.clear_algorithm(); },
        +[](v1::TotpAccount& account) { account.set_digits(5); },
        +[](v1::TotpAccount& account) { account.set_digits(9); },
        +[](v1::TotpAccount& account) { account.clear_period_seconds(); },
        +[](v1::TotpAccount& account) { account.clear_secret(); }}) {
    v1::TotpAccount account = Account(v1::TOTP_ALGORITHM_SHA1, 20);
    spoil(account);
    EXPECT_FALSE(CodeAt(account, absl::FromUnixSeconds(60)).ok());
  }
  EXPECT_FALSE(
      CodeAt(Account(v1::TOTP_ALGORITHM_SHA1, 20), absl::FromUnixSeconds(-1))
          .ok());
}

}  // namespace
}  // namespace cofactor::device
