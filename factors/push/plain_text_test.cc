#include "factors/push/plain_text.h"

#include <string>

#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

std::string Utf8(char32_t c) {
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  std::string text;
  const int tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr int kLead[] = {0, 0xC0, 0xE0, 0xF0};
  text.push_back(static_cast<char>(kLead[tail] | c >> (6 * tail)));
  for (int i = tail - 1; i >= 0; --i) {
    text.push_back(static_cast<char>(0x80 | (c >> (6 * i) & 0x3F)));
  }
  return text;
}

TEST(PlainTextTest, KnowsEveryCharacter) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    const bool is_half = c >= 0xD800 && c <= 0xDFFF;
    const bool is_control = c < 0x20 || (c >= 0x7F && c < 0xA0);
    const bool turns = c == 0x61C || c == 0x200E || c == 0x200F ||
                       (c >= 0x2028 && c <= 0x202E) ||
                       (c >= 0x2066 && c <= 0x2069);
    ASSERT_EQ(IsPlainText(Utf8(c)), !is_half && !is_control && !turns)
        << std::hex << static_cast<uint32_t>(c);
  }
  EXPECT_TRUE(IsPlainText(""));
}

TEST(PlainTextTest, RefusesWhatIsNoUtf8) {
  for (const char* bytes :
       {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf",
        "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3(",
        "\xe2(\xa1", "\xed\xa0\x80", "ok\xff", "\xc3\xbc\xc3"}) {
    EXPECT_FALSE(IsPlainText(bytes)) << bytes;
  }
}

}  // namespace
}  // namespace cofactor::factors::push
