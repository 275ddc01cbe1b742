#include "factors/push/device_signer.h"

#include <string>

#include "absl/strings/escaping.h"
#include "factors/push/device_key.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

std::string Hex(absl::string_view digits) {
  return absl::HexStringToBytes(digits);
}

TEST(DeviceSignerTest, SignsAsRfc8032) {
  const Secret seed(
      Hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  const auto signer =
      DeviceSigner::FromPrivateKey(v1::DEVICE_KEY_ALGORITHM_ED25519, seed);
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_EQ(absl::BytesToHexString(signer->key().public_key()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(absl::BytesToHexString(*signer->Sign("")),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555f"
            "b8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
}

TEST(DeviceSignerTest, MakesThePublicKeyOfRfc6979) {
  const Secret number(
      Hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"));
  const auto signer =
      DeviceSigner::FromPrivateKey(v1::DEVICE_KEY_ALGORITHM_P256, number);
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_EQ(absl::BytesToHexString(signer->key().public_key()),
            "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
            "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
}

TEST(DeviceSignerTest, ComesBackFromItsPrivateKey) {
  for (const auto algorithm :
       {v1::DEVICE_KEY_ALGORITHM_ED25519, v1::DEVICE_KEY_ALGORITHM_P256}) {
    const auto drawn = DeviceSigner::Generate(algorithm);
    ASSERT_TRUE(drawn.ok()) << drawn.status();
    EXPECT_EQ(drawn->private_key().size(), 32u);
    EXPECT_TRUE(CheckDeviceKey("key", drawn->key()).ok());
    auto again = DeviceSigner::FromPrivateKey(algorithm, drawn->private_key());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->key().public_key(), drawn->key().public_key());
    DeviceSigner moved = *std::move(again);
    // 100 times, for r and s of fewer bytes come now and then.
    for (int i = 0; i < 100; ++i) {
      const auto signature = moved.Sign("bytes");
      ASSERT_TRUE(signature.ok()) << signature.status();
      EXPECT_TRUE(IsSignedBy(drawn->key(), "bytes", *signature));
    }
    EXPECT_NE(DeviceSigner::Generate(algorithm)->key().public_key(),
              drawn->key().public_key());
  }
}

TEST(DeviceSignerTest, RefusesWhatIsNoPrivateKey) {
  const auto is_refused = [](v1::DeviceKeyAlgorithm algorithm,
                             std::string bytes) {
    return DeviceSigner::FromPrivateKey(algorithm, Secret(std::move(bytes)))
               .status()
               .code() == absl::StatusCode::kInvalidArgument;
  };
  for (const auto algorithm :
       {v1::DEVICE_KEY_ALGORITHM_ED25519, v1::DEVICE_KEY_ALGORITHM_P256}) {
    EXPECT_TRUE(is_refused(algorithm, ""));
    EXPECT_TRUE(is_refused(algorithm, std::string(31, 'x')));
    EXPECT_TRUE(is_refused(algorithm, std::string(33, 'x')));
  }
  EXPECT_TRUE(is_refused(v1::DEVICE_KEY_ALGORITHM_P256, std::string(32, '\0')));
  const std::string order =
      Hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  EXPECT_TRUE(is_refused(v1::DEVICE_KEY_ALGORITHM_P256, order));
  std::string last = order;
  last.back() = static_cast<char>(last.back() - 1);
  EXPECT_FALSE(is_refused(v1::DEVICE_KEY_ALGORITHM_P256, last));
  EXPECT_TRUE(
      is_refused(v1::DEVICE_KEY_ALGORITHM_UNSPECIFIED, std::string(32, 'x')));
  EXPECT_EQ(DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_UNSPECIFIED)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cofactor::factors::push
