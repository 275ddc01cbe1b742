#include "services/messenger/kannel_gateway.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/messenger/gateway_fixture.h"

namespace cofactor::services {
namespace {

class KannelGatewayTest : public HttpGatewayTest {
 protected:
  KannelGateway Gateway(const std::string& url,
                        const std::string& sender = "Cofactor") {
    return KannelGateway(clock_, *http_,
                         {.name = "kannel-1",
                          .url = url + "/cgi-bin/sendsms",
                          .username = "idsvc",
                          .password = Secret(absl::string_view("s3cret")),
                          .sender = sender});
  }

  std::string Host() const {
    return absl::StrCat("Host: 127.0.0.1:", server_.port(), "\r\n");
  }

  KannelGateway gateway_ = Gateway(server_.url());
};

TEST_F(KannelGatewayTest, SendsTheRequestByteForByte) {
  server_.Then(TestHttpServer::Answer(202, "0: Accepted for delivery"));
  SmsMessage message = TestMessage(clock_);
  message.delivery_report_url = "http://127.0.0.1:9464/dlr?id=a&status=%d";
  SendAndAwait(gateway_, message);
  EXPECT_EQ(server_.requests().at(0),
            absl::StrCat("POST /cgi-bin/sendsms HTTP/1.1\r\n", Host(),
                         "Accept: */*\r\n"
                         "X-Kannel-Username: idsvc\r\n"
                         "X-Kannel-Password: s3cret\r\n"
                         "X-Kannel-From: Cofactor\r\n"
                         "X-Kannel-To: +4915123456789\r\n"
                         "X-Kannel-Coding: 0\r\n"
                         "X-Kannel-Validity: 10\r\n"
                         "X-Kannel-DLR-Mask: 19\r\n"
                         "X-Kannel-DLR-Url: "
                         "http://127.0.0.1:9464/dlr?id=a&status=%d\r\n"
                         "Content-Type: text/plain; charset=UTF-8\r\n"
                         "Content-Length: 19\r\n\r\n"
                         "012345 is your code"));
}

TEST_F(KannelGatewayTest, LeavesOutWhatItDoesNotHave) {
  KannelGateway gateway = Gateway(server_.url(), "");
  server_.Then(TestHttpServer::Answer(202, "0: Accepted for delivery"));
  SmsMessage message = TestMessage(clock_);
  message.text = Secret(absl::string_view("Код 012345"));
  message.validity = absl::Seconds(30);
  SendAndAwait(gateway, message);
  EXPECT_EQ(server_.requests().at(0),
            absl::StrCat("POST /cgi-bin/sendsms HTTP/1.1\r\n", Host(),
                         "Accept: */*\r\n"
                         "X-Kannel-Username: idsvc\r\n"
                         "X-Kannel-Password: s3cret\r\n"
                         "X-Kannel-To: +4915123456789\r\n"
                         "X-Kannel-Coding: 2\r\n"
                         "X-Kannel-Validity: 1\r\n"
                         "Content-Type: text/plain; charset=UTF-8\r\n"
                         "Content-Length: 13\r\n\r\n"
                         "Код 012345"));
}

TEST_F(KannelGatewayTest, PrefersTheSenderOfTheMessage) {
  server_.Then(TestHttpServer::Answer(202, "0: Accepted for delivery"));
  SmsMessage message = TestMessage(clock_);
  message.sender = "Bank";
  message.validity = absl::Seconds(179);
  SendAndAwait(gateway_, message);
  EXPECT_TRUE(absl::StrContains(server_.requests().at(0),
                                "\r\nX-Kannel-From: Bank\r\n"));
  EXPECT_TRUE(absl::StrContains(server_.requests().at(0),
                                "\r\nX-Kannel-Validity: 2\r\n"));
}

TEST_F(KannelGatewayTest, ReadsEveryReplyOfKannel) {
  const struct {
    int status;
    const char* body;
    SmsVerdict verdict;
    const char* reason;
  } kReplies[] = {
      {202, "0: Accepted for delivery", SmsVerdict::kAccepted, ""},
      {202, "3: Queued for later delivery", SmsVerdict::kQueued,
       "the network is away"},
      {403, "Authorization failed for sendsms", SmsVerdict::kMisconfigured,
       "authorization failed"},
      {403, "Not routable. Do not try again.", SmsVerdict::kRefusedHere,
       "not routable"},
      {403, "Something else", SmsVerdict::kRefusedHere, "HTTP 403"},
      {400, "Coding field misformed, rejected", SmsVerdict::kRefusedHere,
       "HTTP 400"},
      {503, "Temporal failure, try again later.", SmsVerdict::kNotSent,
       "temporal failure"},
  };
  for (const auto& reply : kReplies) {
    const SmsOutcome outcome =
        SendTo(gateway_, TestHttpServer::Answer(reply.status, reply.body));
    EXPECT_EQ(outcome.verdict, reply.verdict) << reply.body;
    EXPECT_EQ(outcome.reason, reply.reason);
    EXPECT_EQ(outcome.gateway, "kannel-1");
    EXPECT_EQ(outcome.provider_id, "");
  }
}

TEST_F(KannelGatewayTest, TakesOtherAnswersForWhatTheirStatusSays) {
  const struct {
    int status;
    const char* body;
    SmsVerdict verdict;
  } kReplies[] = {
      {202, "", SmsVerdict::kUnknown},
      {202, "<html>welcome</html>", SmsVerdict::kUnknown},
      {200, "0: Accepted for delivery", SmsVerdict::kUnknown},
      {404, "Unknown request.", SmsVerdict::kMisconfigured},
      {401, "", SmsVerdict::kMisconfigured},
      {405, "", SmsVerdict::kMisconfigured},
      {302, "", SmsVerdict::kMisconfigured},
      {408, "", SmsVerdict::kUnknown},
      {413, "", SmsVerdict::kRefusedHere},
      {429, "", SmsVerdict::kNotSent},
      {500, "Unexpected bearerbox answer", SmsVerdict::kUnknown},
      {502, "", SmsVerdict::kUnknown},
      {503, "upstream reset", SmsVerdict::kUnknown},
      {504, "", SmsVerdict::kUnknown},
  };
  for (const auto& reply : kReplies) {
    EXPECT_EQ(VerdictName(VerdictOf(
                  gateway_, TestHttpServer::Answer(reply.status, reply.body))),
              VerdictName(reply.verdict))
        << reply.status << " " << reply.body;
  }
}

TEST_F(KannelGatewayTest, ExpectsNothingOfASilentServer) {
  KannelGateway nowhere = Gateway(closed_url_);
  ExpectsNothingOfASilentServer(gateway_, nowhere);
}

TEST_F(KannelGatewayTest, GivesUpAtItsOwnTimeout) {
  KannelGateway gateway(clock_, *http_,
                        {.name = "impatient",
                         .url = server_.url(),
                         .timeout = absl::Milliseconds(300)});
  EXPECT_EQ(VerdictOf(gateway, {.act = TestHttpServer::Act::kHold}),
            SmsVerdict::kUnknown);
}

TEST_F(KannelGatewayTest, ReasonsHoldNothingOfTheAnswer) {
  for (const int status : {202, 400, 403, 404, 500, 503}) {
    const SmsOutcome outcome = SendTo(
        gateway_, TestHttpServer::Answer(status, "canary +4915123456789"));
    EXPECT_FALSE(absl::StrContains(outcome.reason, "canary"));
    EXPECT_FALSE(absl::StrContains(outcome.reason, "49"));
  }
}

}  // namespace
}  // namespace cofactor::services
