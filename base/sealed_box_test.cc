#include "base/sealed_box.h"

#include <string>

#include "base/randomness.h"
#include "gtest/gtest.h"

namespace cofactor {
namespace {

class SealedBoxTest : public testing::Test {
 protected:
  SeededRandomness randomness_{7};
  const Secret private_key_ = randomness_.DrawSecret(kBoxKeyBytes);
  const std::string public_key_ = BoxPublicKey(private_key_);
};

TEST_F(SealedBoxTest, OpensWhatWasSealedToItsKey) {
  for (const std::string& content :
       {std::string(), std::string("a"), std::string("a\0b", 3),
        std::string(100'000, 'x')}) {
    const auto sealed = SealToKey(public_key_, content);
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->size(), content.size() + kSealOverheadBytes);
    const auto opened = OpenSealed(private_key_, *sealed);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->ExposeSecret(), content);
  }
}

// RFC 7748, section 6.1: the key pair of Alice.
TEST_F(SealedBoxTest, DerivesThePublicKeyOfTheStandard) {
  const std::string alice =
      "\x77\x07\x6d\x0a\x73\x18\xa5\x7d\x3c\x16\xc1\x72\x51\xb2\x66\x45"
      "\xdf\x4c\x2f\x87\xeb\xc0\x99\x2a\xb1\x77\xfb\xa5\x1d\xb9\x2c\x2a";
  EXPECT_EQ(BoxPublicKey(Secret(alice)),
            "\x85\x20\xf0\x09\x89\x30\xa7\x54\x74\x8b\x7d\xdc\xb4\x3e\xf7\x5a"
            "\x0d\xbf\x3a\x0d\x26\x38\x1a\xf4\xeb\xa4\xa9\x8e\xaa\x9b\x4e\x6a");
}

TEST_F(SealedBoxTest, SealsTheSameBytesAnewEachTime) {
  EXPECT_NE(*SealToKey(public_key_, "same"), *SealToKey(public_key_, "same"));
}

TEST_F(SealedBoxTest, OpensNothingThatWasChanged) {
  const std::string sealed = *SealToKey(public_key_, "content");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] ^= 1;
    EXPECT_FALSE(OpenSealed(private_key_, changed).ok()) << i;
    EXPECT_FALSE(OpenSealed(private_key_, sealed.substr(0, i)).ok()) << i;
  }
  EXPECT_FALSE(OpenSealed(private_key_, sealed + "x").ok());
}

TEST_F(SealedBoxTest, OpensNothingThatWasSealedToAnotherKey) {
  const Secret other = randomness_.DrawSecret(kBoxKeyBytes);
  EXPECT_FALSE(OpenSealed(other, *SealToKey(public_key_, "content")).ok());
}

TEST_F(SealedBoxTest, RefusesKeysThatSealNothing) {
  for (const std::string& key :
       {std::string(), std::string(31, 'k'), std::string(33, 'k'),
        // Points of low order: the shared key would be known to all.
        std::string(32, '\0'), '\1' + std::string(31, '\0')}) {
    EXPECT_EQ(SealToKey(key, "content").status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace cofactor
