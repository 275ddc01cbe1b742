#include "services/messenger/code_texts.h"

#include "gtest/gtest.h"
#include "services/messenger/sms_text.h"

namespace cofactor::services {
namespace {

std::string Text(const CodeTexts& texts, absl::string_view e164) {
  return std::string(
      texts.Compose(e164, Secret(absl::string_view("012345"))).ExposeSecret());
}

TEST(CodeTextsTest, PutsTheCodeIntoTheText) {
  const CodeTexts texts({{"en", "Use {code} now."}}, "");
  EXPECT_EQ(Text(texts, "+4915123456789"), "Use 012345 now.");
}

TEST(CodeTextsTest, EndsWithTheLineForBrowsers) {
  const CodeTexts texts({{"en", "Use {code}."}}, "login.example.com");
  EXPECT_EQ(Text(texts, "+4915123456789"),
            "Use 012345.\n@login.example.com #012345");
  EXPECT_EQ(MeasureSms(Text(texts, "+4915123456789")).segments, 1u);
}

TEST(CodeTextsTest, TakesTheTextOfTheRegionOfTheNumber) {
  const CodeTexts texts({{"en", "first {code}"},
                         {"at", "a language {code}"},
                         {"de-AT", "Austria {code}"},
                         {"de-Latn-de", "Germany {code}"},
                         {"fr-DE", "too late {code}"}},
                        "");
  EXPECT_EQ(Text(texts, "+436641234567"), "Austria 012345");
  EXPECT_EQ(Text(texts, "+4915123456789"), "Germany 012345");
  EXPECT_EQ(Text(texts, "+12015550123"), "first 012345");
  EXPECT_EQ(Text(texts, "no number"), "first 012345");
}

}  // namespace
}  // namespace cofactor::services
