#include "services/wake_up/apns_gateway.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/messenger/test_http2_front.h"
#include "services/wake_up/test_key.h"
#include "services/wake_up/vendor_fixture.h"

namespace cofactor::services {
namespace {

using Act = TestHttpServer::Act;

constexpr char kDevice[] =
    "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

std::string ReasonJson(absl::string_view reason) {
  return absl::StrCat(R"({"reason":")", reason, R"("})");
}

class ApnsGatewayTest : public VendorTest {
 protected:
  ApnsGatewayTest()
      : front_(server_.port()), gateway_(MakeGateway(front_.url())) {}

  std::unique_ptr<ApnsGateway> MakeGateway(const std::string& base_url) {
    absl::StatusOr<JwsSigner> signer =
        JwsSigner::FromPem(JwsAlgorithm::kEs256, Secret(key_.pem()));
    EXPECT_TRUE(signer.ok()) << signer.status();
    return std::make_unique<ApnsGateway>(
        clock_, *http_,
        std::make_unique<ProviderToken>(clock_, "ABC123DEFG", "DEF123GHIJ",
                                        *std::move(signer)),
        ApnsGateway::Options{.base_url = base_url, .topic = "com.example.app"});
  }

  WakeUp To(absl::string_view token) {
    WakeUp wake_up;
    wake_up.address.set_apns_token(std::string(token));
    wake_up.message_id = "message-canary";
    wake_up.ttl = absl::Minutes(2);
    wake_up.deadline = clock_.Now() + absl::Seconds(20);
    return wake_up;
  }

  WakeUpOutcome Send(TestHttpServer::Step step) {
    server_.Then(std::move(step));
    return SendAndAwait(*gateway_, To(kDevice));
  }

  // The token in the request that came last.
  std::optional<TestJws> LastToken() {
    const std::string header =
        HeaderOf(server_.requests().back(), "Authorization");
    absl::string_view token = header;
    EXPECT_TRUE(absl::ConsumePrefix(&token, "bearer ")) << header;
    return key_.Verify(token);
  }

  const TestKey key_ = TestKey::Ec();
  const TestHttp2Front front_;
  std::unique_ptr<ApnsGateway> gateway_;
};

TEST_F(ApnsGatewayTest, SendsAnAlertThatSaysNothing) {
  const TestHttp2Front tls(server_.port(), authority_.IssueServer());
  for (const std::string& url : {front_.url(), tls.url()}) {
    gateway_ = MakeGateway(url);
    EXPECT_EQ(Send(Answer(200, "")).verdict, WakeUpVerdict::kTaken);
    const std::string request = server_.requests().back();
    EXPECT_TRUE(absl::StartsWith(
        request, absl::StrCat("POST /3/device/", kDevice, " HTTP/1.1\r\n")));
    const std::optional<TestJws> token = LastToken();
    ASSERT_TRUE(token.has_value());
    EXPECT_EQ(token->header,
              (nlohmann::json{{"alg", "ES256"}, {"kid", "ABC123DEFG"}}));
    EXPECT_EQ(token->claims,
              (nlohmann::json{{"iss", "DEF123GHIJ"}, {"iat", 1'700'000'000}}));
    EXPECT_EQ(HeaderOf(request, "Apns-Topic"), "com.example.app");
    EXPECT_EQ(HeaderOf(request, "Apns-Push-Type"), "alert");
    EXPECT_EQ(HeaderOf(request, "Apns-Priority"), "10");
    EXPECT_EQ(HeaderOf(request, "Apns-Expiration"), "1700000120");
    EXPECT_EQ(HeaderOf(request, "Apns-Collapse-Id"), "cofactor");
    EXPECT_EQ(HeaderOf(request, "Content-Type"), "application/json");
    EXPECT_EQ(HeaderOf(request, "Apns-Id"), "");
    EXPECT_EQ(nlohmann::json::parse(BodyOf(request)), nlohmann::json::parse(R"({
                "aps": {
                  "alert": {
                    "body": "Open the app to answer a sign-in request."
                  },
                  "sound": "default",
                  "mutable-content": 1
                },
                "cofactor": "challenge"
              })"));
    EXPECT_FALSE(absl::StrContains(request, "canary"));
  }
}

TEST_F(ApnsGatewayTest, SendsNothingToAServerWithoutHttp2) {
  const TestHttp2Front old(server_.port(), authority_.IssueServer(),
                           {"--npn-list=http/1.1"});
  gateway_ = MakeGateway(old.url());
  EXPECT_EQ(Send(Answer(200, "")).verdict, WakeUpVerdict::kNotSent);
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(ApnsGatewayTest, RenewsItsToken) {
  for (const int minutes : {0, 39, 40, 79, 80}) {
    clock_.Set(absl::FromUnixSeconds(1'700'000'000) + absl::Minutes(minutes));
    EXPECT_EQ(Send(Answer(200, "")).verdict, WakeUpVerdict::kTaken);
    const std::optional<TestJws> token = LastToken();
    ASSERT_TRUE(token.has_value());
    EXPECT_EQ(token->claims["iat"], 1'700'000'000 + minutes / 40 * 40 * 60);
  }
}

TEST_F(ApnsGatewayTest, RenewsATokenThatAppleCallsExpired) {
  EXPECT_EQ(Send(Answer(200, "")).verdict, WakeUpVerdict::kTaken);
  clock_.Advance(absl::Minutes(25));
  EXPECT_EQ(Send(Answer(403, ReasonJson("ExpiredProviderToken"))).verdict,
            WakeUpVerdict::kMisconfigured);
  // Not more often than every 20 minutes.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Send(Answer(403, ReasonJson("ExpiredProviderToken"))).verdict,
              WakeUpVerdict::kMisconfigured);
    EXPECT_EQ(LastToken()->claims["iat"], 1'700'000'000 + 25 * 60);
    clock_.Advance(absl::Seconds(1));
  }
}

// What a device gave us as its token is a part of a path and nothing else.
TEST_F(ApnsGatewayTest, TakesNothingButHexadecimalDigits) {
  for (const std::string& token :
       {std::string(), std::string("abc"), std::string("ab/../../x"),
        std::string("ab?x=yz"), std::string("ab%2fcd"), std::string("ab cd"),
        std::string("ab\r\napns-priority: 5\r\n"), std::string("ab\0c", 4),
        std::string("zz"), std::string("@host.example/ab"),
        std::string(202, 'a')}) {
    const WakeUpOutcome outcome = SendAndAwait(*gateway_, To(token));
    EXPECT_EQ(outcome.verdict, WakeUpVerdict::kNotSent) << token;
    EXPECT_EQ(outcome.reason, "BAD_ADDRESS: not a token of APNs");
  }
  WakeUp other = To("");
  other.address.set_fcm_token("abcd");
  EXPECT_EQ(SendAndAwait(*gateway_, other).verdict, WakeUpVerdict::kNotSent);
  EXPECT_EQ(server_.connections(), 0);
  server_.Then(Answer(200, ""));
  EXPECT_EQ(SendAndAwait(*gateway_, To(std::string(200, 'A'))).verdict,
            WakeUpVerdict::kTaken);
}

TEST_F(ApnsGatewayTest, TellsDeadTokensFromEverythingElse) {
  struct Case {
    int status;
    std::string body;
    WakeUpVerdict verdict;
    std::string reason;
  };
  const Case kCases[] = {
      {410, R"({"reason":"Unregistered","timestamp":1699999999000})",
       WakeUpVerdict::kAddressGone, "HTTP 410 Unregistered"},
      {410, ReasonJson("ExpiredToken"), WakeUpVerdict::kAddressGone,
       "HTTP 410 ExpiredToken"},
      // What is said of every address where sandbox or topic are wrong.
      {400, ReasonJson("BadDeviceToken"), WakeUpVerdict::kRefused,
       "HTTP 400 BadDeviceToken"},
      {400, ReasonJson("DeviceTokenNotForTopic"), WakeUpVerdict::kRefused,
       "HTTP 400 DeviceTokenNotForTopic"},
      // Not in so many words.
      {410, "", WakeUpVerdict::kRefused, "HTTP 410"},
      {410, "Unregistered", WakeUpVerdict::kRefused, "HTTP 410"},
      {410, ReasonJson("BadDeviceToken"), WakeUpVerdict::kRefused, "HTTP 410"},
      {400, ReasonJson("Unregistered"), WakeUpVerdict::kRefused, "HTTP 400"},
      {403, ReasonJson("Unregistered"), WakeUpVerdict::kMisconfigured,
       "HTTP 403"},
      {400, ReasonJson("BadTopic"), WakeUpVerdict::kMisconfigured,
       "HTTP 400 BadTopic"},
      {400, ReasonJson("TopicDisallowed"), WakeUpVerdict::kMisconfigured,
       "HTTP 400 TopicDisallowed"},
      {400, ReasonJson("canary"), WakeUpVerdict::kRefused, "HTTP 400"},
      {403, ReasonJson("InvalidProviderToken"), WakeUpVerdict::kMisconfigured,
       "HTTP 403 InvalidProviderToken"},
      {403, ReasonJson("BadEnvironmentKeyIdInToken"),
       WakeUpVerdict::kMisconfigured, "HTTP 403 BadEnvironmentKeyIdInToken"},
      {403, "", WakeUpVerdict::kMisconfigured, "HTTP 403"},
      {404, ReasonJson("BadPath"), WakeUpVerdict::kMisconfigured,
       "HTTP 404 BadPath"},
      {405, "", WakeUpVerdict::kMisconfigured, "HTTP 405"},
      {302, "", WakeUpVerdict::kMisconfigured, "HTTP 302"},
      {413, ReasonJson("PayloadTooLarge"), WakeUpVerdict::kRefused,
       "HTTP 413 PayloadTooLarge"},
      {429, ReasonJson("TooManyRequests"), WakeUpVerdict::kRefused,
       "HTTP 429 TooManyRequests"},
      {429, ReasonJson("TooManyProviderTokenUpdates"), WakeUpVerdict::kRefused,
       "HTTP 429 TooManyProviderTokenUpdates"},
      {500, ReasonJson("InternalServerError"), WakeUpVerdict::kRefused,
       "HTTP 500 InternalServerError"},
      {503, ReasonJson("Shutdown"), WakeUpVerdict::kRefused,
       "HTTP 503 Shutdown"},
      {202, "", WakeUpVerdict::kUnknown, "HTTP 202"}};
  for (const Case& one : kCases) {
    const WakeUpOutcome outcome = Send(Answer(one.status, one.body));
    EXPECT_EQ(VerdictName(outcome.verdict), VerdictName(one.verdict))
        << one.status << " " << one.body;
    EXPECT_EQ(outcome.reason, one.reason) << one.status << " " << one.body;
  }
}

TEST_F(ApnsGatewayTest, SurvivesGarbage) {
  for (const std::string& body :
       {std::string("banana"), std::string("{"), std::string("[]"),
        std::string("7"), std::string(R"({"reason":7})"),
        std::string(R"({"reason":["Unregistered"]})"), std::string("\xff\xfe"),
        std::string(60'000, '[')}) {
    const WakeUpOutcome outcome = Send(Answer(410, body));
    EXPECT_EQ(VerdictName(outcome.verdict), "refused") << body.substr(0, 80);
    EXPECT_EQ(outcome.reason, "HTTP 410");
  }
  EXPECT_EQ(VerdictName(Send(Answer(410, std::string(70'000, 'a'))).verdict),
            "unknown");
}

TEST_F(ApnsGatewayTest, DoesNotKnowWhatASilentServerDid) {
  // Without nghttpx in between, which would answer by itself.
  gateway_ = MakeGateway(server_.url());
  EXPECT_EQ(VerdictName(Send({.act = Act::kAnswerHttp2, .bytes = ""}).verdict),
            "unknown");
  EXPECT_EQ(
      VerdictName(Send({.act = Act::kAnswerHttp2, .bytes = "banana"}).verdict),
      "unknown");
  server_.Then({.act = Act::kAnswerHttp2AndHold, .bytes = ""});
  WakeUp hasty = To(kDevice);
  hasty.deadline = clock_.Now() + absl::Milliseconds(300);
  EXPECT_EQ(VerdictName(SendAndAwait(*gateway_, hasty).verdict), "unknown");
  hasty.deadline = clock_.Now();
  EXPECT_EQ(VerdictName(SendAndAwait(*gateway_, hasty).verdict), "not sent");
  EXPECT_EQ(server_.requests().size(), 3u);
}

}  // namespace
}  // namespace cofactor::services
