#include "services/challenge_hub.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

class CountingSubscriber final : public ChallengeHub::Subscriber {
 public:
  void Changed() override { ++changes; }
  void TimeHasCome(absl::Time now) override {
    ++wakes;
    wake_time = now;
  }

  std::atomic<int> changes{0};
  int wakes = 0;
  absl::Time wake_time;
};

class ChallengeHubTest : public testing::Test {
 protected:
  ~ChallengeHubTest() override {
    for (auto* subscriber : {&first_, &second_, &third_}) {
      hub_.Remove(*subscriber);
    }
  }

  static absl::Time At(int64_t seconds) {
    return absl::FromUnixSeconds(1'700'000'000 + seconds);
  }

  ChallengeHub hub_;
  CountingSubscriber first_;
  CountingSubscriber second_;
  CountingSubscriber third_;
};

TEST_F(ChallengeHubTest, TellsThoseWhomAChangeConcernsAndNobodyElse) {
  hub_.FollowChallenge(first_, "c1");
  hub_.FollowMember(second_, "acme", "ada");
  hub_.FollowMember(third_, "acme", "bob");
  hub_.ChallengesChanged({{"acme", "ada", "c1"}});
  EXPECT_EQ(first_.changes, 1);
  EXPECT_EQ(second_.changes, 1);
  EXPECT_EQ(third_.changes, 0);
  hub_.ChallengesChanged({{"acme", "ada", "c2"}, {"beta", "bob", "c3"}});
  EXPECT_EQ(first_.changes, 1);
  EXPECT_EQ(second_.changes, 2);
  EXPECT_EQ(third_.changes, 0);
}

TEST_F(ChallengeHubTest, TellsWhoFollowsAMemberThatTheMemberChanged) {
  hub_.FollowChallenge(first_, "c1");
  hub_.FollowMember(second_, "acme", "ada");
  hub_.ChallengesChanged({{"acme", "ada", ""}});
  EXPECT_EQ(first_.changes, 0);
  EXPECT_EQ(second_.changes, 1);
}

TEST_F(ChallengeHubTest, TellsAllWhoFollowTheSame) {
  hub_.FollowChallenge(first_, "c1");
  hub_.FollowChallenge(second_, "c1");
  hub_.ChallengesChanged({{"acme", "ada", "c1"}});
  EXPECT_EQ(first_.changes, 1);
  EXPECT_EQ(second_.changes, 1);
  hub_.Remove(first_);
  hub_.ChallengesChanged({{"acme", "ada", "c1"}});
  EXPECT_EQ(first_.changes, 1);
  EXPECT_EQ(second_.changes, 2);
}

TEST_F(ChallengeHubTest, WakesOnceWhenTheTimeHasCome) {
  hub_.WakeAt(first_, At(10));
  hub_.WakeAt(second_, At(20));
  hub_.Tick(At(9));
  EXPECT_EQ(first_.wakes, 0);
  hub_.Tick(At(10));
  EXPECT_EQ(first_.wakes, 1);
  EXPECT_EQ(first_.wake_time, At(10));
  EXPECT_EQ(second_.wakes, 0);
  hub_.Tick(At(30));
  EXPECT_EQ(first_.wakes, 1);
  EXPECT_EQ(second_.wakes, 1);
}

TEST_F(ChallengeHubTest, WakesAtTheTimeThatWasAskedForLast) {
  hub_.WakeAt(first_, At(10));
  hub_.WakeAt(first_, At(20));
  hub_.WakeAt(second_, At(20));
  hub_.WakeAt(second_, At(10));
  hub_.WakeAt(third_, At(10));
  hub_.WakeAt(third_, absl::InfiniteFuture());
  hub_.Tick(At(15));
  EXPECT_EQ(first_.wakes, 0);
  EXPECT_EQ(second_.wakes, 1);
  hub_.Tick(At(25));
  EXPECT_EQ(first_.wakes, 1);
  EXPECT_EQ(second_.wakes, 1);
  EXPECT_EQ(third_.wakes, 0);
}

// Else whoever waits for a time would rest until it comes again.
TEST_F(ChallengeHubTest, WakesWhoWaitsForATimeWhenTheClockGoesBack) {
  hub_.Tick(At(3'600));
  hub_.WakeAt(first_, At(3'605));
  hub_.Tick(At(0));
  EXPECT_EQ(first_.wakes, 1);
  hub_.WakeAt(first_, At(5));
  hub_.Tick(At(1));
  EXPECT_EQ(first_.wakes, 1);
  hub_.Tick(At(5));
  EXPECT_EQ(first_.wakes, 2);
}

TEST_F(ChallengeHubTest, CallsNobodyWhoWasRemoved) {
  std::atomic<bool> stop{false};
  std::thread changes([&] {
    while (!stop) {
      hub_.ChallengesChanged({{"acme", "ada", "c1"}});
      std::this_thread::yield();
    }
  });
  std::thread ticks([&] {
    for (int64_t second = 0; !stop; ++second) {
      hub_.Tick(At(second));
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 100; ++i) {
    CountingSubscriber passing;
    hub_.FollowChallenge(passing, "c1");
    hub_.WakeAt(passing, At(0));
    while (passing.changes == 0) std::this_thread::yield();
    hub_.Remove(passing);
    const int changes_before = passing.changes;
    std::this_thread::yield();
    EXPECT_EQ(passing.changes, changes_before);
  }
  stop = true;
  changes.join();
  ticks.join();
}

}  // namespace
}  // namespace cofactor::services
