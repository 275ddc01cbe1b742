#include "services/messenger/signature.h"

#include <string>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

std::string Hex(SignatureHash hash, const std::string& key,
                const std::string& text) {
  return absl::BytesToHexString(Hmac(hash, Secret(key), text));
}

TEST(SignatureTest, PassesVectorsOfRfc2202) {
  EXPECT_EQ(Hex(SignatureHash::kSha1, std::string(20, '\x0B'), "Hi There"),
            "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(Hex(SignatureHash::kSha1, "Jefe", "what do ya want for nothing?"),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(Hex(SignatureHash::kSha1, std::string(80, '\xAA'),
                "Test Using Larger Than Block-Size Key - Hash Key First"),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

TEST(SignatureTest, PassesVectorsOfRfc4231) {
  EXPECT_EQ(Hex(SignatureHash::kSha256, std::string(20, '\x0B'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(Hex(SignatureHash::kSha256, "Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(SignatureTest, TakesAnEmptyKeyForOne) {
  EXPECT_EQ(Hex(SignatureHash::kSha256, "", ""),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

}  // namespace
}  // namespace cofactor::services
