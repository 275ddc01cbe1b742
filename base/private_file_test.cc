#include "base/private_file.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace cofactor {
namespace {

std::string Write(const std::string& name, const std::string& text, int mode) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  chmod(path.c_str(), mode);
  return path;
}

void ExpectUnusable(const std::string& path) {
  const absl::Status status = ReadSecretFile(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << path;
  EXPECT_TRUE(absl::StrContains(status.message(), path)) << status;
}

TEST(ReadSecretFileTest, DropsTheWhiteSpaceAtTheEnd) {
  const auto secret = ReadSecretFile(Write("spaces", " a b \r\n", 0600));
  ASSERT_TRUE(secret.ok()) << secret.status();
  EXPECT_EQ(secret->ExposeSecret(), " a b");
}

TEST(ReadSecretFileTest, WantsAFileThatIsClosedToOthers) {
  EXPECT_TRUE(ReadSecretFile(Write("group", "x", 0640)).ok());
  for (const int mode : {0604, 0602, 0660, 0644}) {
    ExpectUnusable(Write("open" + std::to_string(mode), "x", mode));
  }
}

TEST(ReadSecretFileTest, SaysWhichFileIsOfNoUse) {
  ExpectUnusable(testing::TempDir() + "/none");
  ExpectUnusable(testing::TempDir());
  ExpectUnusable(Write("empty", "\n", 0600));
  EXPECT_TRUE(
      ReadSecretFile(Write("long", std::string(64 * 1024, 'x'), 0600)).ok());
  ExpectUnusable(Write("longer", std::string(64 * 1024 + 1, 'x'), 0600));
}

TEST(ReadSecretFileTest, ReadsWhatWasWritten) {
  const std::string path = testing::TempDir() + "/written";
  ASSERT_TRUE(ReplacePrivateFile(path, Secret(std::string("key"))).ok());
  EXPECT_EQ(ReadSecretFile(path)->ExposeSecret(), "key");
}

}  // namespace
}  // namespace cofactor
