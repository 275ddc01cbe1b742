#include "factors/password/password_text.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "base/errors.h"
#include "gtest/gtest.h"

namespace cofactor::factors::password {
namespace {

constexpr char kField[] = "response.password";

// A text so many times.
std::string Times(size_t count, absl::string_view text) {
  std::string times;
  for (size_t i = 0; i < count; ++i) times.append(text.data(), text.size());
  return times;
}

std::string Normal(absl::string_view typed) {
  const auto normalized = NormalizePassword(typed, kField);
  EXPECT_TRUE(normalized.ok()) << normalized.status();
  return normalized.ok() ? std::string(normalized->ExposeSecret()) : "";
}

void ExpectRefused(absl::string_view typed) {
  const auto normalized = NormalizePassword(typed, kField);
  EXPECT_EQ(normalized.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(normalized.status().message(), kField));
}

TEST(PasswordTextTest, ComposesWhatIsTypedInParts) {
  // "é" as one code point, and as "e" with an accent behind it.
  EXPECT_EQ(Normal("caf\u0065\u0301"), "caf\u00e9");
  EXPECT_EQ(Normal("caf\u00e9"), "caf\u00e9");
  // Two accents in either order, and Hangul.
  EXPECT_EQ(Normal("a\u0323\u0302"), Normal("a\u0302\u0323"));
  EXPECT_EQ(Normal("\u1112\u1161\u11ab"), "\ud55c");
}

TEST(PasswordTextTest, LeavesAllElseAsItIs) {
  // Case, spaces, compatibility forms.
  for (const absl::string_view text :
       {"PassWord", " two  spaces ", "\uff11\uff12", "\ufb01nd", "\t",
        "\U0001f511\u200d\U0001f6aa"}) {
    EXPECT_EQ(Normal(text), text);
  }
}

TEST(PasswordTextTest, TakesUpTo256CodePointsAfterNfc) {
  EXPECT_EQ(Normal(Times(256, "\U0001f511")).size(), 256 * 4u);
  EXPECT_EQ(Normal(Times(256, "e\u0301")), Times(256, "\u00e9"));
  ExpectRefused(Times(257, "x"));
  ExpectRefused(Times(257, "e\u0301"));
  ExpectRefused(Times(1'000'000, "x"));
}

TEST(PasswordTextTest, RefusesWhatIsNoText) {
  ExpectRefused("");
  ExpectRefused(absl::string_view("pass\0word", 9));
  ExpectRefused("\xff\xfe");
  ExpectRefused("caf\xc3");           // Cut off.
  ExpectRefused("\xc0\xaf");          // Overlong.
  ExpectRefused("\xed\xa0\x80");      // A surrogate.
  ExpectRefused("\xf4\x90\x80\x80");  // Past the last code point.
}

TEST(PasswordTextTest, TellsNothingOfThePassword) {
  const auto refused = NormalizePassword(Times(300, "swordfish"), kField);
  EXPECT_FALSE(absl::StrContains(refused.status().ToString(), "swordfish"));
}

TEST(PasswordTextTest, CountsCodePoints) {
  EXPECT_EQ(CodePoints(Secret(absl::string_view("a\u00e9\ud55c\U0001f511"))),
            4u);
}

TEST(PasswordTextTest, FoldsCase) {
  EXPECT_EQ(FoldCase("STRASSE").ExposeSecret(),
            FoldCase("stra\u00dfe").ExposeSecret());
  EXPECT_EQ(FoldCase("CAFE\u0301").ExposeSecret(),
            FoldCase("caf\u00e9").ExposeSecret());
  EXPECT_NE(FoldCase("cafe").ExposeSecret(),
            FoldCase("caf\u00e9").ExposeSecret());
  EXPECT_TRUE(FoldCase("\xff").empty());
}

}  // namespace
}  // namespace cofactor::factors::password
