#include "clients/device/answer_line.h"

#include <string>

#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

using ::cofactor::v1::PUSH_DECISION_APPROVE;
using ::cofactor::v1::PUSH_DECISION_DENY;
using ::cofactor::v1::PUSH_DECISION_REPORT;

TEST(AnswerLineTest, UnderstandsAPerson) {
  const auto number = ParseTypedAnswer(" 123 456 ");
  ASSERT_TRUE(number.ok()) << number.status();
  EXPECT_EQ(number->decision.decision, PUSH_DECISION_APPROVE);
  EXPECT_EQ(number->decision.number, "123456");
  EXPECT_EQ(number->index, 0u);
  EXPECT_EQ(ParseTypedAnswer("#2 123456")->index, 2u);
  EXPECT_EQ(ParseTypedAnswer("Deny")->decision.decision, PUSH_DECISION_DENY);
  EXPECT_EQ(ParseTypedAnswer("deny not me, the cat")->decision.reason,
            "not me, the cat");
  EXPECT_EQ(ParseTypedAnswer("#3 Not me")->decision.decision,
            PUSH_DECISION_REPORT);
}

TEST(AnswerLineTest, UnderstandsAScript) {
  const auto approve = ParseScriptAnswer("id approve 012345");
  ASSERT_TRUE(approve.ok()) << approve.status();
  EXPECT_EQ(approve->challenge_id, "id");
  EXPECT_EQ(approve->decision.number, "012345");
  EXPECT_EQ(ParseScriptAnswer("id deny")->decision.reason, "");
  EXPECT_EQ(ParseScriptAnswer("id deny too late")->decision.reason, "too late");
  EXPECT_EQ(ParseScriptAnswer("id not-me")->decision.decision,
            PUSH_DECISION_REPORT);
}

TEST(AnswerLineTest, GuessesNothing) {
  for (const std::string line :
       {"", "yes", "y", "approve", "12345", "1234567", "123456x", "#0 123456",
        "#x 123456", "#1", "-12345", "denyx", "not", "not me at all",
        "\xEF\xBC\x91"
        "23456"}) {
    EXPECT_FALSE(ParseTypedAnswer(line).ok()) << line;
  }
  for (const std::string line :
       {"", "id", "id approve", "id approve 12345", "approve 123456",
        "id not-me x", "id 123456", "id APPROVE 123456"}) {
    EXPECT_FALSE(ParseScriptAnswer(line).ok()) << line;
  }
}

TEST(AnswerLineTest, AReasonIsShortAndPlain) {
  EXPECT_TRUE(Denial(std::string(128, 'x')).ok());
  EXPECT_FALSE(Denial(std::string(129, 'x')).ok());
  EXPECT_FALSE(Denial("a\x1Bz").ok());
}

}  // namespace
}  // namespace cofactor::device
