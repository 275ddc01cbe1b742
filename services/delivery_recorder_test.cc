#include "services/delivery_recorder.h"

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/randomness.h"
#include "cofactor/v1/challenge.pb.h"
#include "cofactor/v1/delivery.pb.h"
#include "gtest/gtest.h"
#include "services/engine/audit_log.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "storage/memory/memory_store.h"
#include "tests/doubles/held_store.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ChallengeRecord;
using ::cofactor::record::v1::DeliveryReport;
using ::cofactor::record::v1::MessageRecord;

// Runs at once, or takes no new work.
class BusyExecutor final : public Executor {
 public:
  bool TrySchedule(Task task) override {
    if (is_full) return false;
    std::move(task)();
    return true;
  }
  void Continue(Task task) override { std::move(task)(); }

  bool is_full = false;
};

class DeliveryRecorderTest : public testing::Test {
 protected:
  DeliveryRecorderTest() {
    const auto snapshot = store_.GetSnapshot();
    const Caller caller = Caller::Server();
    Plan plan(*snapshot, clock_.Now(), caller);
    MessageRecord message;
    message.set_version(1);
    message.set_challenge_id("c");
    plan.Write(MessageKey("m"), message);
    ChallengeRecord challenge;
    challenge.set_version(1);
    challenge.set_challenge_id("c");
    challenge.set_expire_micros(
        absl::ToUnixMicros(clock_.Now() + absl::Minutes(10)));
    challenge.mutable_delivery()->set_message_id("m");
    challenge.mutable_delivery()->set_state(v1::DELIVERY_STATE_QUEUED);
    plan.Write(ChallengeKey("c"), challenge);
    absl::Status committed = absl::UnknownError("");
    store_.Commit(plan.TakeTransaction(), [&committed](absl::Status status) {
      committed = std::move(status);
    });
    EXPECT_TRUE(committed.ok()) << committed;
  }

  static DeliveryReport Report(v1::DeliveryState state) {
    DeliveryReport report;
    report.set_message_id("m");
    report.set_state(state);
    return report;
  }

  uint32_t State() {
    const auto snapshot = store_.GetSnapshot();
    const Caller caller = Caller::Server();
    Plan plan(*snapshot, clock_.Now(), caller);
    const auto challenge = plan.Read<ChallengeRecord>(ChallengeKey("c"));
    EXPECT_TRUE(challenge.ok()) << challenge.status();
    return challenge.ok() ? challenge->record.delivery().state() : 0;
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SeededRandomness randomness_{1};
  std::string lines_;
  std::unique_ptr<Log> log_ = std::make_unique<Log>(
      clock_, Log::Options(), [this](absl::string_view line) {
        lines_.append(line.data(), line.size());
        return true;
      });
  HeldStore store_{std::make_unique<storage::MemoryStore>(clock_)};
  BusyExecutor executor_;
  const AuditLog audit_log_{randomness_, absl::Hours(1)};
  MutationRunner runner_{store_,     executor_, clock_,
                         audit_log_, nullptr,   nullptr};
  DeliveryRecorder recorder_{*log_};
};

TEST_F(DeliveryRecorderTest, WritesDownWhatItIsTold) {
  recorder_.Open(runner_, executor_);
  recorder_.Record(Report(v1::DELIVERY_STATE_SENT));
  EXPECT_EQ(State(), v1::DELIVERY_STATE_SENT);
  EXPECT_TRUE(recorder_.TryRecord(Report(v1::DELIVERY_STATE_DELIVERED)));
  EXPECT_EQ(State(), v1::DELIVERY_STATE_DELIVERED);
}

TEST_F(DeliveryRecorderTest, TakesItsOwnReportsHoweverMuchWaits) {
  recorder_.Open(runner_, executor_);
  executor_.is_full = true;
  EXPECT_FALSE(recorder_.TryRecord(Report(v1::DELIVERY_STATE_DELIVERED)));
  EXPECT_EQ(State(), v1::DELIVERY_STATE_QUEUED);
  recorder_.Record(Report(v1::DELIVERY_STATE_SENT));
  EXPECT_EQ(State(), v1::DELIVERY_STATE_SENT);
  // Nothing of the refused one is waited for.
  recorder_.Close();
}

TEST_F(DeliveryRecorderTest, TakesNothingWhileItIsNotOpen) {
  EXPECT_FALSE(recorder_.TryRecord(Report(v1::DELIVERY_STATE_SENT)));
  recorder_.Open(runner_, executor_);
  recorder_.Close();
  EXPECT_FALSE(recorder_.TryRecord(Report(v1::DELIVERY_STATE_SENT)));
  recorder_.Record(Report(v1::DELIVERY_STATE_SENT));
  EXPECT_EQ(State(), v1::DELIVERY_STATE_QUEUED);
  log_.reset();
  EXPECT_NE(lines_.find("delivery_not_recorded"), std::string::npos);
}

TEST_F(DeliveryRecorderTest, ClosesOnceAllIsOnDisk) {
  recorder_.Open(runner_, executor_);
  store_.Hold();
  recorder_.Record(Report(v1::DELIVERY_STATE_SENT));
  store_.WaitUntilHeld(1);
  std::future<void> closed =
      std::async(std::launch::async, [this] { recorder_.Close(); });
  EXPECT_EQ(closed.wait_for(std::chrono::milliseconds(100)),
            std::future_status::timeout);
  store_.Release();
  ASSERT_EQ(closed.wait_for(std::chrono::seconds(20)),
            std::future_status::ready);
  EXPECT_EQ(State(), v1::DELIVERY_STATE_SENT);
}

TEST_F(DeliveryRecorderTest, MakesNoFussAboutAMessageThatIsGone) {
  recorder_.Open(runner_, executor_);
  DeliveryReport report = Report(v1::DELIVERY_STATE_SENT);
  report.set_message_id("another");
  recorder_.Record(std::move(report));
  log_.reset();
  EXPECT_EQ(lines_, "");
}

}  // namespace
}  // namespace cofactor::services
