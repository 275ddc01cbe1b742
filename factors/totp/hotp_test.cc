#include "factors/totp/hotp.h"

#include <string>

#include "gtest/gtest.h"

namespace cofactor::factors::totp {
namespace {

std::string Code(HashAlgorithm algorithm, const std::string& secret,
                 uint64_t counter, int digits) {
  return std::string(
      HotpCode(algorithm, secret, counter, digits).ExposeSecret());
}

TEST(HotpTest, PassesTheVectorsOfRfc4226) {
  // RFC 4226, appendix D.
  const std::string expected[] = {"755224", "287082", "359152", "969429",
                                  "338314", "254676", "287922", "162583",
                                  "399871", "520489"};
  for (uint64_t counter = 0; counter < 10; ++counter) {
    EXPECT_EQ(Code(HashAlgorithm::kSha1, "12345678901234567890", counter, 6),
              expected[counter]);
  }
}

TEST(HotpTest, PassesTheVectorsOfRfc6238) {
  // RFC 6238, appendix B, with the seeds of its errata: 20, 32 and 64 bytes.
  const std::string digits = "1234567890";
  std::string seed64;
  while (seed64.size() < 64) seed64 += digits;
  seed64.resize(64);
  const std::string seed20 = seed64.substr(0, 20);
  const std::string seed32 = seed64.substr(0, 32);
  struct Vector {
    uint64_t seconds;
    const char* sha1;
    const char* sha256;
    const char* sha512;
  };
  const Vector vectors[] = {
      {59, "94287082", "46119246", "90693936"},
      {1111111109, "07081804", "68084774", "25091201"},
      {1111111111, "14050471", "67062674", "99943326"},
      {1234567890, "89005924", "91819424", "93441116"},
      {2000000000, "69279037", "90698825", "38618901"},
      {20000000000, "65353130", "77737706", "47863826"},
  };
  for (const Vector& vector : vectors) {
    const uint64_t step = vector.seconds / 30;
    EXPECT_EQ(Code(HashAlgorithm::kSha1, seed20, step, 8), vector.sha1);
    EXPECT_EQ(Code(HashAlgorithm::kSha256, seed32, step, 8), vector.sha256);
    EXPECT_EQ(Code(HashAlgorithm::kSha512, seed64, step, 8), vector.sha512);
  }
}

}  // namespace
}  // namespace cofactor::factors::totp
