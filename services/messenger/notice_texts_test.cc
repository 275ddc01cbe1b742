#include "services/messenger/notice_texts.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/messenger/sms_text.h"

namespace cofactor::services {
namespace {

constexpr NoticeKind kKinds[] = {
    NoticeKind::kRecoveryCodeUsed, NoticeKind::kRecoveryStarted,
    NoticeKind::kFactorAdded, NoticeKind::kFactorRemoved};

TEST(NoticeTextsTest, SaysSomethingElseOfEachKindInEachLanguage) {
  std::set<std::string> texts;
  for (const NoticeKind kind : kKinds) {
    texts.insert(NoticeText(kind, "en", "acme"));
    texts.insert(NoticeText(kind, "de", "acme"));
  }
  EXPECT_EQ(texts.size(), 8u);
}

TEST(NoticeTextsTest, NamesTheAccountFirst) {
  for (const NoticeKind kind : kKinds) {
    for (const absl::string_view locale : {"en", "de"}) {
      EXPECT_TRUE(absl::StartsWith(NoticeText(kind, locale, "acme"), "acme: "));
    }
  }
}

TEST(NoticeTextsTest, TakesTheLanguageOfTheLocale) {
  const auto text = [](absl::string_view locale) {
    return NoticeText(NoticeKind::kFactorAdded, locale, "acme");
  };
  EXPECT_EQ(text("de-AT"), text("de"));
  EXPECT_EQ(text("DE"), text("de"));
  EXPECT_NE(text("de"), text("en"));
  for (const absl::string_view other : {"fr", "", "den", "en-DE"}) {
    EXPECT_EQ(text(other), text("en")) << other;
  }
}

// Each costs as one message.
TEST(NoticeTextsTest, FitsIntoOneTextMessage) {
  for (const NoticeKind kind : kKinds) {
    for (const absl::string_view locale : {"en", "de"}) {
      const SmsText text =
          MeasureSms(NoticeText(kind, locale, "acme-corp_eu.2024@example"));
      EXPECT_EQ(text.segments, 1u) << locale;
    }
  }
}

}  // namespace
}  // namespace cofactor::services
