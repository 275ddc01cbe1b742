#include "services/telemetry/json_text.h"

#include <cstdint>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace cofactor::services {
namespace {

constexpr size_t kNoLimit = 1 << 20;

std::string Write(absl::string_view text, size_t max_bytes = kNoLimit) {
  std::string out;
  AppendJsonString(text, max_bytes, out);
  return out;
}

// What another parser reads in what was written. "PARSE ERROR" if it is none.
std::string Read(const std::string& written) {
  const nlohmann::json parsed = nlohmann::json::parse(written, nullptr, false);
  return parsed.is_string() ? parsed.get<std::string>() : "PARSE ERROR";
}

bool IsPrintableAscii(const std::string& text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

std::string Utf8(char32_t c) {
  const auto tail = [c](int shift) {
    return static_cast<char>(0x80 | (c >> shift & 0x3F));
  };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

TEST(JsonTextTest, KeepsPrintableAsciiAsItIs) {
  EXPECT_EQ(Write("abc XYZ 019 ~!/"), R"("abc XYZ 019 ~!/")");
  EXPECT_EQ(Write(""), R"("")");
}

TEST(JsonTextTest, EscapesWhatEndsAStringOrALineOrMovesATerminal) {
  EXPECT_EQ(Write("\"\\"), R"("\"\\")");
  EXPECT_EQ(Write("\r\n\t\x1b[2J\x7f"),
            R"("\u000d\u000a\u0009\u001b[2J\u007f")");
  EXPECT_EQ(Write(absl::string_view("\0", 1)), R"("\u0000")");
  // A next line, a right-to-left override, a line separator.
  EXPECT_EQ(Write("\u0085\u202e\u2028"), R"("\u0085\u202e\u2028")");
}

TEST(JsonTextTest, WritesEveryCharacterSoThatAnotherParserReadsIt) {
  for (char32_t c = 0; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 61) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    const std::string written = Write(Utf8(c));
    ASSERT_TRUE(IsPrintableAscii(written)) << std::hex << uint32_t{c};
    ASSERT_EQ(Read(written), Utf8(c)) << std::hex << uint32_t{c};
  }
  for (const char32_t c : {0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF}) {
    EXPECT_EQ(Read(Write(Utf8(c))), Utf8(c));
  }
}

TEST(JsonTextTest, ReplacesWhatIsNoUtf8) {
  const std::string r = R"(\ufffd)";
  EXPECT_EQ(Write("\xff"), '"' + r + '"');
  EXPECT_EQ(Write("a\x80z"), "\"a" + r + "z\"");
  // Cut off, and followed by what it must not swallow.
  EXPECT_EQ(Write("\xe2\x82"), '"' + r + r + '"');
  EXPECT_EQ(Write("\xe2\"\n"), '"' + r + R"(\"\u000a")");
  EXPECT_EQ(Write("\xf0\x9f\x98"), '"' + r + r + r + '"');
  // A quote in a form longer than needed, half of a pair, past the end.
  EXPECT_EQ(Write("\xc0\xa2"), '"' + r + r + '"');
  EXPECT_EQ(Write("\xe0\x80\xa2"), '"' + r + r + r + '"');
  EXPECT_EQ(Write("\xf0\x80\x80\xa2"), '"' + r + r + r + r + '"');
  EXPECT_EQ(Write("\xed\xa0\x80"), '"' + r + r + r + '"');
  EXPECT_EQ(Write("\xf4\x90\x80\x80"), '"' + r + r + r + r + '"');
  EXPECT_EQ(Write("\xf8\x88\x80\x80\x80"), '"' + r + r + r + r + r + '"');
}

TEST(JsonTextTest, WritesOneStringWhateverTheBytesAre) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 24, '\0');
    for (char& c : text) {
      // Mostly of what matters.
      constexpr char kHard[] = "\"\\\n\r\x1b\x80\xc3\xa9\xe2\x82\xf0\x9f{},:u";
      c = random() % 2 == 0 ? static_cast<char>(random())
                            : kHard[random() % (sizeof(kHard) - 1)];
    }
    const std::string written = Write(text);
    ASSERT_TRUE(IsPrintableAscii(written)) << written;
    ASSERT_NE(Read(written), "PARSE ERROR") << written;
  }
}

TEST(JsonTextTest, CutsBetweenCharacters) {
  EXPECT_EQ(Write("abcdef", 3), R"("abc")");
  EXPECT_EQ(Write("abc", 3), R"("abc")");
  EXPECT_EQ(Write("ab\u20ac", 5), R"("ab\u20ac")");
  EXPECT_EQ(Write("ab\u20ac", 4), R"("ab")");
  EXPECT_EQ(Write("\n\n\n", 2), R"("\u000a\u000a")");
  EXPECT_EQ(Write("a", 0), R"("")");
}

}  // namespace
}  // namespace cofactor::services
