// Sealed boxes against PyNaCl, as somebody who leaves would open an export.

#include "base/sealed_box.h"

#include <cstdio>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/randomness.h"
#include "gtest/gtest.h"

namespace cofactor {
namespace {

// What a Python program prints. The interpreter is the system's, which has the
// system's PyNaCl.
std::string OutputOf(const std::string& program) {
  const std::string command =
      absl::StrCat("/usr/bin/python3 -c '", program, "'");
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  size_t got = 0;
  while ((got = fread(buffer, 1, sizeof(buffer), pipe)) > 0) {
    output.append(buffer, got);
  }
  EXPECT_EQ(pclose(pipe), 0);
  return output;
}

std::string Bytes(absl::string_view bytes) {
  return absl::StrCat("bytes.fromhex(\"", absl::BytesToHexString(bytes), "\")");
}

class SealedBoxTest : public testing::Test {
 protected:
  SeededRandomness randomness_{20261124};
  const Secret key_ = randomness_.DrawSecret(kBoxKeyBytes);
  const Secret content_ = randomness_.DrawSecret(1'000);
};

TEST_F(SealedBoxTest, PyNaClOpensWhatWeSeal) {
  const auto sealed = SealToKey(BoxPublicKey(key_), content_.ExposeSecret());
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(
      OutputOf(absl::StrCat("from nacl.public import PrivateKey, SealedBox\n"
                            "key = PrivateKey(",
                            Bytes(key_.ExposeSecret()),
                            ")\n"
                            "print(SealedBox(key).decrypt(",
                            Bytes(*sealed), ").hex(), end=\"\")\n")),
      absl::BytesToHexString(content_.ExposeSecret()));
}

TEST_F(SealedBoxTest, WeOpenWhatPyNaClSeals) {
  const std::string sealed = absl::HexStringToBytes(OutputOf(
      absl::StrCat("from nacl.public import PublicKey, SealedBox\n"
                   "key = PublicKey(",
                   Bytes(BoxPublicKey(key_)),
                   ")\n"
                   "print(SealedBox(key).encrypt(",
                   Bytes(content_.ExposeSecret()), ").hex(), end=\"\")\n")));
  const auto opened = OpenSealed(key_, sealed);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->ExposeSecret(), content_.ExposeSecret());
}

}  // namespace
}  // namespace cofactor
