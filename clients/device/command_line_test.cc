#include "clients/device/command_line.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

using Words = std::vector<std::string>;

TEST(CommandLineTest, ReadsOptionsWhereverTheyStand) {
  for (const Words& words :
       {Words{"approve", "id", "--number=123456", "--json"},
        Words{"--number", "123456", "approve", "--json", "id"},
        Words{"approve", "--json", "--number", "123456", "--", "id"}}) {
    const auto line = ParseCommandLine(words);
    ASSERT_TRUE(line.ok()) << line.status();
    EXPECT_EQ(line->command, "approve");
    EXPECT_EQ(line->arguments, Words{"id"});
    EXPECT_EQ(line->Get("number"), "123456");
    EXPECT_TRUE(line->Has("json"));
    EXPECT_FALSE(line->Has("device"));
  }
}

TEST(CommandLineTest, TakesHyphensAndUnderscores) {
  EXPECT_EQ(ParseCommandLine({"list", "--passphrase-file", "f"})
                ->Get("passphrase_file"),
            "f");
  EXPECT_EQ(ParseCommandLine({"enrol", "-"})->arguments, Words{"-"});
  EXPECT_EQ(ParseCommandLine({"rename", "--", "--a", "b"})->arguments,
            (Words{"--a", "b"}));
  EXPECT_TRUE(ParseCommandLine({"deny", "id", "--reason="})->Has("reason"));
}

TEST(CommandLineTest, RefusesWhatItDoesNotKnow) {
  for (const Words& words :
       {Words{}, Words{"--json"}, Words{"dance"}, Words{"list", "extra"},
        Words{"approve"}, Words{"approve", "a", "b"}, Words{"rename", "a"},
        Words{"list", "--number=123456"}, Words{"list", "--what"},
        Words{"list", "-j"}, Words{"list", "--json=yes"},
        Words{"list", "--device"}, Words{"list", "--device=a", "--device=b"},
        Words{"enrol"}, Words{"enrol", "uri", "--qr=picture"}}) {
    EXPECT_EQ(ParseCommandLine(words).status().code(),
              absl::StatusCode::kInvalidArgument)
        << testing::PrintToString(words);
  }
}

TEST(CommandLineTest, AnErrorDoesNotRepeatAUri) {
  const absl::Status status =
      ParseCommandLine({"enrol", "cofactor://secret", "--qr=x"}).status();
  EXPECT_FALSE(absl::StrContains(status.message(), "secret"));
}

TEST(CommandLineTest, ExplainsEveryCommand) {
  EXPECT_EQ(ParseCommandLine({"--help"})->command, "help");
  EXPECT_EQ(ParseCommandLine({"enrol", "-h"})->arguments, Words{"enrol"});
  const std::string all = HelpText("");
  for (const std::string command :
       {"enrol", "list", "watch", "approve", "deny", "not-me", "codes",
        "devices", "rename", "remove", "rotate", "update", "passphrase"}) {
    EXPECT_TRUE(absl::StrContains(all, "cofactor_device " + command));
    EXPECT_NE(HelpText(command), all);
  }
  EXPECT_TRUE(absl::StrContains(HelpText("enrol"), "--ca_file=FILE"));
}

}  // namespace
}  // namespace cofactor::device
