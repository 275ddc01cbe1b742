#ifndef COFACTOR_SERVICES_MESSENGER_GATEWAY_FIXTURE_H_
#define COFACTOR_SERVICES_MESSENGER_GATEWAY_FIXTURE_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "services/messenger/gateway.h"
#include "services/messenger/http_client.h"
#include "services/messenger/test_http_server.h"

namespace cofactor::services {

// Sends, and waits for the outcome, for at most 30 s.
SmsOutcome SendAndAwait(SmsGateway& gateway, const SmsMessage& message);

// A message to a number, with a text of a code, that has a minute.
SmsMessage TestMessage(const Clock& clock);

// A name for an error message.
absl::string_view VerdictName(SmsVerdict verdict);

// A gateway that speaks HTTP, beside a server that answers as it is told to.
class HttpGatewayTest : public testing::Test {
 protected:
  HttpGatewayTest();

  // The outcome of a message when the server does this.
  SmsOutcome SendTo(SmsGateway& gateway, TestHttpServer::Step step);
  SmsVerdict VerdictOf(SmsGateway& gateway, TestHttpServer::Step step) {
    return SendTo(gateway, std::move(step)).verdict;
  }

  // What holds for every gateway, whatever it says in its own words: what
  // cannot be reached was not sent, and what was not answered as it should is
  // unknown and not sent again.
  void ExpectsNothingOfASilentServer(SmsGateway& gateway,
                                     SmsGateway& gateway_at_closed_port);

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  TestHttpServer server_;
  std::unique_ptr<HttpClient> http_;
  // An address where nobody listens.
  std::string closed_url_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_GATEWAY_FIXTURE_H_
