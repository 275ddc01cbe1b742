#include "storage/sealing/key_ring.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/randomness.h"
#include "gtest/gtest.h"

namespace cofactor::storage {
namespace {

std::string Hex(char digit) { return std::string(64, digit); }

std::string KeyText(int id, const std::string& hex) {
  return absl::StrCat("keys { key_id: ", id, " key_hex: '", hex, "' }\n");
}

std::string NewPath() {
  static int count = 0;
  return absl::StrCat(testing::TempDir(), "/key_ring", count++);
}

void WriteFile(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream(path) << text;
  ASSERT_EQ(chmod(path.c_str(), mode), 0);
}

TEST(KeyRingTest, HoldsSeveralKeysAndOnePrimary) {
  const auto ring = KeyRing::Parse(absl::StrCat(
      "primary_key_id: 2\n", KeyText(1, Hex('a')), KeyText(2, Hex('b'))));
  ASSERT_TRUE(ring.ok()) << ring.status();
  EXPECT_EQ(ring->primary_key_id(), 2u);
  EXPECT_NE(ring->Find(1), nullptr);
  EXPECT_EQ(&ring->primary(), ring->Find(2));
  EXPECT_EQ(ring->Find(3), nullptr);
}

TEST(KeyRingTest, RefusesWhatIsNoKeyRingAndTellsNothingOfIt) {
  const std::string secret = Hex('c');
  for (const std::string& text :
       {std::string(), std::string("primary_key_id: 1"),
        absl::StrCat("primary_key_id: 2 ", KeyText(1, secret)),
        absl::StrCat("primary_key_id: 1 ", KeyText(1, secret),
                     KeyText(1, secret)),
        absl::StrCat("primary_key_id: 0 ", KeyText(0, secret)),
        absl::StrCat("primary_key_id: 1 ", KeyText(1, secret.substr(2))),
        absl::StrCat("primary_key_id: 1 ", KeyText(1, "zz" + secret.substr(2))),
        absl::StrCat("primary_key_id: 1 ", KeyText(1, secret), secret),
        absl::StrCat("primary_key_id: 1 keys { key_hex: ", secret)}) {
    const absl::Status status = KeyRing::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_FALSE(absl::StrContains(status.ToString(), "cccc"));
  }
}

TEST(KeyRingTest, IsMadeNewEachTime) {
  SystemRandomness randomness;
  const Secret first = NewKeyRingText(randomness);
  EXPECT_TRUE(KeyRing::Parse(first.ExposeSecret()).ok());
  EXPECT_NE(first.ExposeSecret(), NewKeyRingText(randomness).ExposeSecret());
}

TEST(KeyRingTest, GetsANewPrimaryAndKeepsItsKeys) {
  SystemRandomness randomness;
  const KeyRing old_ring = *KeyRing::Parse(absl::StrCat(
      "primary_key_id: 2\n", KeyText(2, Hex('b')), KeyText(7, Hex('c'))));
  const auto ring = old_ring.WithNewPrimary(randomness);
  ASSERT_TRUE(ring.ok()) << ring.status();
  EXPECT_EQ(ring->primary_key_id(), 8u);
  EXPECT_EQ(ring->key_ids(), (std::vector<uint32_t>{2, 7, 8}));
  EXPECT_EQ(ring->Find(2), old_ring.Find(2));
  EXPECT_EQ(old_ring.key_ids(), (std::vector<uint32_t>{2, 7}));
  const auto other = old_ring.WithNewPrimary(randomness);
  EXPECT_NE(ring->primary().key().ExposeSecret(),
            other->primary().key().ExposeSecret());
  const KeyRing full = *KeyRing::Parse(
      absl::StrCat("primary_key_id: 4294967295\n",
                   "keys { key_id: 4294967295 key_hex: '", Hex('a'), "' }"));
  EXPECT_EQ(full.WithNewPrimary(randomness).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(KeyRingTest, LosesAnyKeyButThePrimary) {
  const KeyRing ring = *KeyRing::Parse(absl::StrCat(
      "primary_key_id: 2\n", KeyText(1, Hex('a')), KeyText(2, Hex('b'))));
  const auto less = ring.Without(1);
  ASSERT_TRUE(less.ok()) << less.status();
  EXPECT_EQ(less->key_ids(), std::vector<uint32_t>{2});
  EXPECT_EQ(less->primary_key_id(), 2u);
  EXPECT_EQ(ring.Without(2).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::IsNotFound(ring.Without(3).status()));
}

TEST(KeyRingTest, IsTheSameAfterItWasText) {
  const KeyRing ring = *KeyRing::Parse(absl::StrCat(
      "primary_key_id: 2\n", KeyText(1, Hex('a')), KeyText(2, Hex('b'))));
  const auto again = KeyRing::Parse(ring.ToText().ExposeSecret());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->primary_key_id(), 2u);
  EXPECT_EQ(again->key_ids(), (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(again->Find(1)->key().ExposeSecret(), std::string(32, '\xAA'));
  EXPECT_EQ(again->Find(2)->key().ExposeSecret(), std::string(32, '\xBB'));
}

TEST(KeyRingFileTest, IsWrittenForItsOwnerAloneAndReadBack) {
  SystemRandomness randomness;
  const std::string path = NewPath();
  EXPECT_TRUE(absl::IsNotFound(ReadKeyRingFile(path).status()));
  ASSERT_TRUE(WriteKeyRingFile(path, NewKeyRingText(randomness)).ok());
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_TRUE(ReadKeyRingFile(path).ok());
  EXPECT_NE(stat(absl::StrCat(path, ".new").c_str(), &info), 0);
}

TEST(KeyRingFileTest, IsNeverOverwritten) {
  SystemRandomness randomness;
  const std::string path = NewPath();
  WriteFile(path, "precious", 0600);
  EXPECT_TRUE(absl::IsAlreadyExists(
      WriteKeyRingFile(path, NewKeyRingText(randomness))));
  std::ifstream file(path);
  std::string content;
  file >> content;
  EXPECT_EQ(content, "precious");
}

TEST(KeyRingFileTest, IsWrittenDespiteTheDraftOfAStartThatWasKilled) {
  SystemRandomness randomness;
  const std::string path = NewPath();
  WriteFile(absl::StrCat(path, ".new"), "half a", 0600);
  ASSERT_TRUE(WriteKeyRingFile(path, NewKeyRingText(randomness)).ok());
  EXPECT_TRUE(ReadKeyRingFile(path).ok());
}

TEST(KeyRingFileTest, IsReplacedWhole) {
  SystemRandomness randomness;
  const std::string path = NewPath();
  EXPECT_TRUE(
      absl::IsNotFound(ReplaceKeyRingFile(path, NewKeyRingText(randomness))));
  EXPECT_FALSE(std::filesystem::exists(path));
  WriteFile(path, std::string(100'000, 'x'), 0600);
  // What a rotation left that was killed, and who has the old file open.
  WriteFile(absl::StrCat(path, ".new"), "half a", 0600);
  std::ifstream old_file(path);
  ASSERT_TRUE(ReplaceKeyRingFile(path, NewKeyRingText(randomness)).ok());
  std::string content;
  old_file >> content;
  EXPECT_EQ(content.size(), 100'000u);
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_TRUE(ReadKeyRingFile(path).ok());
  EXPECT_FALSE(std::filesystem::exists(absl::StrCat(path, ".new")));
}

TEST(KeyRingFileTest, IsReplacedWhereALinkLeadsTo) {
  SystemRandomness randomness;
  const std::string path = NewPath();
  const std::string link = NewPath();
  WriteFile(path, "old", 0600);
  std::filesystem::create_symlink(path, link);
  ASSERT_TRUE(ReplaceKeyRingFile(link, NewKeyRingText(randomness)).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_TRUE(ReadKeyRingFile(path).ok());
}

TEST(KeyRingFileTest, StaysIfItCannotBeReplaced) {
  SystemRandomness randomness;
  const std::string path = NewPath();
  WriteFile(path, "precious", 0600);
  // In the way of the draft.
  std::filesystem::create_directories(absl::StrCat(path, ".new/x"));
  EXPECT_TRUE(absl::IsUnavailable(
      ReplaceKeyRingFile(path, NewKeyRingText(randomness))));
  std::ifstream file(path);
  std::string content;
  file >> content;
  EXPECT_EQ(content, "precious");
}

TEST(KeyRingFileTest, IsRefusedIfOthersCanReachIt) {
  SystemRandomness randomness;
  const std::string text(NewKeyRingText(randomness).ExposeSecret());
  const std::string path = NewPath();
  for (const mode_t mode : {0640, 0604, 0660, 0610}) {
    WriteFile(path, text, mode);
    const absl::Status status = ReadKeyRingFile(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_TRUE(absl::StrContains(status.message(), "chmod 600"));
    EXPECT_TRUE(absl::StrContains(status.message(), path));
  }
  ASSERT_EQ(chmod(path.c_str(), 0400), 0);
  EXPECT_TRUE(ReadKeyRingFile(path).ok());
}

TEST(KeyRingFileTest, SaysWhichFileIsUnusable) {
  const std::string path = NewPath();
  WriteFile(path, "garbage", 0600);
  const absl::Status status = ReadKeyRingFile(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), path));
  EXPECT_FALSE(absl::StrContains(status.message(), "garbage"));
  EXPECT_EQ(ReadKeyRingFile(testing::TempDir()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

// A start must not wait for someone to write into it.
TEST(KeyRingFileTest, IsRefusedIfItIsAPipe) {
  const std::string path = NewPath();
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const absl::Status status = ReadKeyRingFile(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(status.message(), path));
}

}  // namespace
}  // namespace cofactor::storage
