#include "services/messenger/twilio_gateway.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/messenger/gateway_fixture.h"

namespace cofactor::services {
namespace {

constexpr char kCreated[] =
    R"({"sid": "SM0123456789abcdef", "status": "queued", "error_code": null,)"
    R"( "body": "012345 is your code"})";

class TwilioGatewayTest : public HttpGatewayTest {
 protected:
  TwilioGateway::Options Options(const std::string& url) const {
    return {.name = "twilio-1",
            .base_url = url,
            .account_sid = "AC42",
            .password = Secret(absl::string_view("t0ken")),
            .from = "+15005550006"};
  }

  std::string Head(int length) const {
    return absl::StrCat(
        "POST /2010-04-01/Accounts/AC42/Messages.json HTTP/1.1\r\n"
        "Host: 127.0.0.1:",
        server_.port(),
        "\r\n"
        "Authorization: Basic QUM0Mjp0MGtlbg==\r\n"
        "Accept: application/json\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: ",
        length, "\r\n\r\n");
  }

  TwilioGateway gateway_{clock_, *http_, Options(server_.url())};
};

TEST_F(TwilioGatewayTest, SendsTheRequestByteForByte) {
  server_.Then(TestHttpServer::Answer(201, kCreated));
  SmsMessage message = TestMessage(clock_);
  message.text = Secret(absl::string_view("é: 012345\n@a.example #012345"));
  message.delivery_report_url = "https://a.example/sms?id=x";
  SendAndAwait(gateway_, message);
  const std::string form =
      "To=%2B4915123456789&From=%2B15005550006&"
      "Body=%C3%A9%3A+012345%0A%40a.example+%23012345&"
      "StatusCallback=https%3A%2F%2Fa.example%2Fsms%3Fid%3Dx&"
      "ValidityPeriod=600";
  EXPECT_EQ(server_.requests().at(0),
            Head(static_cast<int>(form.size())) + form);
}

TEST_F(TwilioGatewayTest, SendsForAMessagingServiceByAnApiKey) {
  auto options = Options(server_.url());
  options.messaging_service_sid = "MG1";
  options.username = "SK7";
  TwilioGateway gateway(clock_, *http_, std::move(options));
  server_.Then(TestHttpServer::Answer(201, kCreated));
  SendAndAwait(gateway, TestMessage(clock_));
  EXPECT_TRUE(
      absl::EndsWith(server_.requests().at(0),
                     "\r\n\r\nTo=%2B4915123456789&MessagingServiceSid=MG1&"
                     "Body=012345+is+your+code&ValidityPeriod=600"));
  EXPECT_TRUE(absl::StrContains(server_.requests().at(0),
                                "Authorization: Basic U0s3OnQwa2Vu\r\n"));
}

TEST_F(TwilioGatewayTest, PrefersTheSenderOfTheMessageAndBoundsTheValidity) {
  const struct {
    absl::Duration validity;
    const char* period;
  } kValidities[] = {{absl::Milliseconds(1), "1"},
                     {absl::Seconds(90), "90"},
                     {absl::Hours(5), "14400"}};
  for (const auto& [validity, period] : kValidities) {
    server_.Then(TestHttpServer::Answer(201, kCreated));
    SmsMessage message = TestMessage(clock_);
    message.sender = "Bank";
    message.validity = validity;
    SendAndAwait(gateway_, message);
    EXPECT_TRUE(absl::EndsWith(
        server_.requests().back(),
        absl::StrCat("To=%2B4915123456789&From=Bank&Body=012345+is+your+code&"
                     "ValidityPeriod=",
                     period)));
  }
}

TEST_F(TwilioGatewayTest, ReadsTheSidOfWhatWasAccepted) {
  for (const std::string state : {"accepted", "queued", "sending", "sent"}) {
    const SmsOutcome outcome = SendTo(
        gateway_,
        TestHttpServer::Answer(
            201, absl::StrCat(R"({"status":")", state, R"(","sid":"SM1"})")));
    EXPECT_EQ(VerdictName(outcome.verdict), "accepted") << state;
    EXPECT_EQ(outcome.provider_id, "SM1");
    EXPECT_EQ(outcome.gateway, "twilio-1");
    EXPECT_EQ(outcome.reason, "");
  }
}

TEST_F(TwilioGatewayTest, ReadsErrors) {
  const struct {
    int status;
    const char* body;
    absl::string_view verdict;
    absl::string_view reason;
  } kAnswers[] = {
      {201, R"({"sid":"SM1","status":"failed","error_code":30007})",
       "refused here", "HTTP 201, code 30007"},
      {201, R"({"sid":"SM1","status":"undelivered","error_code":21610})",
       "refused for good", "HTTP 201, code 21610"},
      {400, R"({"code":21211,"message":"The 'To' number is invalid"})",
       "refused for good", "HTTP 400, code 21211"},
      {400, R"({"code":21610})", "refused for good", "HTTP 400, code 21610"},
      {400, R"({"code":21614})", "refused for good", "HTTP 400, code 21614"},
      {400, R"({"code":21408})", "refused here", "HTTP 400, code 21408"},
      {400, "<html>", "refused here", "HTTP 400"},
      {400, R"({"code":"21211"})", "refused here", "HTTP 400"},
      {401, R"({"code":20003})", "misconfigured", "HTTP 401, code 20003"},
      {403, "", "misconfigured", "HTTP 403"},
      {404, R"({"code":20404})", "misconfigured", "HTTP 404, code 20404"},
      {301, "", "misconfigured", "HTTP 301"},
      {429, R"({"code":20429})", "not sent", "HTTP 429, code 20429"},
      {500, R"({"code":20500})", "unknown", "HTTP 500, code 20500"},
      {502, "", "unknown", "HTTP 502"},
      {503, R"({"code":20503})", "unknown", "HTTP 503, code 20503"},
      // A code says nothing if the status does not.
      {500, R"({"code":21211})", "unknown", "HTTP 500, code 21211"},
  };
  for (const auto& answer : kAnswers) {
    const SmsOutcome outcome =
        SendTo(gateway_, TestHttpServer::Answer(answer.status, answer.body));
    EXPECT_EQ(VerdictName(outcome.verdict), answer.verdict)
        << answer.status << " " << answer.body;
    EXPECT_EQ(outcome.reason, answer.reason);
  }
}

TEST_F(TwilioGatewayTest, TakesGarbageForAnUnknownOutcome) {
  const std::string deep(30'000, '[');
  for (const std::string& body :
       {std::string(), std::string("null"), std::string("[]"),
        std::string("{}"), std::string("<html>"), std::string(R"({"sid":7})"),
        std::string(R"({"sid":""})"), std::string(R"({"sid":"SM 1"})"),
        absl::StrCat(R"({"sid":")", std::string(65, 'a'), R"("})"),
        std::string(R"({"sid":"SM1")"), std::string("{\"sid\":\"\xFF\"}"),
        deep}) {
    EXPECT_EQ(
        VerdictName(VerdictOf(gateway_, TestHttpServer::Answer(201, body))),
        "unknown")
        << body.substr(0, 80);
  }
  // Not what creates a message.
  for (const int status : {200, 202, 204}) {
    EXPECT_EQ(VerdictName(VerdictOf(gateway_,
                                    TestHttpServer::Answer(status, kCreated))),
              "unknown");
  }
}

TEST_F(TwilioGatewayTest, ExpectsNothingOfASilentServer) {
  TwilioGateway nowhere(clock_, *http_, Options(closed_url_));
  ExpectsNothingOfASilentServer(gateway_, nowhere);
}

TEST_F(TwilioGatewayTest, GivesUpAtItsOwnTimeout) {
  auto options = Options(server_.url());
  options.timeout = absl::Milliseconds(300);
  TwilioGateway gateway(clock_, *http_, std::move(options));
  EXPECT_EQ(
      VerdictName(VerdictOf(gateway, {.act = TestHttpServer::Act::kHold})),
      "unknown");
}

}  // namespace
}  // namespace cofactor::services
