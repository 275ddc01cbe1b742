#include "clients/device/printable.h"

#include <string>

#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

TEST(PrintableTest, LeavesTextsOfPeopleAsTheyAre) {
  for (const absl::string_view text :
       {"", "Sign in", "1,250.00 EUR", "M\xC3\xBCller \xE2\x82\xAC",
        "\xE6\x97\xA5\xE6\x9C\xAC", "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
        "\xF0\x9F\x98\x80"}) {
    EXPECT_EQ(Printable(text), text);
  }
}

TEST(PrintableTest, EscapesWhatCommandsATerminal) {
  EXPECT_EQ(Printable("\x1B[2J\x1B]0;x\x07"), "\\u{1b}[2J\\u{1b}]0;x\\u{7}");
  EXPECT_EQ(Printable("a\r\nb\tc\x7F"), "a\\u{d}\\u{a}b\\u{9}c\\u{7f}");
  EXPECT_EQ(Printable(absl::string_view("\0", 1)), "\\u{0}");
  // CSI as one character of the C1 controls.
  EXPECT_EQ(Printable("\xC2\x9B"), "\\u{9b}");
}

TEST(PrintableTest, NoControlCharacterPasses) {
  for (int c = 0; c < 0x20; ++c) {
    const std::string text = Printable(std::string(1, static_cast<char>(c)));
    EXPECT_EQ(text.rfind("\\u{", 0), 0u) << c;
  }
}

TEST(PrintableTest, EscapesWhatDeceivesTheEye) {
  // Right-to-left override, isolate, zero-width space, no-break space, BOM, a
  // tag, and a line separator.
  EXPECT_EQ(Printable("\xE2\x80\xAE"), "\\u{202e}");
  EXPECT_EQ(Printable("\xE2\x81\xA6"), "\\u{2066}");
  EXPECT_EQ(Printable("\xE2\x80\x8B"), "\\u{200b}");
  EXPECT_EQ(Printable("\xC2\xA0"), "\\u{a0}");
  EXPECT_EQ(Printable("\xEF\xBB\xBF"), "\\u{feff}");
  EXPECT_EQ(Printable("\xF3\xA0\x81\x81"), "\\u{e0041}");
  EXPECT_EQ(Printable("\xE2\x80\xA8"), "\\u{2028}");
}

TEST(PrintableTest, NothingLooksLikeWhatWasEscaped) {
  EXPECT_NE(Printable("\\u{1b}"), Printable("\x1B"));
  EXPECT_EQ(Printable("a\\b"), "a\\\\b");
}

TEST(PrintableTest, EscapesWhatIsNoUtf8ByteByByte) {
  EXPECT_EQ(Printable("\xFFz"), "\\xffz");
  EXPECT_EQ(Printable("\xE2\x82"), "\\xe2\\x82");
  // Too long a form of "/", and of ESC, a surrogate, and beyond Unicode.
  EXPECT_EQ(Printable("\xC0\xAF"), "\\xc0\\xaf");
  EXPECT_EQ(Printable("\xE0\x80\x9B"), "\\xe0\\x80\\x9b");
  EXPECT_EQ(Printable("\xED\xA0\x80"), "\\u{d800}");
  EXPECT_EQ(Printable("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

}  // namespace
}  // namespace cofactor::device
