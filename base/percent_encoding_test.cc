#include "base/percent_encoding.h"

#include <string>

#include "gtest/gtest.h"

namespace cofactor {
namespace {

TEST(PercentEncodingTest, LeavesUnreservedCharactersAlone) {
  const std::string unreserved = "ABCXYZabcxyz0123456789-._~";
  EXPECT_EQ(PercentEncode(unreserved), unreserved);
  EXPECT_EQ(PercentDecode(unreserved), unreserved);
}

TEST(PercentEncodingTest, WritesAllElseAsTwoDigits) {
  EXPECT_EQ(PercentEncode("a b&c=d%+/?#"), "a%20b%26c%3Dd%25%2B%2F%3F%23");
  EXPECT_EQ(PercentEncode("ü"), "%C3%BC");
  EXPECT_EQ(PercentEncode(std::string("\0\n\x7f\xff", 4)), "%00%0A%7F%FF");
}

TEST(PercentEncodingTest, ReadsEveryByteBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(PercentDecode(PercentEncode(all)), all);
  EXPECT_EQ(PercentDecode("%c3%bC"), "ü");
}

TEST(PercentEncodingTest, ReadsNothingThatIsNotEncoded) {
  for (const char* text : {"%", "%4", "a%", "%4g", "%g4", "% 4", "%-1", "a b",
                           "a+b", "a&b", "a/b", "ü", "%%41"}) {
    EXPECT_EQ(PercentDecode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cofactor
