#include "services/wake_up/web_push_gateway.h"

#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/messenger/test_http_server.h"
#include "services/wake_up/web_push_receiver.h"

namespace cofactor::services {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Act = TestHttpServer::Act;

class WebPushGatewayTest : public testing::Test {
 protected:
  WebPushGatewayTest() { Make(/*allow_loopback=*/true); }

  void Make(bool allow_loopback) {
    gateway_.reset();
    auto http = HttpClient::Create(clock_, {.threads = 2, .max_waiting = 2});
    EXPECT_TRUE(http.ok()) << http.status();
    http_ = *std::move(http);
    auto key = JwsSigner::GenerateEs256();
    EXPECT_TRUE(key.ok());
    auto vapid = Vapid::Create(clock_, *std::move(key), "mailto:a@b.example");
    EXPECT_TRUE(vapid.ok());
    auto hosts = AllowedHosts::Create({"push.example"});
    EXPECT_TRUE(hosts.ok());
    gateway_ = std::make_unique<WebPushGateway>(
        clock_, randomness_, *http_, *std::move(vapid),
        WebPushGateway::Options{.policy = {.hosts = *std::move(hosts),
                                           .allow_loopback = allow_loopback}});
  }

  WakeUp WakeUpFor(const std::string& endpoint) {
    WakeUp wake_up{.message_id = "0123456789abcdef",
                   .ttl = absl::Seconds(90.7),
                   .deadline = clock_.Now() + absl::Minutes(1)};
    v1::WebPushSubscription& subscription = *wake_up.address.mutable_web_push();
    subscription.set_endpoint(endpoint);
    subscription.set_p256dh(receiver_.p256dh());
    subscription.set_auth(receiver_.auth());
    return wake_up;
  }

  WakeUpOutcome Send(const WakeUp& wake_up) {
    auto promise = std::make_shared<std::promise<WakeUpOutcome>>();
    std::future<WakeUpOutcome> outcome = promise->get_future();
    gateway_->Send(wake_up, [promise](WakeUpOutcome result) {
      promise->set_value(std::move(result));
    });
    if (outcome.wait_for(std::chrono::seconds(30)) !=
        std::future_status::ready) {
      ADD_FAILURE() << "no outcome";
      std::abort();
    }
    return outcome.get();
  }

  WakeUpOutcome SendWith(TestHttpServer::Step step) {
    server_.Then(std::move(step));
    return Send(WakeUpFor(server_.url() + "/device/secret"));
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SystemRandomness randomness_;
  TestHttpServer server_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<WebPushGateway> gateway_;
  const WebPushReceiver receiver_;
};

TEST_F(WebPushGatewayTest, ADeviceIsToldThatAChallengeWaitsAndNoMore) {
  EXPECT_EQ(SendWith(TestHttpServer::Answer(201, "")).verdict,
            WakeUpVerdict::kTaken);
  const std::vector<std::string> requests = server_.WaitForRequests(1);
  ASSERT_EQ(requests.size(), 1u);
  const std::vector<std::string> parts =
      absl::StrSplit(requests[0], absl::MaxSplits("\r\n\r\n", 1));
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_THAT(parts[0], HasSubstr("POST /device/secret HTTP/1.1\r\n"));
  EXPECT_THAT(parts[0], HasSubstr("\r\nTTL: 90\r\n"));
  EXPECT_THAT(parts[0], HasSubstr("\r\nUrgency: high\r\n"));
  EXPECT_THAT(parts[0], HasSubstr("\r\nTopic: cofactor\r\n"));
  EXPECT_THAT(parts[0], HasSubstr("\r\nContent-Encoding: aes128gcm\r\n"));
  EXPECT_THAT(parts[0], HasSubstr("\r\nAuthorization: vapid t="));
  EXPECT_THAT(parts[0], HasSubstr(", k=" + gateway_->public_key()));
  EXPECT_EQ(receiver_.Open(parts[1]), R"({"cofactor":"challenge"})");
  // Head, padded text with its end, tag.
  EXPECT_EQ(parts[1].size(), 86u + 128 + 1 + 16);
  EXPECT_THAT(requests[0], Not(HasSubstr("0123456789abcdef")));
}

TEST_F(WebPushGatewayTest, TheStatusSaysWhatBecameOfIt) {
  const std::vector<std::pair<int, WakeUpVerdict>> expected = {
      {200, WakeUpVerdict::kTaken},
      {201, WakeUpVerdict::kTaken},
      {202, WakeUpVerdict::kTaken},
      {204, WakeUpVerdict::kTaken},
      {404, WakeUpVerdict::kAddressGone},
      {410, WakeUpVerdict::kAddressGone},
      {400, WakeUpVerdict::kMisconfigured},
      {401, WakeUpVerdict::kMisconfigured},
      {403, WakeUpVerdict::kMisconfigured},
      {405, WakeUpVerdict::kRefused},
      {408, WakeUpVerdict::kRefused},
      {413, WakeUpVerdict::kRefused},
      {429, WakeUpVerdict::kRefused},
      {500, WakeUpVerdict::kRefused},
      {502, WakeUpVerdict::kRefused},
      {503, WakeUpVerdict::kRefused},
      {999, WakeUpVerdict::kUnknown},
  };
  for (const auto& [status, verdict] : expected) {
    const WakeUpOutcome outcome =
        SendWith(TestHttpServer::Answer(status, "the body is not repeated"));
    EXPECT_EQ(outcome.verdict, verdict) << status;
    EXPECT_EQ(outcome.reason, verdict == WakeUpVerdict::kTaken
                                  ? ""
                                  : absl::StrCat("HTTP ", status));
  }
}

TEST_F(WebPushGatewayTest, RedirectsAreNotFollowed) {
  TestHttpServer elsewhere;
  elsewhere.Then(TestHttpServer::Answer(410, ""));
  for (const int status : {301, 302, 303, 307, 308}) {
    EXPECT_EQ(
        SendWith({.bytes = absl::StrCat("HTTP/1.1 ", status,
                                        " Moved\r\nLocation: ", elsewhere.url(),
                                        "/x\r\nContent-Length: 0\r\n\r\n")})
            .verdict,
        WakeUpVerdict::kRefused);
  }
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST_F(WebPushGatewayTest, RetryAfterChangesNothing) {
  for (const absl::string_view after :
       {"0", "-1", "99999999999999999999", "banana", ""}) {
    EXPECT_EQ(SendWith({.bytes = absl::StrCat(
                            "HTTP/1.1 429 Slow\r\nRetry-After: ", after,
                            "\r\nContent-Length: 0\r\n\r\n")})
                  .verdict,
              WakeUpVerdict::kRefused);
  }
  EXPECT_EQ(server_.connections(), 5);
}

TEST_F(WebPushGatewayTest, WhatIsNotAnsweredIsUnknownAndNotSentAgain) {
  EXPECT_EQ(SendWith({.act = Act::kReset}).verdict, WakeUpVerdict::kUnknown);
  EXPECT_EQ(SendWith({.bytes = ""}).verdict, WakeUpVerdict::kUnknown);
  EXPECT_EQ(SendWith({.bytes = "banana\r\n\r\n"}).verdict,
            WakeUpVerdict::kUnknown);
  server_.Then({.act = Act::kHold});
  WakeUp wake_up = WakeUpFor(server_.url() + "/x");
  wake_up.deadline = clock_.Now() + absl::Milliseconds(300);
  EXPECT_EQ(Send(wake_up).verdict, WakeUpVerdict::kUnknown);
  EXPECT_EQ(server_.connections(), 4);
}

TEST_F(WebPushGatewayTest, WhatCannotBeReachedIsNotSent) {
  std::string closed;
  {
    const TestHttpServer gone;
    closed = gone.url();
  }
  EXPECT_EQ(Send(WakeUpFor(closed + "/x")).verdict, WakeUpVerdict::kNotSent);
  WakeUp late = WakeUpFor(server_.url() + "/x");
  late.deadline = clock_.Now();
  EXPECT_EQ(Send(late).verdict, WakeUpVerdict::kNotSent);
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(WebPushGatewayTest, HostsThatAreNotAllowedAreNotCalled) {
  Make(/*allow_loopback=*/false);
  const std::string port = absl::StrCat(server_.port());
  for (const std::string& endpoint :
       {server_.url() + "/x", "https://127.0.0.1:" + port + "/x",
        "https://push.example@127.0.0.1:" + port + "/x",
        std::string("https://evil.example@push.example/x"),
        std::string("http://169.254.169.254/x"),
        std::string("https://push.example.evil/x"),
        "https://[::ffff:127.0.0.1]:" + port + "/x",
        "https://push.example:" + port + "/x", std::string("banana")}) {
    const WakeUpOutcome outcome = Send(WakeUpFor(endpoint));
    EXPECT_EQ(outcome.verdict, WakeUpVerdict::kNotSent) << endpoint;
    EXPECT_TRUE(absl::StartsWith(outcome.reason, "BAD_ADDRESS: the endpoint"))
        << outcome.reason;
  }
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(WebPushGatewayTest, WhatIsNoSubscriptionIsNotSent) {
  WakeUp wake_up = WakeUpFor(server_.url() + "/x");
  wake_up.address.mutable_web_push()->set_p256dh(std::string(65, '\x04'));
  EXPECT_EQ(Send(wake_up).verdict, WakeUpVerdict::kNotSent);
  wake_up = WakeUpFor(server_.url() + "/x");
  wake_up.address.mutable_web_push()->set_auth("");
  EXPECT_EQ(Send(wake_up).verdict, WakeUpVerdict::kNotSent);
  wake_up.address.set_fcm_token("token");
  EXPECT_EQ(Send(wake_up).verdict, WakeUpVerdict::kNotSent);
  wake_up.address.Clear();
  EXPECT_EQ(Send(wake_up).verdict, WakeUpVerdict::kNotSent);
  EXPECT_EQ(server_.connections(), 0);
}

// Certificates are checked: a server that has none of the host's is not spoken
// to.
TEST_F(WebPushGatewayTest, AServerWithoutTlsIsNotToldOverHttps) {
  server_.Then(TestHttpServer::Answer(201, ""));
  const WakeUpOutcome outcome = Send(
      WakeUpFor(absl::StrCat("https://127.0.0.1:", server_.port(), "/secret")));
  EXPECT_EQ(outcome.verdict, WakeUpVerdict::kNotSent);
  for (const std::string& request : server_.requests()) {
    EXPECT_THAT(request, Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace cofactor::services
