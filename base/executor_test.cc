#include "base/executor.h"

#include <atomic>
#include <future>
#include <memory>

#include "gtest/gtest.h"

namespace cofactor {
namespace {

TEST(ThreadPoolTest, RunsAllThatWasTakenBeforeItEnds) {
  std::atomic<int> runs{0};
  {
    ThreadPool pool(2, 1000);
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(pool.TrySchedule([&runs] { ++runs; }));
    }
  }
  EXPECT_EQ(runs, 1000);
}

TEST(ThreadPoolTest, RefusesNewWorkWhenFullAndStillContinuesOldWork) {
  std::promise<void> started;
  std::promise<void> gate;
  std::atomic<int> runs{0};
  {
    ThreadPool pool(1, 2);
    ASSERT_TRUE(pool.TrySchedule([&] {
      started.set_value();
      gate.get_future().wait();
    }));
    started.get_future().wait();
    EXPECT_TRUE(pool.TrySchedule([&runs] { ++runs; }));
    EXPECT_TRUE(pool.TrySchedule([&runs] { ++runs; }));
    EXPECT_FALSE(pool.TrySchedule([&runs] { runs += 100; }));
    pool.Continue([&runs] { ++runs; });
    gate.set_value();
  }
  EXPECT_EQ(runs, 3);
}

TEST(ThreadPoolTest, DropsWhatATaskHoldsBeforeTheNextTask) {
  ThreadPool pool(1, 10);
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> watch = held;
  ASSERT_TRUE(pool.TrySchedule([held = std::move(held)] {}));
  std::promise<bool> expired;
  ASSERT_TRUE(pool.TrySchedule([&] { expired.set_value(watch.expired()); }));
  EXPECT_TRUE(expired.get_future().get());
}

}  // namespace
}  // namespace cofactor
