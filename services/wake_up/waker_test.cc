#include "services/wake_up/waker.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "cofactor/v1/delivery.pb.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::DeliveryReport;

constexpr std::chrono::seconds kPatience(20);

// Keeps wake-ups, and answers at once or holds the answer back.
class TestGateway final : public WakeUpGateway {
 public:
  explicit TestGateway(std::string name) : name_(std::move(name)) {}

  const std::string& name() const override { return name_; }

  void Send(const WakeUp& wake_up, Done done) override {
    WakeUpOutcome outcome;
    {
      MutexLock lock(mutex_);
      sent_.push_back(wake_up);
      if (holds_) {
        held_.push_back(std::move(done));
        changed_.NotifyAll();
        return;
      }
      outcome = outcome_;
      changed_.NotifyAll();
    }
    std::move(done)(std::move(outcome));
  }

  void Answer(WakeUpVerdict verdict, std::string reason) {
    MutexLock lock(mutex_);
    outcome_ = {verdict, std::move(reason)};
  }
  void Hold() {
    MutexLock lock(mutex_);
    holds_ = true;
  }
  // Ends all that is held.
  void Release(WakeUpVerdict verdict) {
    std::vector<Done> held;
    {
      MutexLock lock(mutex_);
      held.swap(held_);
    }
    for (Done& done : held) std::move(done)({verdict, ""});
  }

  std::vector<WakeUp> WaitForSent(size_t count) {
    MutexLock lock(mutex_);
    while (sent_.size() < count && changed_.WaitFor(mutex_, kPatience)) {
    }
    return sent_;
  }

 private:
  const std::string name_;
  Mutex mutex_;
  CondVar changed_;
  bool holds_ ABSL_GUARDED_BY(mutex_) = false;
  WakeUpOutcome outcome_ ABSL_GUARDED_BY(mutex_) = {WakeUpVerdict::kTaken, ""};
  std::vector<WakeUp> sent_ ABSL_GUARDED_BY(mutex_);
  std::vector<Done> held_ ABSL_GUARDED_BY(mutex_);
};

// What was reported. Outlives the waker.
struct Reports {
  Mutex mutex;
  CondVar changed;
  std::vector<DeliveryReport> all ABSL_GUARDED_BY(mutex);

  std::vector<DeliveryReport> WaitFor(size_t count) {
    MutexLock lock(mutex);
    while (all.size() < count && changed.WaitFor(mutex, kPatience)) {
    }
    return all;
  }
};

class WakerTest : public testing::Test {
 protected:
  WakerTest() { Make({.max_waiting = 4}); }

  void Make(const Waker::Options& options) {
    waker_.reset();
    auto web_push = std::make_unique<TestGateway>("web_push");
    auto fcm = std::make_unique<TestGateway>("fcm");
    web_push_ = web_push.get();
    fcm_ = fcm.get();
    Waker::Gateways gateways;
    gateways[v1::WakeUpAddress::kWebPush] = std::move(web_push);
    gateways[v1::WakeUpAddress::kFcmToken] = std::move(fcm);
    waker_ =
        std::make_unique<Waker>(clock_, options, std::move(gateways),
                                [reports = reports_](DeliveryReport report) {
                                  MutexLock lock(reports->mutex);
                                  reports->all.push_back(std::move(report));
                                  reports->changed.NotifyAll();
                                });
  }

  static v1::WakeUpAddress WebPushAddress() {
    v1::WakeUpAddress address;
    address.mutable_web_push()->set_endpoint("https://push.example/x");
    return address;
  }

  PlannedMessage Planned(const std::string& id, std::string address,
                         const std::string& channel = "wake_up") {
    PlannedMessage planned;
    planned.message.channel = channel;
    planned.message.address = std::move(address);
    planned.message_id = id;
    planned.expire_time = clock_.Now() + absl::Seconds(90);
    return planned;
  }

  void Send(PlannedMessage planned) {
    std::vector<PlannedMessage> messages;
    messages.push_back(std::move(planned));
    waker_->Send(std::move(messages));
  }

  // "ID STATE REASON GATEWAY" of the report of a wake-up by Web Push.
  std::string ReportAfter(WakeUpVerdict verdict, std::string reason) {
    web_push_->Answer(verdict, std::move(reason));
    const size_t before = reports_->WaitFor(0).size();
    Send(Planned("m1", WebPushAddress().SerializeAsString()));
    return Last(before + 1);
  }

  std::string Last(size_t count) {
    const auto all = reports_->WaitFor(count);
    EXPECT_EQ(all.size(), count);
    if (all.empty()) return "";
    return absl::StrCat(all.back().message_id(), " ",
                        v1::DeliveryState_Name(
                            static_cast<v1::DeliveryState>(all.back().state())),
                        " ", all.back().reason(), " ", all.back().gateway());
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const std::shared_ptr<Reports> reports_ = std::make_shared<Reports>();
  TestGateway* web_push_ = nullptr;
  TestGateway* fcm_ = nullptr;
  std::unique_ptr<Waker> waker_;
};

TEST_F(WakerTest, TheGatewayOfTheAddressGetsIt) {
  Send(Planned("m1", WebPushAddress().SerializeAsString()));
  const std::vector<WakeUp> sent = web_push_->WaitForSent(1);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].address.web_push().endpoint(), "https://push.example/x");
  EXPECT_EQ(sent[0].message_id, "m1");
  EXPECT_EQ(sent[0].ttl, absl::Seconds(90));
  EXPECT_EQ(sent[0].deadline, clock_.Now() + absl::Seconds(10));
  EXPECT_EQ(Last(1), "m1 DELIVERY_STATE_SENT  web_push");

  v1::WakeUpAddress address;
  address.set_fcm_token("token");
  Send(Planned("m2", address.SerializeAsString()));
  EXPECT_EQ(Last(2), "m2 DELIVERY_STATE_SENT  fcm");
  EXPECT_EQ(fcm_->WaitForSent(1).size(), 1u);
  EXPECT_EQ(web_push_->WaitForSent(0).size(), 1u);
}

TEST_F(WakerTest, TellsWhatBecameOfIt) {
  EXPECT_EQ(ReportAfter(WakeUpVerdict::kAddressGone, "HTTP 410"),
            "m1 DELIVERY_STATE_FAILED ADDRESS_GONE web_push");
  EXPECT_EQ(ReportAfter(WakeUpVerdict::kRefused, "HTTP 503"),
            "m1 DELIVERY_STATE_FAILED HTTP 503 web_push");
  EXPECT_EQ(ReportAfter(WakeUpVerdict::kMisconfigured, "HTTP 403"),
            "m1 DELIVERY_STATE_FAILED HTTP 403 web_push");
  EXPECT_EQ(ReportAfter(WakeUpVerdict::kNotSent, "no connection"),
            "m1 DELIVERY_STATE_FAILED no connection web_push");
  EXPECT_EQ(ReportAfter(WakeUpVerdict::kUnknown, "the deadline has passed"),
            "m1 DELIVERY_STATE_QUEUED OUTCOME_UNKNOWN web_push");
}

// The engine forgets an address at this word, and at no other.
TEST_F(WakerTest, NoOtherVerdictCanSayThatTheAddressIsGone) {
  for (const WakeUpVerdict verdict :
       {WakeUpVerdict::kTaken, WakeUpVerdict::kRefused, WakeUpVerdict::kNotSent,
        WakeUpVerdict::kMisconfigured, WakeUpVerdict::kUnknown}) {
    const std::string report = ReportAfter(verdict, "HTTP 500");
    EXPECT_EQ(report.find("ADDRESS_GONE"), std::string::npos) << report;
  }
}

TEST_F(WakerTest, WhatCannotBeSentIsTold) {
  Send(Planned("m1", ""));
  EXPECT_EQ(Last(1), "m1 DELIVERY_STATE_FAILED BAD_ADDRESS ");
  Send(Planned("m2", "\xff\xff\xff"));
  EXPECT_EQ(Last(2), "m2 DELIVERY_STATE_FAILED BAD_ADDRESS ");
  v1::WakeUpAddress address;
  address.set_apns_token("00ff");
  Send(Planned("m3", address.SerializeAsString()));
  EXPECT_EQ(Last(3), "m3 DELIVERY_STATE_FAILED NO_GATEWAY ");
  Send(Planned("m4", "+49123456", "sms"));
  EXPECT_EQ(Last(4), "m4 DELIVERY_STATE_FAILED UNKNOWN_CHANNEL ");
  PlannedMessage late = Planned("m5", WebPushAddress().SerializeAsString());
  late.expire_time = clock_.Now();
  Send(std::move(late));
  EXPECT_EQ(Last(5), "m5 DELIVERY_STATE_EXPIRED NOT_SENT_IN_TIME ");
  EXPECT_EQ(web_push_->WaitForSent(0).size(), 0u);
}

TEST_F(WakerTest, TheDeadlineIsNotAfterTheExpiry) {
  PlannedMessage planned = Planned("m1", WebPushAddress().SerializeAsString());
  planned.expire_time = clock_.Now() + absl::Milliseconds(400);
  Send(std::move(planned));
  const std::vector<WakeUp> sent = web_push_->WaitForSent(1);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].deadline, clock_.Now() + absl::Milliseconds(400));
  EXPECT_EQ(sent[0].ttl, absl::Seconds(1));
}

TEST_F(WakerTest, AGatewayThatHangsHoldsUpNeitherTheCallerNorAnother) {
  web_push_->Hold();
  Send(Planned("m1", WebPushAddress().SerializeAsString()));
  Send(Planned("m2", WebPushAddress().SerializeAsString()));
  web_push_->WaitForSent(2);
  v1::WakeUpAddress address;
  address.set_fcm_token("token");
  Send(Planned("m3", address.SerializeAsString()));
  EXPECT_EQ(Last(1), "m3 DELIVERY_STATE_SENT  fcm");
  web_push_->Release(WakeUpVerdict::kTaken);
  EXPECT_EQ(reports_->WaitFor(3).size(), 3u);
}

TEST_F(WakerTest, WhatIsTooMuchIsRefused) {
  web_push_->Hold();
  for (int i = 0; i < 4; ++i) {
    Send(Planned("m", WebPushAddress().SerializeAsString()));
  }
  Send(Planned("m5", WebPushAddress().SerializeAsString()));
  EXPECT_EQ(Last(1), "m5 DELIVERY_STATE_FAILED TOO_MANY_WAITING ");
  web_push_->WaitForSent(4);
  web_push_->Release(WakeUpVerdict::kTaken);
  EXPECT_EQ(reports_->WaitFor(5).size(), 5u);
  web_push_->WaitForSent(4);
  // There is room again.
  Send(Planned("m6", WebPushAddress().SerializeAsString()));
  EXPECT_EQ(web_push_->WaitForSent(5).size(), 5u);
  web_push_->Release(WakeUpVerdict::kTaken);
  EXPECT_EQ(Last(6), "m6 DELIVERY_STATE_SENT  web_push");
}

TEST_F(WakerTest, NothingIsSentAfterShutdown) {
  waker_->Shutdown();
  Send(Planned("m1", WebPushAddress().SerializeAsString()));
  EXPECT_EQ(Last(1), "m1 DELIVERY_STATE_FAILED SHUTTING_DOWN ");
  EXPECT_EQ(web_push_->WaitForSent(0).size(), 0u);
}

TEST_F(WakerTest, ShutdownWaitsNoLongerThanItMayAndNoReportFollows) {
  Make({.max_time = absl::Milliseconds(50)});
  web_push_->Hold();
  Send(Planned("m1", WebPushAddress().SerializeAsString()));
  web_push_->WaitForSent(1);
  waker_->Shutdown();
  web_push_->Release(WakeUpVerdict::kTaken);
  EXPECT_EQ(reports_->WaitFor(0).size(), 0u);
}

}  // namespace
}  // namespace cofactor::services
