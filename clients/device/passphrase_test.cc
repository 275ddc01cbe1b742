#include "clients/device/passphrase.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

std::string WriteFile(const std::string& name, const std::string& text,
                      int mode) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  chmod(path.c_str(), static_cast<mode_t>(mode));
  return path;
}

TEST(FilePassphraseTest, IsWhatTheFileHolds) {
  const auto source =
      MakeFilePassphrase(WriteFile("good", "four words of sense\n", 0600));
  EXPECT_EQ(source->Existing()->ExposeSecret(), "four words of sense");
  EXPECT_EQ(source->New()->ExposeSecret(), "four words of sense");
}

TEST(FilePassphraseTest, IsNotForOthersToRead) {
  EXPECT_EQ(MakeFilePassphrase(WriteFile("open", "four words of sense", 0644))
                ->Existing()
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(FilePassphraseTest, ANewOneIsNotTooShort) {
  const auto source = MakeFilePassphrase(WriteFile("short", "1234567", 0600));
  EXPECT_TRUE(source->Existing().ok());
  EXPECT_EQ(source->New().status().code(), absl::StatusCode::kInvalidArgument);
}

// A person at a terminal.
class TerminalPassphraseTest : public testing::Test {
 protected:
  TerminalPassphraseTest() : person_(posix_openpt(O_RDWR | O_NOCTTY)) {
    grantpt(person_);
    unlockpt(person_);
    terminal_ = ptsname(person_);
    // Held open, so that the terminal keeps its settings between two uses.
    program_ = open(terminal_.c_str(), O_RDWR | O_NOCTTY);
  }
  ~TerminalPassphraseTest() override {
    close(program_);
    close(person_);
  }

  // Reads until the text was shown. What was typed before the question would be
  // thrown away.
  std::string ReadUntil(absl::string_view text) {
    std::string shown;
    char c;
    while (!absl::EndsWith(shown, text) && read(person_, &c, 1) == 1) {
      shown.push_back(c);
    }
    return shown;
  }

  void Type(absl::string_view text) {
    ASSERT_EQ(write(person_, text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }

  bool Echoes() const {
    termios settings = {};
    EXPECT_EQ(tcgetattr(program_, &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
  }

  int person_;
  int program_;
  std::string terminal_;
};

TEST_F(TerminalPassphraseTest, IsTypedWithoutEcho) {
  const auto source = MakeTerminalPassphrase(terminal_);
  auto typed =
      std::async(std::launch::async, [&] { return source->Existing(); });
  ReadUntil("key file: ");
  EXPECT_FALSE(Echoes());
  Type("hunter2 hunter2\n");
  const auto passphrase = typed.get();
  ASSERT_TRUE(passphrase.ok()) << passphrase.status();
  EXPECT_EQ(passphrase->ExposeSecret(), "hunter2 hunter2");
  EXPECT_FALSE(absl::StrContains(ReadUntil("\n"), "hunter2"));
  EXPECT_TRUE(Echoes());
}

TEST_F(TerminalPassphraseTest, ANewOneIsTypedTwice) {
  const auto source = MakeTerminalPassphrase(terminal_);
  for (const bool same : {true, false}) {
    auto typed = std::async(std::launch::async, [&] { return source->New(); });
    ReadUntil("key file: ");
    Type("correct horse\n");
    ReadUntil("again: ");
    Type(same ? "correct horse\n" : "correct house\n");
    const auto passphrase = typed.get();
    EXPECT_EQ(passphrase.ok(), same) << passphrase.status();
  }
}

TEST_F(TerminalPassphraseTest, GivingUpTurnsTheEchoOnAgain) {
  const auto source = MakeTerminalPassphrase(terminal_);
  auto typed =
      std::async(std::launch::async, [&] { return source->Existing(); });
  ReadUntil("key file: ");
  Type("half\x03\n");
  EXPECT_EQ(typed.get().status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(Echoes());
}

TEST_F(TerminalPassphraseTest, WithoutATerminalItSaysWhatToDo) {
  const absl::Status status =
      MakeTerminalPassphrase("/dev/null")->Existing().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "--passphrase_file"));
}

}  // namespace
}  // namespace cofactor::device
