// What a device signs, checked by the openssl program, and what that signs,
// checked by us.

#include "factors/push/device_signer.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/randomness.h"
#include "factors/push/device_key.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

class DeviceSignerOracleTest : public testing::Test {
 protected:
  static std::string Path(const std::string& name) {
    return absl::StrCat(testing::TempDir(), "/", name);
  }
  static void Write(const std::string& name, absl::string_view bytes) {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }
  static std::string Read(const std::string& name) {
    std::ifstream file(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file),
            std::istreambuf_iterator<char>()};
  }
  static bool Run(const std::string& command) {
    FILE* pipe = popen(absl::StrCat("cd ", testing::TempDir(), " && openssl ",
                                    command, " >/dev/null 2>&1")
                           .c_str(),
                       "r");
    return pipe != nullptr && pclose(pipe) == 0;
  }

  SeededRandomness randomness_{1};
};

TEST_F(DeviceSignerOracleTest, OpensslTakesSignaturesOfEd25519) {
  for (int i = 0; i < 20; ++i) {
    const DeviceSigner signer =
        *DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_ED25519);
    const Secret bytes =
        randomness_.DrawSecret(static_cast<size_t>(i * 37 + 1));
    Write("bytes", bytes.ExposeSecret());
    // A SubjectPublicKeyInfo of Ed25519 (RFC 8410).
    Write("key.der",
          absl::StrCat(absl::HexStringToBytes("302a300506032b6570032100"),
                       signer.key().public_key()));
    Write("signature", *signer.Sign(bytes.ExposeSecret()));
    EXPECT_TRUE(
        Run("pkeyutl -verify -pubin -inkey key.der -keyform DER -rawin "
            "-in bytes -sigfile signature"));
    Write("bytes", absl::StrCat(bytes.ExposeSecret(), "x"));
    EXPECT_FALSE(
        Run("pkeyutl -verify -pubin -inkey key.der -keyform DER -rawin "
            "-in bytes -sigfile signature"));
  }
}

// ECDSA-Sig-Value of r and s of 32 bytes.
std::string ToDer(const std::string& raw) {
  const auto number = [](absl::string_view bytes) {
    while (bytes.size() > 1 && bytes[0] == '\0') bytes.remove_prefix(1);
    const bool pad = (bytes[0] & 0x80) != 0;
    std::string der = "\x02";
    der.push_back(static_cast<char>(bytes.size() + (pad ? 1 : 0)));
    if (pad) der.push_back('\0');
    return der.append(bytes.data(), bytes.size());
  };
  const std::string both = number(raw.substr(0, 32)) + number(raw.substr(32));
  std::string der = "\x30";
  der.push_back(static_cast<char>(both.size()));
  return der + both;
}

// The reverse.
std::string FromDer(const std::string& der) {
  std::string raw;
  for (size_t at = 2; at + 1 < der.size();) {
    std::string number = der.substr(at + 2, static_cast<uint8_t>(der[at + 1]));
    at += 2 + number.size();
    if (number.size() > 32) number.erase(0, number.size() - 32);
    raw += std::string(32 - number.size(), '\0') + number;
  }
  return raw;
}

TEST_F(DeviceSignerOracleTest, OpensslTakesSignaturesOfP256) {
  for (int i = 0; i < 20; ++i) {
    const DeviceSigner signer =
        *DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_P256);
    const Secret bytes =
        randomness_.DrawSecret(static_cast<size_t>(i * 37 + 1));
    Write("bytes", bytes.ExposeSecret());
    Write("key.der", signer.key().public_key());
    Write("signature", ToDer(*signer.Sign(bytes.ExposeSecret())));
    EXPECT_TRUE(
        Run("dgst -sha256 -keyform DER -verify key.der -signature signature "
            "bytes"));
    Write("bytes", absl::StrCat(bytes.ExposeSecret(), "x"));
    EXPECT_FALSE(
        Run("dgst -sha256 -keyform DER -verify key.der -signature signature "
            "bytes"));
  }
}

TEST_F(DeviceSignerOracleTest, WeTakeSignaturesOfOpenssl) {
  Write("bytes", "bytes");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(
        Run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
            "-out private.pem"));
    ASSERT_TRUE(Run("pkey -in private.pem -pubout -outform DER -out key.der"));
    ASSERT_TRUE(Run("dgst -sha256 -sign private.pem -out signature bytes"));
    v1::DeviceKey key;
    key.set_algorithm(v1::DEVICE_KEY_ALGORITHM_P256);
    key.set_public_key(Read("key.der"));
    EXPECT_TRUE(CheckDeviceKey("key", key).ok());
    EXPECT_TRUE(IsSignedBy(key, "bytes", FromDer(Read("signature"))));
    EXPECT_FALSE(IsSignedBy(key, "bytez", FromDer(Read("signature"))));
  }
}

}  // namespace
}  // namespace cofactor::factors::push
