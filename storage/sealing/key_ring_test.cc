#include "storage/sealing/key_ring.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

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
