#include "services/messenger/webhook_gateway.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/messenger/gateway_fixture.h"

namespace cofactor::services {
namespace {

class WebhookGatewayTest : public HttpGatewayTest {
 protected:
  WebhookGateway::Options Options(const std::string& url) const {
    return {
        .name = "webhook-1",
        .url = url + "/sms",
        .key = Secret(absl::string_view("0123456789abcdef0123456789abcdef"))};
  }

  std::string Head(const std::string& signature, size_t length) const {
    return absl::StrCat(
        "POST /sms HTTP/1.1\r\n"
        "Host: 127.0.0.1:",
        server_.port(),
        "\r\n"
        "Accept: */*\r\n"
        "Content-Type: application/json\r\n"
        "X-Cofactor-Timestamp: 1700000000\r\n"
        "X-Cofactor-Signature: v1=",
        signature, "\r\nContent-Length: ", length, "\r\n\r\n");
  }

  WebhookGateway gateway_{clock_, *http_, Options(server_.url())};
};

// The signatures are those of
// printf 'v1.1700000000.BODY' | openssl dgst -sha256 -hmac KEY
TEST_F(WebhookGatewayTest, SendsTheRequestByteForByte) {
  server_.Then(TestHttpServer::Answer(200, ""));
  SendAndAwait(gateway_, TestMessage(clock_));
  const std::string body =
      R"({"message_id":"message-1","to":"+4915123456789",)"
      R"("text":"012345 is your code","validity_seconds":600})";
  EXPECT_EQ(
      server_.requests().at(0),
      Head("cfb1480971a5a61ad2be0644e08e6ceb1e9dcd88179bc75323e3b39b7476af2d",
           body.size()) +
          body);
}

TEST_F(WebhookGatewayTest, SendsAllFieldsOfAnyText) {
  server_.Then(TestHttpServer::Answer(200, ""));
  SmsMessage message = TestMessage(clock_);
  message.text = Secret(absl::string_view("\"é\\\n\", \"to\": \"1"));
  message.sender = "Bank";
  message.delivery_report_url = "https://a.example/sms?id=x&status=%d";
  SendAndAwait(gateway_, message);
  const std::string body =
      R"({"message_id":"message-1","to":"+4915123456789",)"
      R"("text":"\"\u00e9\\\u000a\", \"to\": \"1","sender":"Bank",)"
      R"("validity_seconds":600,)"
      R"("delivery_report_url":"https://a.example/sms?id=x&status=%d"})";
  EXPECT_EQ(
      server_.requests().at(0),
      Head("91f497830126656085b1af474a92a63d10f6f00142350509ad85c4aa81824b2a",
           body.size()) +
          body);
}

TEST_F(WebhookGatewayTest, ReadsAnswers) {
  const struct {
    int status;
    const char* body;
    absl::string_view verdict;
    absl::string_view provider_id;
  } kAnswers[] = {
      {200, R"({"id":"abc123"})", "accepted", "abc123"},
      {202, "", "accepted", ""},
      {204, "", "accepted", ""},
      {200, "thanks", "accepted", ""},
      {200, R"({"id":7})", "accepted", ""},
      {200, R"({"id":"a\nb"})", "accepted", ""},
      {200, "[]", "accepted", ""},
      {422, "", "refused for good", ""},
      {429, "", "not sent", ""},
      {400, "", "refused here", ""},
      {409, "", "refused here", ""},
      {401, "", "misconfigured", ""},
      {403, "", "misconfigured", ""},
      {404, "", "misconfigured", ""},
      {308, "", "misconfigured", ""},
      {500, "", "unknown", ""},
      {503, "", "unknown", ""},
  };
  for (const auto& answer : kAnswers) {
    const SmsOutcome outcome =
        SendTo(gateway_, TestHttpServer::Answer(answer.status, answer.body));
    EXPECT_EQ(VerdictName(outcome.verdict), answer.verdict)
        << answer.status << " " << answer.body;
    EXPECT_EQ(outcome.provider_id, answer.provider_id);
    EXPECT_EQ(outcome.gateway, "webhook-1");
  }
}

TEST_F(WebhookGatewayTest, ExpectsNothingOfASilentServer) {
  WebhookGateway nowhere(clock_, *http_, Options(closed_url_));
  ExpectsNothingOfASilentServer(gateway_, nowhere);
}

}  // namespace
}  // namespace cofactor::services
