#include "clients/device/vault_format.h"

#include <sodium.h>

#include <string>

#include "absl/status/status.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

constexpr KeyCost kCheap{1, 8};
constexpr absl::string_view kContent = "what is kept";

class VaultFormatTest : public testing::Test {
 protected:
  std::string Seal() {
    return VaultKey::Make(passphrase_, kCheap, randomness_)
        ->Seal(kContent, randomness_);
  }

  absl::StatusOr<Secret> Open(absl::string_view file,
                              absl::string_view passphrase = "right") {
    auto key = VaultKey::ForFile(Secret(passphrase), file);
    if (!key.ok()) return key.status();
    return key->Open(file);
  }

  absl::StatusCode CodeOf(absl::string_view file) {
    return Open(file).status().code();
  }

  // What somebody does who wants a change to go unnoticed.
  static void HashAgain(std::string& file) {
    ASSERT_GE(file.size(), 32u);
    file.resize(file.size() - 32);
    std::string hash(32, '\0');
    crypto_generichash(reinterpret_cast<uint8_t*>(hash.data()), hash.size(),
                       reinterpret_cast<const uint8_t*>(file.data()),
                       file.size(), nullptr, 0);
    file += hash;
  }

  SeededRandomness randomness_{1};
  const Secret passphrase_{absl::string_view("right")};
};

TEST_F(VaultFormatTest, OpensWithItsPassphrase) {
  const auto content = Open(Seal());
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->ExposeSecret(), kContent);
}

TEST_F(VaultFormatTest, RefusesAnotherPassphrase) {
  const std::string file = Seal();
  for (const absl::string_view wrong : {"", "Right", "right ", "wrong"}) {
    EXPECT_EQ(Open(file, wrong).status().code(),
              absl::StatusCode::kPermissionDenied)
        << wrong;
  }
}

TEST_F(VaultFormatTest, HidesTheContentAndNeverRepeats) {
  const std::string file = Seal();
  EXPECT_EQ(file.find("kept"), std::string::npos);
  const auto key = VaultKey::ForFile(passphrase_, file);
  ASSERT_TRUE(key.ok());
  EXPECT_NE(key->Seal(kContent, randomness_), key->Seal(kContent, randomness_));
}

TEST_F(VaultFormatTest, FindsAnAccidentAtEveryByte) {
  const std::string file = Seal();
  for (size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] ^= 1;
    EXPECT_EQ(CodeOf(damaged), absl::StatusCode::kDataLoss) << i;
    EXPECT_EQ(CodeOf(absl::string_view(file).substr(0, i)),
              absl::StatusCode::kDataLoss)
        << i;
  }
  EXPECT_EQ(CodeOf(file + "x"), absl::StatusCode::kDataLoss);
}

TEST_F(VaultFormatTest, FindsAManipulationAtEveryByte) {
  const std::string file = Seal();
  for (size_t i = 0; i + 32 < file.size(); ++i) {
    std::string changed = file;
    // The lowest bit of each byte: larger costs would only slow the test down.
    changed[i] ^= 1;
    HashAgain(changed);
    EXPECT_FALSE(Open(changed).ok()) << i;
    std::string cut = file.substr(0, i) + std::string(32, '\0');
    HashAgain(cut);
    EXPECT_FALSE(Open(cut).ok()) << i;
  }
  std::string unchanged = file;
  HashAgain(unchanged);
  EXPECT_TRUE(Open(unchanged).ok());
}

TEST_F(VaultFormatTest, RefusesExcessiveCostsBeforeItPaysThem) {
  for (const auto& [at, value] :
       {std::pair<size_t, const char*>{16, "\x00\x00\x00\x0B"},
        {16, "\xFF\xFF\xFF\xFF"},
        {16, "\x00\x00\x00\x00"},
        {20, "\x00\x10\x00\x01"},
        {20, "\xFF\xFF\xFF\xFF"},
        {20, "\x00\x00\x00\x07"}}) {
    std::string file = Seal();
    file.replace(at, 4, std::string(value, 4));
    HashAgain(file);
    // The derivation itself refuses: no memory was taken, no pass made.
    EXPECT_EQ(VaultKey::ForFile(passphrase_, file).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST_F(VaultFormatTest, AFileOfAnotherSaltIsNotOpened) {
  const auto key = VaultKey::ForFile(passphrase_, Seal());
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->Open(Seal()).status().code(),
            absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace cofactor::device
