// KannelGateway against Kannel itself.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "services/messenger/delivery_reports.h"
#include "services/messenger/gateway_fixture.h"
#include "services/messenger/http_client.h"
#include "services/messenger/kannel_gateway.h"
#include "services/messenger/kannel_process.h"
#include "services/messenger/test_http_server.h"

namespace cofactor::services {
namespace {

class KannelTest : public testing::Test {
 protected:
  KannelTest() {
    const std::string folder = absl::StrCat(
        testing::TempDir(), "/",
        testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder);
    auto kannel = KannelProcess::Start(folder);
    EXPECT_TRUE(kannel.ok()) << kannel.status();
    if (kannel.ok()) kannel_ = *std::move(kannel);
    auto http = HttpClient::Create(clock_, {.threads = 2, .max_waiting = 2});
    EXPECT_TRUE(http.ok()) << http.status();
    http_ = *std::move(http);
  }

  void SetUp() override { ASSERT_NE(kannel_, nullptr); }

  KannelGateway Gateway(absl::string_view password = "s3cret") {
    return KannelGateway(clock_, *http_,
                         {.name = "kannel",
                          .url = kannel_->sendsms_url(),
                          .username = "idsvc",
                          .password = Secret(password),
                          .sender = "Cofactor"});
  }

  SmsMessage Message(absl::string_view text) {
    SmsMessage message = TestMessage(clock_);
    message.text = Secret(text);
    return message;
  }

  absl::string_view VerdictOf(absl::string_view text) {
    KannelGateway gateway = Gateway();
    return VerdictName(SendAndAwait(gateway, Message(text)).verdict);
  }

  std::string NextText() {
    const auto text = kannel_->WaitForText();
    return text.ok() ? *text : text.status().ToString();
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::unique_ptr<KannelProcess> kannel_;
  std::unique_ptr<HttpClient> http_;
};

// A text with a line break is not among these: this network takes one line.
TEST_F(KannelTest, BringsTheTextToThePhone) {
  EXPECT_EQ(VerdictOf("012345 is your code: é @ & %20 +"), "accepted");
  EXPECT_EQ(NextText(),
            "Cofactor +4915123456789 text 012345 is your code: é @ & %20 +");
}

TEST_F(KannelTest, BringsTextsBeyondTheAlphabetOfGsm) {
  EXPECT_EQ(VerdictOf("Код 012345"), "accepted");
  // UTF-16, percent-encoded.
  EXPECT_EQ(NextText(),
            "Cofactor +4915123456789 ucs-2 "
            "%04%1A%04%3E%044%00+%000%001%002%003%004%005");
}

TEST_F(KannelTest, QueuesWithoutANetworkAndBringsTheTextLater) {
  ASSERT_TRUE(kannel_->StopNetwork().ok());
  EXPECT_EQ(VerdictOf("late 012345"), "queued");
  ASSERT_TRUE(kannel_->StartNetwork().ok());
  EXPECT_EQ(NextText(), "Cofactor +4915123456789 text late 012345");
}

TEST_F(KannelTest, ReportsTheDelivery) {
  TestHttpServer receiver;
  receiver.Then(TestHttpServer::Answer(200, ""));
  const auto reports =
      KannelReports::Create(Secret(absl::string_view("0123456789abcdef")),
                            receiver.url() + "/sms/kannel");
  ASSERT_TRUE(reports.ok()) << reports.status();
  KannelGateway gateway = Gateway();
  SmsMessage message = Message("012345");
  message.delivery_report_url = reports->Url(message.message_id);
  EXPECT_EQ(VerdictName(SendAndAwait(gateway, message).verdict), "accepted");

  const std::vector<std::string> requests = receiver.WaitForRequests(1);
  ASSERT_EQ(requests.size(), 1u);
  absl::string_view query = requests[0];
  ASSERT_TRUE(absl::ConsumePrefix(&query, "GET /sms/kannel?")) << query;
  const auto report = reports->Parse(query.substr(0, query.find(' ')));
  ASSERT_TRUE(report.ok()) << report.status() << query;
  EXPECT_EQ(report->message_id, "message-1");
  EXPECT_EQ(report->state, DeliveryState::kDelivered);
}

TEST_F(KannelTest, TellsAWrongPassword) {
  KannelGateway gateway = Gateway("wrong");
  const SmsOutcome outcome = SendAndAwait(gateway, Message("012345"));
  EXPECT_EQ(VerdictName(outcome.verdict), "misconfigured");
  EXPECT_EQ(outcome.reason, "authorization failed");
}

TEST_F(KannelTest, TellsANumberThatNoNetworkTakes) {
  KannelGateway gateway = Gateway();
  SmsMessage message = Message("012345");
  message.to = "+19005550123";
  const SmsOutcome outcome = SendAndAwait(gateway, message);
  EXPECT_EQ(VerdictName(outcome.verdict), "refused here");
  EXPECT_EQ(outcome.reason, "not routable");
}

TEST_F(KannelTest, TellsAMessageThatKannelTakesForMalformed) {
  KannelGateway gateway = Gateway();
  SmsMessage message = Message("012345");
  message.to = "nobody";
  EXPECT_EQ(VerdictName(SendAndAwait(gateway, message).verdict),
            "refused here");
}

TEST_F(KannelTest, SendsNothingWhenTheBearerboxIsGone) {
  ASSERT_TRUE(kannel_->KillBearerbox().ok());
  EXPECT_EQ(VerdictOf("012345"), "not sent");
}

}  // namespace
}  // namespace cofactor::services
