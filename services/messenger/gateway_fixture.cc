#include "services/messenger/gateway_fixture.h"

#include <chrono>
#include <cstdlib>
#include <future>
#include <utility>

namespace cofactor::services {

SmsOutcome SendAndAwait(SmsGateway& gateway, const SmsMessage& message) {
  auto promise = std::make_shared<std::promise<SmsOutcome>>();
  std::future<SmsOutcome> outcome = promise->get_future();
  gateway.Send(message, [promise](SmsOutcome result) {
    promise->set_value(std::move(result));
  });
  if (outcome.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
    ADD_FAILURE() << "no outcome";
    std::abort();
  }
  return outcome.get();
}

SmsMessage TestMessage(const Clock& clock) {
  return {.message_id = "message-1",
          .to = "+4915123456789",
          .text = Secret(absl::string_view("012345 is your code")),
          .validity = absl::Minutes(10),
          .deadline = clock.Now() + absl::Minutes(1)};
}

absl::string_view VerdictName(SmsVerdict verdict) {
  switch (verdict) {
    case SmsVerdict::kAccepted:
      return "accepted";
    case SmsVerdict::kQueued:
      return "queued";
    case SmsVerdict::kRefusedForGood:
      return "refused for good";
    case SmsVerdict::kRefusedHere:
      return "refused here";
    case SmsVerdict::kNotSent:
      return "not sent";
    case SmsVerdict::kMisconfigured:
      return "misconfigured";
    case SmsVerdict::kUnknown:
      return "unknown";
  }
  return "?";
}

HttpGatewayTest::HttpGatewayTest() {
  auto http = HttpClient::Create(clock_, {.threads = 2, .max_waiting = 2});
  EXPECT_TRUE(http.ok()) << http.status();
  http_ = *std::move(http);
  const TestHttpServer gone;
  closed_url_ = gone.url();
}

SmsOutcome HttpGatewayTest::SendTo(SmsGateway& gateway,
                                   TestHttpServer::Step step) {
  server_.Then(std::move(step));
  return SendAndAwait(gateway, TestMessage(clock_));
}

void HttpGatewayTest::ExpectsNothingOfASilentServer(
    SmsGateway& gateway, SmsGateway& gateway_at_closed_port) {
  using Act = TestHttpServer::Act;
  const SmsOutcome refused =
      SendAndAwait(gateway_at_closed_port, TestMessage(clock_));
  EXPECT_EQ(refused.verdict, SmsVerdict::kNotSent);
  EXPECT_EQ(refused.gateway, gateway_at_closed_port.name());
  EXPECT_FALSE(refused.reason.empty());

  EXPECT_EQ(VerdictOf(gateway, {.act = Act::kReset}), SmsVerdict::kUnknown);
  EXPECT_EQ(VerdictOf(gateway, {.bytes = ""}), SmsVerdict::kUnknown);
  EXPECT_EQ(VerdictOf(gateway, {.bytes = "banana\r\n\r\n"}),
            SmsVerdict::kUnknown);
  EXPECT_EQ(VerdictOf(gateway, {.bytes = "HTTP/1.1 201 Cr"}),
            SmsVerdict::kUnknown);

  // The server holds its answer until the deadline has passed.
  server_.Then({.act = Act::kHold});
  SmsMessage message = TestMessage(clock_);
  message.deadline = clock_.Now() + absl::Milliseconds(300);
  EXPECT_EQ(SendAndAwait(gateway, message).verdict, SmsVerdict::kUnknown);

  message.deadline = clock_.Now();
  EXPECT_EQ(SendAndAwait(gateway, message).verdict, SmsVerdict::kNotSent);

  EXPECT_EQ(server_.connections(), 5);
  EXPECT_EQ(server_.requests().size(), 5u);
}

}  // namespace cofactor::services
