#include "services/engine/prompts.h"

#include <string>

#include "base/errors.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

class PromptsTest : public testing::Test {
 protected:
  // Takes one that has to be given. Returns the one before.
  std::string Take(const std::string& challenge_id,
                   const std::string& factor_type = "push") {
    const auto before = TakePrompt(member_, factor_type, challenge_id, now_);
    EXPECT_TRUE(before.ok()) << before.status();
    return before.value_or("");
  }

  void ExpectCooldown() {
    const std::string unchanged = member_.SerializeAsString();
    EXPECT_EQ(ErrorReason(TakePrompt(member_, "push", "x", now_).status()),
              "TOO_MANY_PROMPTS");
    EXPECT_EQ(member_.SerializeAsString(), unchanged);
  }

  record::v1::MemberRecord member_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

TEST_F(PromptsTest, NamesTheOneBefore) {
  EXPECT_EQ(Take("c1"), "");
  EXPECT_EQ(Take("c2"), "c1");
  PromptApproved(member_, "push");
  EXPECT_EQ(Take("c3"), "c2");
}

TEST_F(PromptsTest, CoolsDownAfterFiveWithoutASuccess) {
  for (int i = 0; i < 5; ++i) Take("c");
  ExpectCooldown();
  now_ += absl::Minutes(10) - absl::Microseconds(1);
  ExpectCooldown();
  now_ += absl::Microseconds(1);
  for (int i = 0; i < 5; ++i) Take("c");
  // Twice as long.
  now_ += absl::Minutes(20) - absl::Microseconds(1);
  ExpectCooldown();
  now_ += absl::Microseconds(1);
  Take("c");
}

TEST_F(PromptsTest, CountsAnewAfterASuccess) {
  for (int i = 0; i < 4; ++i) Take("c");
  PromptApproved(member_, "push");
  for (int i = 0; i < 5; ++i) Take("c");
  ExpectCooldown();
}

TEST_F(PromptsTest, KeepsFactorsApart) {
  for (int i = 0; i < 5; ++i) Take("c");
  EXPECT_EQ(Take("d", "other"), "");
  StopPrompts(member_, "other");
  EXPECT_TRUE(PromptsStopped(member_, "other"));
  EXPECT_FALSE(PromptsStopped(member_, "push"));
}

TEST_F(PromptsTest, StaysStoppedUntilItIsResumed) {
  StopPrompts(member_, "push");
  PromptApproved(member_, "push");
  now_ += absl::Hours(24 * 365);
  EXPECT_TRUE(PromptsStopped(member_, "push"));
  ResumePrompts(member_, "push");
  EXPECT_FALSE(PromptsStopped(member_, "push"));
}

TEST_F(PromptsTest, ResumingEndsACooldown) {
  for (int i = 0; i < 5; ++i) Take("c");
  ResumePrompts(member_, "push");
  EXPECT_EQ(Take("d"), "c");
}

}  // namespace
}  // namespace cofactor::services
