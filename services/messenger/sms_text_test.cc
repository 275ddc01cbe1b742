#include "services/messenger/sms_text.h"

#include <string>

#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

std::string Times(size_t count, const std::string& text) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += text;
  return all;
}

TEST(SmsTextTest, TakesTheAlphabetOfGsmWhereItCan) {
  for (const std::string text :
       {"", "012345 is your code.\n\n@example.com #012345",
        "Ihr Code für größere Änderungen: 012345",
        "Votre code à usage unique: é è ù ì ò Ç Ø ø Å å Æ æ ß É Ñ ñ",
        "ΔΦΓΛΩΠΨΣΘΞ £¥¤¡¿§", "[]{}\\^~|€", "_$!\"#%&'()*+,-./:;<=>?"}) {
    EXPECT_EQ(MeasureSms(text).coding, SmsCoding::kGsm7) << text;
    EXPECT_EQ(MeasureSms(text).segments, 1u) << text;
  }
}

TEST(SmsTextTest, TakesUcs2ForWhatGsmLacks) {
  for (const std::string text :
       {"Код 012345", "代码 012345", "ç", "á", "`", "\t", "“quoted”", "😀",
        "Α",  // The Greek letter, whose Latin twin GSM has.
        "\xFF", "\xC3", "\x01"}) {
    EXPECT_EQ(MeasureSms(text).coding, SmsCoding::kUcs2) << text;
    EXPECT_EQ(MeasureSms(text).segments, 1u) << text;
  }
}

TEST(SmsTextTest, CountsSegments) {
  EXPECT_EQ(MeasureSms(Times(160, "a")).segments, 1u);
  EXPECT_EQ(MeasureSms(Times(161, "a")).segments, 2u);
  EXPECT_EQ(MeasureSms(Times(306, "ü")).segments, 2u);
  EXPECT_EQ(MeasureSms(Times(307, "a")).segments, 3u);
  EXPECT_EQ(MeasureSms(Times(80, "€")).segments, 1u);
  EXPECT_EQ(MeasureSms(Times(81, "€")).segments, 2u);
  EXPECT_EQ(MeasureSms(Times(70, "К")).segments, 1u);
  EXPECT_EQ(MeasureSms(Times(71, "К")).segments, 2u);
  EXPECT_EQ(MeasureSms(Times(134, "К")).segments, 2u);
  EXPECT_EQ(MeasureSms(Times(135, "К")).segments, 3u);
  EXPECT_EQ(MeasureSms(Times(35, "😀")).segments, 1u);
  EXPECT_EQ(MeasureSms(Times(36, "😀")).segments, 2u);
}

}  // namespace
}  // namespace cofactor::services
