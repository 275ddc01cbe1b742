#include "services/messenger/failover.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/messenger/gateway_fixture.h"

namespace cofactor::services {
namespace {

using Breaker = Failover::Breaker;

// What a test holds of a gateway that a Failover owns.
struct Script {
  // Without it, texts wait for Finish.
  std::optional<SmsVerdict> verdict = SmsVerdict::kAccepted;
  std::vector<std::string> texts;
  std::vector<SmsGateway::Done> under_way;
  bool destroyed = false;

  void Finish(const std::string& name, SmsVerdict with) {
    SmsGateway::Done done = std::move(under_way.front());
    under_way.erase(under_way.begin());
    std::move(done)({.verdict = with, .gateway = name});
  }
};

class ScriptedGateway final : public SmsGateway {
 public:
  ScriptedGateway(std::string name, Script& script)
      : name_(std::move(name)), script_(script) {}
  ~ScriptedGateway() override { script_.destroyed = true; }

  const std::string& name() const override { return name_; }

  void Send(const SmsMessage& message, Done done) override {
    script_.texts.emplace_back(message.text.ExposeSecret());
    if (!script_.verdict.has_value()) {
      script_.under_way.push_back(std::move(done));
      return;
    }
    std::move(done)({.verdict = *script_.verdict,
                     .gateway = name_,
                     .reason = absl::StrCat("reason of ", name_)});
    // Still borrowed.
    EXPECT_EQ(message.to, "+4915123456789");
  }

 private:
  const std::string name_;
  Script& script_;
};

class FailoverTest : public testing::Test {
 protected:
  FailoverTest() { Restart({.max_under_way = 2, .failures_to_open = 3}); }

  void Restart(const Failover::Options& options) {
    std::vector<std::unique_ptr<SmsGateway>> gateways;
    gateways.push_back(std::make_unique<ScriptedGateway>("first", first_));
    gateways.push_back(std::make_unique<ScriptedGateway>("second", second_));
    failover_ =
        std::make_unique<Failover>(clock_, options, std::move(gateways));
  }

  // "VERDICT by GATEWAY".
  std::string Send() {
    const SmsOutcome outcome = SendAndAwait(*failover_, TestMessage(clock_));
    return absl::StrCat(VerdictName(outcome.verdict), " by ", outcome.gateway);
  }

  // Starts to send; the outcome comes to outcomes_.
  void Start() {
    failover_->Send(TestMessage(clock_), [this](SmsOutcome outcome) {
      outcomes_.push_back(
          absl::StrCat(VerdictName(outcome.verdict), " by ", outcome.gateway));
    });
  }

  Breaker BreakerOfFirst() { return failover_->GetHealth()[0].breaker; }

  void OpenFirst() {
    first_.verdict = SmsVerdict::kNotSent;
    for (int i = 0; i < 3; ++i) Send();
    ASSERT_EQ(BreakerOfFirst(), Breaker::kOpen);
    first_.texts.clear();
    second_.texts.clear();
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Script first_;
  Script second_;
  std::unique_ptr<Failover> failover_;
  std::vector<std::string> outcomes_;
};

TEST_F(FailoverTest, AsksTheFirstGatewayAlone) {
  EXPECT_EQ(Send(), "accepted by first");
  EXPECT_EQ(first_.texts, std::vector<std::string>{"012345 is your code"});
  EXPECT_TRUE(second_.texts.empty());
}

TEST_F(FailoverTest, GoesOnWhenCertainlyNothingWasSent) {
  for (const SmsVerdict verdict :
       {SmsVerdict::kNotSent, SmsVerdict::kMisconfigured,
        SmsVerdict::kRefusedHere}) {
    first_.verdict = verdict;
    second_.texts.clear();
    EXPECT_EQ(Send(), "accepted by second") << VerdictName(verdict);
    EXPECT_EQ(second_.texts, std::vector<std::string>{"012345 is your code"});
  }
}

TEST_F(FailoverTest, NeverSendsTwice) {
  for (const SmsVerdict verdict :
       {SmsVerdict::kUnknown, SmsVerdict::kAccepted, SmsVerdict::kQueued,
        SmsVerdict::kRefusedForGood}) {
    first_.verdict = verdict;
    EXPECT_EQ(Send(), absl::StrCat(VerdictName(verdict), " by first"));
    EXPECT_TRUE(second_.texts.empty());
  }
}

TEST_F(FailoverTest, EndsWithTheOutcomeThatSaysMost) {
  const struct {
    SmsVerdict first;
    SmsVerdict second;
    const char* outcome;
  } kCases[] = {
      {SmsVerdict::kNotSent, SmsVerdict::kNotSent, "not sent by first"},
      {SmsVerdict::kNotSent, SmsVerdict::kRefusedHere, "not sent by first"},
      {SmsVerdict::kRefusedHere, SmsVerdict::kNotSent, "not sent by second"},
      {SmsVerdict::kRefusedHere, SmsVerdict::kMisconfigured,
       "misconfigured by second"},
      {SmsVerdict::kMisconfigured, SmsVerdict::kRefusedHere,
       "misconfigured by first"},
      {SmsVerdict::kMisconfigured, SmsVerdict::kNotSent, "not sent by second"},
      {SmsVerdict::kRefusedHere, SmsVerdict::kRefusedHere,
       "refused here by first"},
      {SmsVerdict::kRefusedHere, SmsVerdict::kUnknown, "unknown by second"},
      {SmsVerdict::kNotSent, SmsVerdict::kRefusedForGood,
       "refused for good by second"},
  };
  for (const auto& test : kCases) {
    Restart({});
    first_.verdict = test.first;
    second_.verdict = test.second;
    EXPECT_EQ(Send(), test.outcome);
  }
}

TEST_F(FailoverTest, WaitsForAnswersThatComeLater) {
  first_.verdict.reset();
  Start();
  EXPECT_TRUE(outcomes_.empty());
  EXPECT_TRUE(second_.texts.empty());
  first_.Finish("first", SmsVerdict::kNotSent);
  EXPECT_EQ(outcomes_, std::vector<std::string>{"accepted by second"});
}

TEST_F(FailoverTest, LeavesOutAGatewayThatFailsAgainAndAgain) {
  for (const SmsVerdict verdict :
       {SmsVerdict::kNotSent, SmsVerdict::kMisconfigured,
        SmsVerdict::kUnknown}) {
    Restart({.failures_to_open = 3});
    first_.texts.clear();
    first_.verdict = verdict;
    Send();
    Send();
    EXPECT_EQ(BreakerOfFirst(), Breaker::kClosed);
    Send();
    EXPECT_EQ(BreakerOfFirst(), Breaker::kOpen);
    EXPECT_EQ(failover_->GetHealth()[0].failures_in_a_row, 3);
    EXPECT_EQ(Send(), "accepted by second");
    EXPECT_EQ(first_.texts.size(), 3u) << VerdictName(verdict);
    EXPECT_EQ(failover_->GetHealth()[1].breaker, Breaker::kClosed);
  }
}

TEST_F(FailoverTest, TakesARefusedNumberForNoFailureOfTheGateway) {
  for (const SmsVerdict verdict :
       {SmsVerdict::kRefusedHere, SmsVerdict::kRefusedForGood,
        SmsVerdict::kQueued}) {
    Restart({.failures_to_open = 3});
    first_.verdict = verdict;
    for (int i = 0; i < 10; ++i) Send();
    EXPECT_EQ(BreakerOfFirst(), Breaker::kClosed) << VerdictName(verdict);
  }
}

TEST_F(FailoverTest, CountsFailuresInARowOnly) {
  for (int i = 0; i < 10; ++i) {
    first_.verdict = SmsVerdict::kUnknown;
    Send();
    Send();
    first_.verdict = SmsVerdict::kAccepted;
    Send();
  }
  EXPECT_EQ(BreakerOfFirst(), Breaker::kClosed);
}

TEST_F(FailoverTest, TriesAgainWithOneTextAfterAWhile) {
  OpenFirst();
  clock_.Advance(absl::Seconds(30) - absl::Nanoseconds(1));
  EXPECT_EQ(Send(), "accepted by second");
  EXPECT_TRUE(first_.texts.empty());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(BreakerOfFirst(), Breaker::kHalfOpen);
  first_.verdict.reset();
  Start();
  EXPECT_EQ(first_.texts.size(), 1u);
  // The trial is under way: others do not wait for it.
  EXPECT_EQ(Send(), "accepted by second");
  EXPECT_EQ(first_.texts.size(), 1u);
  first_.Finish("first", SmsVerdict::kAccepted);
  EXPECT_EQ(outcomes_, std::vector<std::string>{"accepted by first"});
  EXPECT_EQ(BreakerOfFirst(), Breaker::kClosed);
  first_.verdict = SmsVerdict::kAccepted;
  EXPECT_EQ(Send(), "accepted by first");
}

TEST_F(FailoverTest, LeavesOutAGatewayWhoseTrialFailed) {
  OpenFirst();
  clock_.Advance(absl::Seconds(30));
  EXPECT_EQ(Send(), "accepted by second");
  EXPECT_EQ(first_.texts.size(), 1u);
  EXPECT_EQ(BreakerOfFirst(), Breaker::kOpen);
  clock_.Advance(absl::Seconds(29));
  Send();
  EXPECT_EQ(first_.texts.size(), 1u);
  clock_.Advance(absl::Seconds(1));
  Send();
  EXPECT_EQ(first_.texts.size(), 2u);
}

TEST_F(FailoverTest, DoesNotLetALateFailureStartASecondTrial) {
  first_.verdict.reset();
  Start();
  OpenFirst();
  clock_.Advance(absl::Seconds(30));
  first_.verdict.reset();
  Start();
  EXPECT_EQ(first_.texts.size(), 1u);
  first_.Finish("first", SmsVerdict::kUnknown);
  clock_.Advance(absl::Seconds(30));
  EXPECT_EQ(Send(), "accepted by second");
  EXPECT_EQ(first_.texts.size(), 1u);
  first_.Finish("first", SmsVerdict::kAccepted);
}

TEST_F(FailoverTest, IsNotOpenForLongerWhenTheClockIsSetBack) {
  OpenFirst();
  clock_.Advance(-absl::Hours(24));
  EXPECT_EQ(BreakerOfFirst(), Breaker::kHalfOpen);
}

TEST_F(FailoverTest, SaysSoWhenAllAreLeftOut) {
  second_.verdict = SmsVerdict::kNotSent;
  OpenFirst();
  const SmsOutcome outcome = SendAndAwait(*failover_, TestMessage(clock_));
  EXPECT_EQ(outcome.verdict, SmsVerdict::kNotSent);
  EXPECT_EQ(outcome.reason, "it failed too often");
  EXPECT_TRUE(second_.texts.empty());
}

TEST_F(FailoverTest, BoundsTheTextsUnderWayAtEachGateway) {
  first_.verdict.reset();
  second_.verdict.reset();
  Start();
  Start();
  EXPECT_EQ(failover_->GetHealth()[0].under_way, 2u);
  Start();
  Start();
  EXPECT_EQ(first_.texts.size(), 2u);
  EXPECT_EQ(second_.texts.size(), 2u);
  EXPECT_EQ(Send(), "not sent by first");
  first_.Finish("first", SmsVerdict::kAccepted);
  EXPECT_EQ(failover_->GetHealth()[0].under_way, 1u);
  Start();
  EXPECT_EQ(first_.texts.size(), 3u);
  while (!first_.under_way.empty()) {
    first_.Finish("first", SmsVerdict::kAccepted);
  }
  while (!second_.under_way.empty()) {
    second_.Finish("second", SmsVerdict::kAccepted);
  }
  EXPECT_EQ(outcomes_.size(), 5u);
  EXPECT_EQ(failover_->GetHealth()[0].under_way, 0u);
}

TEST_F(FailoverTest, AsksNobodyWithTooLittleTime) {
  SmsMessage message = TestMessage(clock_);
  message.deadline = clock_.Now() + absl::Milliseconds(999);
  const SmsOutcome outcome = SendAndAwait(*failover_, message);
  EXPECT_EQ(outcome.verdict, SmsVerdict::kNotSent);
  EXPECT_EQ(outcome.gateway, "failover");
  EXPECT_EQ(outcome.reason, "too little time is left");
  EXPECT_TRUE(first_.texts.empty());
  message.deadline = clock_.Now() + absl::Seconds(1);
  EXPECT_EQ(SendAndAwait(*failover_, message).verdict, SmsVerdict::kAccepted);
}

TEST_F(FailoverTest, AsksNoSecondGatewayAfterTheDeadline) {
  first_.verdict.reset();
  Start();
  clock_.Advance(absl::Minutes(2));
  first_.Finish("first", SmsVerdict::kRefusedHere);
  EXPECT_EQ(outcomes_, std::vector<std::string>{"not sent by failover"});
  EXPECT_TRUE(second_.texts.empty());
}

TEST_F(FailoverTest, ItsGatewaysOutliveItWithTextsUnderWay) {
  first_.verdict.reset();
  Start();
  failover_.reset();
  EXPECT_FALSE(first_.destroyed);
  first_.Finish("first", SmsVerdict::kNotSent);
  EXPECT_EQ(outcomes_, std::vector<std::string>{"accepted by second"});
  EXPECT_TRUE(first_.destroyed);
  EXPECT_TRUE(second_.destroyed);
}

TEST_F(FailoverTest, SaysSoIfThereIsNoGateway) {
  failover_ = std::make_unique<Failover>(
      clock_, Failover::Options{}, std::vector<std::unique_ptr<SmsGateway>>());
  EXPECT_EQ(Send(), "not sent by failover");
}

}  // namespace
}  // namespace cofactor::services
