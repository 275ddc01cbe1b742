#include "services/messenger/messenger.h"

#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/stopwatch.h"
#include "cofactor/v1/delivery.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/messenger/notice_texts.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::DeliveryReport;
using ::testing::ElementsAre;

constexpr std::chrono::seconds kPatience(20);

// Waits under the mutex until the condition holds.
template <typename Condition>
bool Await(CondVar& changed, Mutex& mutex, const Condition& condition)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
  while (!condition()) {
    if (!changed.WaitFor(mutex, kPatience)) return condition();
  }
  return true;
}

// Keeps what it is handed until it is told the outcome. Thread-safe.
class HeldGateway final : public SmsGateway {
 public:
  const std::string& name() const override { return name_; }

  void Send(const SmsMessage& message, Done done) override {
    MutexLock lock(mutex_);
    messages_.push_back(message.Clone());
    held_.push_back(std::move(done));
    changed_.NotifyAll();
    // Not for others' sake: so that a test sees who waits for a gateway.
    Await(changed_, mutex_,
          [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !blocked_; });
  }

  // Waits until it was handed so many, and returns their ids.
  std::vector<std::string> WaitForMessages(size_t count) {
    MutexLock lock(mutex_);
    Await(changed_, mutex_, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return messages_.size() >= count;
    });
    std::vector<std::string> ids;
    for (const SmsMessage& message : messages_) {
      ids.push_back(message.message_id);
    }
    return ids;
  }

  SmsMessage Last() {
    MutexLock lock(mutex_);
    return messages_.back().Clone();
  }

  // Tells the outcome of the oldest that is held.
  void Complete(SmsOutcome outcome) {
    Done done;
    {
      MutexLock lock(mutex_);
      Await(changed_, mutex_,
            [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !held_.empty(); });
      done = std::move(held_.front());
      held_.pop_front();
    }
    std::move(done)(std::move(outcome));
  }

  void SetBlocked(bool blocked) {
    MutexLock lock(mutex_);
    blocked_ = blocked;
    changed_.NotifyAll();
  }

 private:
  const std::string name_ = "held";
  Mutex mutex_;
  CondVar changed_;
  std::vector<SmsMessage> messages_ ABSL_GUARDED_BY(mutex_);
  std::deque<Done> held_ ABSL_GUARDED_BY(mutex_);
  bool blocked_ ABSL_GUARDED_BY(mutex_) = false;
};

// "id STATE reason gateway".
std::string Line(const DeliveryReport& report) {
  absl::string_view state =
      v1::DeliveryState_Name(static_cast<v1::DeliveryState>(report.state()));
  state.remove_prefix(sizeof("DELIVERY_STATE_") - 1);
  return absl::StrCat(report.message_id(), " ", state, " ", report.reason(),
                      " ", report.gateway());
}

class MessengerTest : public testing::Test {
 protected:
  void Start(const Messenger::Options& options) {
    auto gateway = std::make_unique<HeldGateway>();
    gateway_ = gateway.get();
    messenger_ = std::make_unique<Messenger>(
        clock_, options, CodeTexts({{"en", "Use {code}."}}, ""),
        std::move(gateway), [this](const DeliveryReport& report) {
          MutexLock lock(mutex_);
          reports_.push_back(Line(report));
          changed_.NotifyAll();
        });
  }

  PlannedMessage Message(const std::string& id) {
    return {{"sms", "+4915123456789", Secret(absl::string_view("012345"))},
            id,
            "acme",
            clock_.Now() + absl::Minutes(10)};
  }

  void Send(const std::string& id) {
    std::vector<PlannedMessage> messages;
    messages.push_back(Message(id));
    messenger_->Send(std::move(messages));
  }

  // Waits until there were so many, and returns all.
  std::vector<std::string> WaitForReports(size_t count) {
    MutexLock lock(mutex_);
    Await(changed_, mutex_, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return reports_.size() >= count;
    });
    return reports_;
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> reports_ ABSL_GUARDED_BY(mutex_);
  HeldGateway* gateway_ = nullptr;
  std::unique_ptr<Messenger> messenger_;
};

TEST_F(MessengerTest, HandsOverTheTextAndItsTimes) {
  Start({});
  Send("a");
  EXPECT_THAT(gateway_->WaitForMessages(1), ElementsAre("a"));
  const SmsMessage message = gateway_->Last();
  EXPECT_EQ(message.to, "+4915123456789");
  EXPECT_EQ(message.text.ExposeSecret(), "Use 012345.");
  EXPECT_EQ(message.validity, absl::Minutes(10));
  EXPECT_EQ(message.deadline, clock_.Now() + absl::Seconds(30));
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
}

TEST_F(MessengerTest, WritesNoticesInTheLanguageOfTheNumber) {
  Start({});
  std::vector<PlannedMessage> messages;
  messages.push_back(Message("a"));
  messages.back().message.code = Secret();
  messages.back().notice = NoticeKind::kRecoveryCodeUsed;
  messenger_->Send(std::move(messages));
  gateway_->WaitForMessages(1);
  EXPECT_EQ(gateway_->Last().text.ExposeSecret(),
            NoticeText(NoticeKind::kRecoveryCodeUsed, "en", "acme"));
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
}

TEST_F(MessengerTest, GivesNoGatewayLongerThanTheCodeIsGoodFor) {
  Start({.max_time = absl::Hours(1)});
  Send("a");
  gateway_->WaitForMessages(1);
  EXPECT_EQ(gateway_->Last().deadline, clock_.Now() + absl::Minutes(10));
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
}

TEST_F(MessengerTest, ReportsEachVerdict) {
  Start({});
  const std::vector<std::pair<SmsVerdict, std::string>> expected = {
      {SmsVerdict::kAccepted, "a SENT  g"},
      {SmsVerdict::kQueued, "a QUEUED why g"},
      {SmsVerdict::kRefusedForGood, "a FAILED why g"},
      {SmsVerdict::kRefusedHere, "a FAILED why g"},
      {SmsVerdict::kNotSent, "a FAILED why g"},
      {SmsVerdict::kMisconfigured, "a FAILED why g"},
      {SmsVerdict::kUnknown, "a QUEUED OUTCOME_UNKNOWN g"},
  };
  size_t reports = 0;
  for (const auto& [verdict, line] : expected) {
    Send("a");
    gateway_->Complete({.verdict = verdict, .gateway = "g", .reason = "why"});
    EXPECT_EQ(WaitForReports(++reports).back(), line);
  }
  // One of each, whatever became of it.
  EXPECT_EQ(gateway_->WaitForMessages(0).size(), expected.size());
}

TEST_F(MessengerTest, KeepsTheOrder) {
  Start({.max_under_way = 1});
  std::vector<PlannedMessage> messages;
  messages.push_back(Message("a"));
  messages.push_back(Message("b"));
  messenger_->Send(std::move(messages));
  Send("c");
  for (int i = 0; i < 3; ++i) {
    gateway_->Complete({.verdict = SmsVerdict::kAccepted});
  }
  EXPECT_THAT(gateway_->WaitForMessages(3), ElementsAre("a", "b", "c"));
  EXPECT_THAT(WaitForReports(3),
              ElementsAre("a SENT  ", "b SENT  ", "c SENT  "));
}

TEST_F(MessengerTest, HasNoMoreUnderWayThanItMay) {
  Start({.max_under_way = 2});
  for (const char* id : {"a", "b", "c"}) Send(id);
  EXPECT_THAT(gateway_->WaitForMessages(2), ElementsAre("a", "b"));
  // Its dispatcher has been there: with the bound gone it would hand over "c".
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
  EXPECT_THAT(gateway_->WaitForMessages(3), ElementsAre("a", "b", "c"));
  Send("d");
  Send("e");
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
  EXPECT_THAT(gateway_->WaitForMessages(4), ElementsAre("a", "b", "c", "d"));
  for (int i = 0; i < 3; ++i) {
    gateway_->Complete({.verdict = SmsVerdict::kAccepted});
  }
  WaitForReports(5);
}

TEST_F(MessengerTest, RefusesWhatWouldWaitBehindTooMany) {
  Start({.max_under_way = 1, .max_waiting = 2});
  for (const char* id : {"a", "b", "c", "d"}) Send(id);
  EXPECT_THAT(WaitForReports(1), ElementsAre("d FAILED TOO_MANY_WAITING "));
  for (int i = 0; i < 3; ++i) {
    gateway_->Complete({.verdict = SmsVerdict::kAccepted});
  }
  // Room again, and nothing of "d" was kept.
  WaitForReports(4);
  Send("e");
  EXPECT_THAT(gateway_->WaitForMessages(4), ElementsAre("a", "b", "c", "e"));
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
}

TEST_F(MessengerTest, SendsNothingThatHasExpired) {
  Start({.max_under_way = 1});
  Send("a");
  gateway_->WaitForMessages(1);
  Send("b");
  clock_.Advance(absl::Minutes(10));
  Send("c");
  gateway_->Complete({.verdict = SmsVerdict::kNotSent, .gateway = "g"});
  EXPECT_THAT(gateway_->WaitForMessages(2), ElementsAre("a", "c"));
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
  EXPECT_THAT(WaitForReports(3),
              ElementsAre("a EXPIRED NOT_SENT_IN_TIME g",
                          "b EXPIRED NOT_SENT_IN_TIME ", "c SENT  "));
}

TEST_F(MessengerTest, KnowsNoOtherChannel) {
  Start({});
  std::vector<PlannedMessage> messages;
  messages.push_back(Message("a"));
  messages.back().message.channel = "voice";
  messenger_->Send(std::move(messages));
  EXPECT_THAT(WaitForReports(1), ElementsAre("a FAILED UNKNOWN_CHANNEL "));
  EXPECT_TRUE(gateway_->WaitForMessages(0).empty());
}

TEST_F(MessengerTest, DoesNotHoldUpWhoBringsMessages) {
  Start({});
  gateway_->SetBlocked(true);
  const Stopwatch stopwatch;
  Send("a");
  Send("b");
  EXPECT_LT(stopwatch.Elapsed(), absl::Seconds(10));
  gateway_->SetBlocked(false);
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
  EXPECT_EQ(WaitForReports(2).size(), 2u);
}

TEST_F(MessengerTest, ShutsDownOnceWhatIsUnderWayHasEnded) {
  Start({.max_under_way = 1});
  Send("a");
  gateway_->WaitForMessages(1);
  Send("b");
  std::future<void> ended =
      std::async(std::launch::async, [this] { messenger_->Shutdown(); });
  EXPECT_THAT(WaitForReports(1), ElementsAre("b FAILED SHUTTING_DOWN "));
  EXPECT_EQ(ended.wait_for(std::chrono::milliseconds(100)),
            std::future_status::timeout);
  Send("c");
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
  ASSERT_EQ(ended.wait_for(kPatience), std::future_status::ready);
  EXPECT_THAT(WaitForReports(0),
              ElementsAre("b FAILED SHUTTING_DOWN ", "c FAILED SHUTTING_DOWN ",
                          "a SENT  "));
  EXPECT_THAT(gateway_->WaitForMessages(0), ElementsAre("a"));
}

TEST_F(MessengerTest, WaitsNoLongerThanItsDeadline) {
  Start({.max_time = absl::Milliseconds(20)});
  Send("a");
  gateway_->WaitForMessages(1);
  messenger_->Shutdown();
  EXPECT_TRUE(WaitForReports(0).empty());
  // Too late, and harmless.
  gateway_->Complete({.verdict = SmsVerdict::kAccepted});
  EXPECT_TRUE(WaitForReports(0).empty());
}

}  // namespace
}  // namespace cofactor::services
