#include "clients/device/challenge_board.h"

#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

cofactor::v1::DeviceChallenge Challenge(const std::string& id,
                                        const std::string& amount = "1 EUR") {
  cofactor::v1::DeviceChallenge challenge;
  challenge.set_challenge_id(id);
  challenge.mutable_details()->set_amount(amount);
  return challenge;
}

TEST(ChallengeBoardTest, ShowsTheSameOnce) {
  ChallengeBoard board;
  EXPECT_TRUE(board.Add("phone", Challenge("a")).has_value());
  EXPECT_FALSE(board.Add("phone", Challenge("a")).has_value());
  EXPECT_EQ(board.size(), 1u);
}

TEST(ChallengeBoardTest, ShowsAgainWhatIsNoLongerTheSame) {
  ChallengeBoard board;
  board.Add("phone", Challenge("a"));
  ASSERT_TRUE(board.Add("phone", Challenge("a", "1000 EUR")).has_value());
  // What was shown last is what is signed.
  EXPECT_EQ(board.Find("a")->challenge.details().amount(), "1000 EUR");
  auto later = Challenge("a", "1000 EUR");
  later.mutable_expire_time()->set_seconds(1);
  EXPECT_TRUE(board.Add("phone", later).has_value());
  EXPECT_TRUE(board.Add("desk", later).has_value());
}

TEST(ChallengeBoardTest, AnIndexIsNeverGivenTwice) {
  ChallengeBoard board;
  EXPECT_EQ(board.Add("phone", Challenge("a"))->index, 1u);
  EXPECT_TRUE(board.Remove("a"));
  EXPECT_FALSE(board.Remove("a"));
  EXPECT_EQ(board.Add("phone", Challenge("b"))->index, 2u);
  EXPECT_FALSE(board.FindIndex(1).has_value());
  EXPECT_EQ(board.FindIndex(2)->challenge.challenge_id(), "b");
}

TEST(ChallengeBoardTest, DoesNotChooseAmongSeveral) {
  ChallengeBoard board;
  EXPECT_FALSE(board.FindIndex(0).has_value());
  board.Add("phone", Challenge("a"));
  EXPECT_EQ(board.FindIndex(0)->challenge.challenge_id(), "a");
  board.Add("desk", Challenge("b"));
  EXPECT_FALSE(board.FindIndex(0).has_value());
}

}  // namespace
}  // namespace cofactor::device
