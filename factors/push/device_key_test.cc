#include "factors/push/device_key.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/randomness.h"
#include "factors/push/device_signer.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

std::string Hex(absl::string_view digits) {
  return absl::HexStringToBytes(digits);
}

v1::DeviceKey Key(v1::DeviceKeyAlgorithm algorithm, std::string public_key) {
  v1::DeviceKey key;
  key.set_algorithm(algorithm);
  key.set_public_key(std::move(public_key));
  return key;
}

v1::DeviceKey Ed25519(std::string public_key) {
  return Key(v1::DEVICE_KEY_ALGORITHM_ED25519, std::move(public_key));
}

v1::DeviceKey P256(std::string public_key) {
  return Key(v1::DEVICE_KEY_ALGORITHM_P256, std::move(public_key));
}

// What stands before a point of P-256 in a SubjectPublicKeyInfo.
constexpr char kSpki[] = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

bool IsRefused(const v1::DeviceKey& key) {
  const absl::Status status = CheckDeviceKey("key", key);
  EXPECT_EQ(status.ok(), false);
  EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
  return !status.ok();
}

TEST(DeviceKeyTest, KnowsTheVectorsOfRfc8032) {
  struct Vector {
    const char* key;
    const char* bytes;
    const char* signature;
  };
  // RFC 8032, section 7.1, tests 1 to 3.
  for (const Vector& vector : {
           Vector{
               "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511"
               "a",
               "",
               "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e0652249015"
               "55fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a10"
               "0b"},
           Vector{
               "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660"
               "c",
               "72",
               "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69d"
               "a085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c"
               "00"},
           Vector{
               "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb91154890802"
               "5",
               "af82",
               "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3a"
               "c18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec4"
               "0a"},
       }) {
    const v1::DeviceKey key = Ed25519(Hex(vector.key));
    EXPECT_TRUE(CheckDeviceKey("key", key).ok());
    EXPECT_TRUE(IsSignedBy(key, Hex(vector.bytes), Hex(vector.signature)));
    EXPECT_FALSE(
        IsSignedBy(key, Hex(vector.bytes) + "x", Hex(vector.signature)));
  }
}

// RFC 6979, appendix A.2.5: P-256 with SHA-256, messages "sample" and "test".
TEST(DeviceKeyTest, KnowsTheVectorsOfRfc6979) {
  const v1::DeviceKey key = P256(Hex(absl::StrCat(
      kSpki, "04",
      "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
      "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299")));
  const std::string of_sample =
      Hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
          "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
  const std::string of_test =
      Hex("f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
          "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083");
  EXPECT_TRUE(CheckDeviceKey("key", key).ok());
  EXPECT_TRUE(IsSignedBy(key, "sample", of_sample));
  EXPECT_TRUE(IsSignedBy(key, "test", of_test));
  EXPECT_FALSE(IsSignedBy(key, "test", of_sample));
  EXPECT_FALSE(IsSignedBy(key, "samplf", of_sample));
}

// s and n - s are both right: a signature is no name for what it signs.
TEST(DeviceKeyTest, TakesAnSOfEitherHalf) {
  auto signer = DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_P256);
  ASSERT_TRUE(signer.ok());
  const std::string signature = *signer->Sign("bytes");
  const std::unique_ptr<EC_GROUP, decltype(&EC_GROUP_free)> group(
      EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), &EC_GROUP_free);
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> s(
      BN_bin2bn(reinterpret_cast<const uint8_t*>(signature.data()) + 32, 32,
                nullptr),
      &BN_free);
  BN_sub(s.get(), EC_GROUP_get0_order(group.get()), s.get());
  std::string other = signature;
  BN_bn2binpad(s.get(), reinterpret_cast<uint8_t*>(other.data()) + 32, 32);
  EXPECT_NE(other, signature);
  EXPECT_TRUE(IsSignedBy(signer->key(), "bytes", signature));
  EXPECT_TRUE(IsSignedBy(signer->key(), "bytes", other));
}

class EachAlgorithmTest
    : public testing::TestWithParam<v1::DeviceKeyAlgorithm> {
 protected:
  DeviceSigner Signer() const { return *DeviceSigner::Generate(GetParam()); }
};

TEST_P(EachAlgorithmTest, FindsOneFlippedBitAnywhere) {
  const DeviceSigner signer = Signer();
  const std::string signature = *signer.Sign("bytes");
  ASSERT_TRUE(IsSignedBy(signer.key(), "bytes", signature));
  for (size_t i = 0; i < signature.size() * 8; ++i) {
    std::string changed = signature;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << i % 8));
    EXPECT_FALSE(IsSignedBy(signer.key(), "bytes", changed)) << i;
  }
  for (size_t i = 0; i < signer.key().public_key().size() * 8; ++i) {
    v1::DeviceKey changed = signer.key();
    char& byte = (*changed.mutable_public_key())[i / 8];
    byte = static_cast<char>(byte ^ (1 << i % 8));
    EXPECT_FALSE(IsSignedBy(changed, "bytes", signature)) << i;
  }
}

TEST_P(EachAlgorithmTest, TakesSignaturesOfItsOwnFormAlone) {
  const DeviceSigner signer = Signer();
  const std::string signature = *signer.Sign("bytes");
  for (const std::string& other :
       {std::string(), signature.substr(1), signature.substr(0, 63),
        signature + "x", std::string(64, '\0'), std::string(64, '\xff'),
        signature.substr(0, 32) + std::string(32, '\0'),
        std::string(32, '\0') + signature.substr(32),
        std::string(100'000, 'x')}) {
    EXPECT_FALSE(IsSignedBy(signer.key(), "bytes", other));
  }
  // Nor those of another device, of either algorithm.
  for (const auto algorithm :
       {v1::DEVICE_KEY_ALGORITHM_ED25519, v1::DEVICE_KEY_ALGORITHM_P256}) {
    const auto other = DeviceSigner::Generate(algorithm);
    EXPECT_FALSE(IsSignedBy(other->key(), "bytes", signature));
    EXPECT_FALSE(IsSignedBy(signer.key(), "bytes", *other->Sign("bytes")));
    v1::DeviceKey renamed = signer.key();
    renamed.set_algorithm(algorithm);
    EXPECT_EQ(IsSignedBy(renamed, "bytes", signature), algorithm == GetParam());
  }
}

// ECDSA as DER has it is no signature here.
TEST(DeviceKeyTest, RefusesDerForASignature) {
  const auto signer = DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_P256);
  const std::string raw = *signer->Sign("bytes");
  const auto number = [](absl::string_view bytes) {
    const bool pad = (bytes[0] & 0x80) != 0;
    return absl::StrCat("\x02", pad ? "\x21" : "\x20",
                        absl::string_view("\0", pad ? 1 : 0), bytes);
  };
  const std::string both =
      number(raw.substr(0, 32)) + number(raw.substr(32, 32));
  std::string der = "\x30";
  der.push_back(static_cast<char>(both.size()));
  EXPECT_FALSE(IsSignedBy(signer->key(), "bytes", der + both));
}

TEST_P(EachAlgorithmTest, RandomBytesAreNoSignatureAndMakeNoHarm) {
  SeededRandomness randomness(11);
  const DeviceSigner signer = Signer();
  for (int i = 0; i < 1'000; ++i) {
    const Secret signature = randomness.DrawSecret(64);
    EXPECT_FALSE(IsSignedBy(signer.key(), "bytes", signature.ExposeSecret()));
    const Secret bytes =
        randomness.DrawSecret(signer.key().public_key().size());
    v1::DeviceKey key = signer.key();
    key.set_public_key(std::string(bytes.ExposeSecret()));
    EXPECT_FALSE(IsSignedBy(key, "bytes", signature.ExposeSecret()));
  }
}

INSTANTIATE_TEST_SUITE_P(AllAlgorithms, EachAlgorithmTest,
                         testing::Values(v1::DEVICE_KEY_ALGORITHM_ED25519,
                                         v1::DEVICE_KEY_ALGORITHM_P256));

// A key of small order signs everything: the signature below is nobody's.
TEST(DeviceKeyTest, RefusesAKeyOfSmallOrder) {
  const std::string neutral = "\x01" + std::string(31, '\0');
  const std::string signature = neutral + std::string(32, '\0');
  EXPECT_TRUE(IsSignedBy(Ed25519(neutral), "anything", signature))
      << "the check is why this is never asked";
  for (const std::string& point : {
           neutral,
           std::string(32, '\0'),
           Hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7"
               "f"),
           Hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc0"
               "5"),
           Hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037"
               "a"),
       }) {
    EXPECT_TRUE(IsRefused(Ed25519(point))) << absl::BytesToHexString(point);
  }
}

TEST(DeviceKeyTest, RefusesWhatIsNoKeyOfEd25519) {
  const std::string good =
      DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_ED25519)
          ->key()
          .public_key();
  for (const std::string& bytes :
       {std::string(), good.substr(1), good + "x", std::string(32, '\xff'),
        std::string(1'000'000, 'x')}) {
    EXPECT_TRUE(IsRefused(Ed25519(bytes)));
  }
  // Half of all y have no x.
  SeededRandomness randomness(3);
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    const Secret bytes = randomness.DrawSecret(32);
    if (!CheckDeviceKey("key", Ed25519(std::string(bytes.ExposeSecret())))
             .ok()) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 50);
}

TEST(DeviceKeyTest, RefusesWhatIsNoKeyOfP256) {
  const std::string good =
      DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_P256)->key().public_key();
  ASSERT_EQ(good.size(), 91u);
  ASSERT_TRUE(CheckDeviceKey("key", P256(good)).ok());
  const std::string point = good.substr(26);
  std::string off_the_curve = good;
  off_the_curve.back() = static_cast<char>(off_the_curve.back() ^ 1);
  std::string compressed =
      Hex("3039301306072a8648ce3d020106082a8648ce3d030107032200") +
      ((point.back() & 1) != 0 ? "\x03" : "\x02") + point.substr(1, 32);
  std::string hybrid = good;
  hybrid[26] = static_cast<char>((point.back() & 1) != 0 ? 7 : 6);
  std::string at_infinity = Hex("3019301306072a8648ce3d020106082a8648ce3d0301"
                                "07030200") +
                            std::string(1, '\0');
  for (const std::string& bytes :
       {std::string(), point, good.substr(1), good.substr(0, 90), good + "x",
        off_the_curve, compressed, hybrid, at_infinity,
        good.substr(0, 27) + std::string(64, '\0'),
        good.substr(0, 27) + std::string(64, '\xff'), std::string(91, '\0'),
        std::string(1'000'000, '0')}) {
    EXPECT_TRUE(IsRefused(P256(bytes))) << absl::BytesToHexString(bytes);
    EXPECT_FALSE(IsSignedBy(P256(bytes), "bytes", std::string(64, 'x')));
  }
  // Its generator, as P-384 and secp256k1 write theirs, which has the length
  // of ours.
  const std::string p384 = Hex(
      "3076301006072a8648ce3d020106052b8104002203620004"
      "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25d"
      "bf55296c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147c"
      "e9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f");
  const std::string secp256k1 =
      Hex("3056301006072a8648ce3d020106052b8104000a034200"
          "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
          "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8");
  EXPECT_TRUE(IsRefused(P256(p384)));
  EXPECT_TRUE(IsRefused(P256(secp256k1)));
  EXPECT_TRUE(IsRefused(Ed25519(good)));
}

TEST(DeviceKeyTest, RefusesAnAlgorithmThatItDoesNotKnow) {
  v1::DeviceKey key =
      DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_ED25519)->key();
  for (const int algorithm : {0, 3, -1, 1'000}) {
    key.set_algorithm(static_cast<v1::DeviceKeyAlgorithm>(algorithm));
    EXPECT_TRUE(IsRefused(key));
    EXPECT_FALSE(IsSignedBy(key, "bytes", std::string(64, 'x')));
  }
}

TEST(DeviceKeyTest, NamesTheFieldThatIsWrong) {
  EXPECT_TRUE(absl::StrContains(
      CheckDeviceKey("registration.key", Ed25519("x")).message(),
      "registration.key.public_key"));
  EXPECT_TRUE(absl::StrContains(
      CheckDeviceKey("registration.key", v1::DeviceKey()).message(),
      "registration.key.algorithm"));
}

TEST(DeviceKeyTest, MakesAFingerprintForPeople) {
  // printf '...' | xxd -r -p | sha256sum
  EXPECT_EQ(FingerprintOf(Ed25519(Hex("d75a980182b10ab7d54bfed3c964073a0ee172f3"
                                      "daa62325af021a68f707511a"))),
            "21fe 31df a154 a261");
}

}  // namespace
}  // namespace cofactor::factors::push
