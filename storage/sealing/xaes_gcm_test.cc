#include "storage/sealing/xaes_gcm.h"

#include <string>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace cofactor::storage {
namespace {

constexpr char kNonce[] = "ABCDEFGHIJKLMNOPQRSTUVWX";
constexpr char kPlaintext[] = "XAES-256-GCM";

XaesGcm CipherOf(char key_byte) {
  return *XaesGcm::Create(Secret(std::string(32, key_byte)));
}

TEST(XaesGcmTest, PassesTheVectorsOfTheSpecification) {
  // C2SP, XAES-256-GCM, "Test vectors".
  EXPECT_EQ(absl::BytesToHexString(CipherOf(1).Seal(kNonce, kPlaintext, "")),
            "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
  EXPECT_EQ(absl::BytesToHexString(
                CipherOf(3).Seal(kNonce, kPlaintext, "c2sp.org/XAES-256-GCM")),
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
}

TEST(XaesGcmTest, OpensWhatItSealed) {
  const XaesGcm cipher = CipherOf(7);
  for (const size_t size : {0, 1, 15, 16, 17, 100'000}) {
    const std::string plaintext(size, 'p');
    const auto opened =
        cipher.Open(kNonce, cipher.Seal(kNonce, plaintext, "place"), "place");
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->ExposeSecret(), plaintext);
  }
}

TEST(XaesGcmTest, OpensNothingThatWasChanged) {
  const XaesGcm cipher = CipherOf(7);
  const std::string sealed = cipher.Seal(kNonce, kPlaintext, "place");
  for (size_t i = 0; i < 8 * sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    EXPECT_EQ(cipher.Open(kNonce, changed, "place").status().code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_FALSE(cipher.Open(kNonce, sealed, "another place").ok());
  EXPECT_FALSE(cipher.Open("BBCDEFGHIJKLMNOPQRSTUVWX", sealed, "place").ok());
  EXPECT_FALSE(cipher.Open("ABCDEFGHIJKLMNOPQRSTUVWY", sealed, "place").ok());
  EXPECT_FALSE(CipherOf(8).Open(kNonce, sealed, "place").ok());
  EXPECT_FALSE(cipher.Open(kNonce, "", "place").ok());
  EXPECT_FALSE(cipher.Open("short", sealed, "place").ok());
}

TEST(XaesGcmTest, RefusesAKeyOfAnotherSize) {
  EXPECT_FALSE(XaesGcm::Create(Secret(std::string(16, 'k'))).ok());
  EXPECT_FALSE(XaesGcm::Create(Secret()).ok());
}

}  // namespace
}  // namespace cofactor::storage
