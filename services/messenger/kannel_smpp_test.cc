// KannelGateway through Kannel to a network that speaks SMPP, as operators do.

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "services/messenger/gateway_fixture.h"
#include "services/messenger/http_client.h"
#include "services/messenger/kannel_gateway.h"
#include "services/messenger/kannel_process.h"

namespace cofactor::services {
namespace {

TEST(KannelSmppTest, BringsTheTextToTheNetwork) {
  const ManualClock clock(absl::FromUnixSeconds(1'700'000'000));
  const auto kannel =
      KannelProcess::Start(testing::TempDir(), KannelProcess::Network::kSmpp);
  ASSERT_TRUE(kannel.ok()) << kannel.status();
  const auto http = HttpClient::Create(clock, {.threads = 1, .max_waiting = 1});
  ASSERT_TRUE(http.ok()) << http.status();
  KannelGateway gateway(clock, **http,
                        {.name = "kannel",
                         .url = (*kannel)->sendsms_url(),
                         .username = "idsvc",
                         .password = Secret(absl::string_view("s3cret")),
                         .sender = "Cofactor"});
  SmsMessage message = TestMessage(clock);
  message.text = Secret(absl::string_view("012345 is your code"));
  EXPECT_EQ(VerdictName(SendAndAwait(gateway, message).verdict), "accepted");
  const auto text = (*kannel)->WaitForText();
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "012345 is your code");
}

}  // namespace
}  // namespace cofactor::services
