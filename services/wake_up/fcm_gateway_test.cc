#include "services/wake_up/fcm_gateway.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/wake_up/test_key.h"
#include "services/wake_up/vendor_fixture.h"

namespace cofactor::services {
namespace {

using Act = TestHttpServer::Act;

constexpr char kPath[] = "/v1/projects/project-1/messages:send";

const TestKey& RsaKey() {
  static const TestKey* const key = new TestKey(TestKey::Rsa());
  return *key;
}

// An error as Firebase writes it. details: entries of the array.
std::string Error(int status, absl::string_view details) {
  return absl::StrCat(R"({"error":{"code":)", status,
                      R"(,"message":"canary","status":"CANARY","details":[)",
                      details, "]}}");
}
std::string FcmError(absl::string_view code) {
  return absl::StrCat(
      R"({"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",)",
      R"("errorCode":")", code, R"("})");
}
std::string BadRequest(absl::string_view violations) {
  return absl::StrCat(
      R"({"@type":"type.googleapis.com/google.rpc.BadRequest",)",
      R"("fieldViolations":[)", violations, "]}");
}
std::string Violation(absl::string_view field) {
  return absl::StrCat(R"({"field":")", field, R"(","description":"canary"})");
}

class FcmGatewayTest : public VendorTest {
 protected:
  FcmGatewayTest() : gateway_(MakeGateway(server_.url())) {}

  std::unique_ptr<FcmGateway> MakeGateway(const std::string& base_url) {
    absl::StatusOr<JwsSigner> signer =
        JwsSigner::FromPem(JwsAlgorithm::kRs256, Secret(RsaKey().pem()));
    EXPECT_TRUE(signer.ok()) << signer.status();
    return std::make_unique<FcmGateway>(
        clock_, *http_,
        std::make_unique<AccessTokenSource>(
            clock_, *http_,
            ServiceAccount{"project-1", "sender@example.com", "key-1",
                           token_server_.url() + "/token", *std::move(signer)},
            AccessTokenSource::Options{.scope = FcmGateway::kScope}),
        FcmGateway::Options{.base_url = base_url, .project_id = "project-1"});
  }

  void GrantToken(absl::string_view token) {
    token_server_.Then(Answer(
        200, absl::StrCat(R"({"access_token":")", token,
                          R"(","expires_in":3600,"token_type":"Bearer"})")));
  }

  WakeUp To(absl::string_view token) {
    WakeUp wake_up;
    wake_up.address.set_fcm_token(std::string(token));
    wake_up.message_id = "message-canary";
    wake_up.ttl = absl::Minutes(2);
    wake_up.deadline = clock_.Now() + absl::Seconds(20);
    return wake_up;
  }

  WakeUpOutcome Send(TestHttpServer::Step step) {
    server_.Then(std::move(step));
    return SendAndAwait(*gateway_, To("device:token_1"));
  }

  TestHttpServer token_server_;
  std::unique_ptr<FcmGateway> gateway_;
};

TEST_F(FcmGatewayTest, SendsADataMessageThatSaysNothing) {
  GrantToken("access-1");
  EXPECT_EQ(
      Send(Answer(200, R"({"name":"projects/project-1/messages/1"})")).verdict,
      WakeUpVerdict::kTaken);
  const std::string request = server_.requests().at(0);
  EXPECT_TRUE(
      absl::StartsWith(request, absl::StrCat("POST ", kPath, " HTTP/1.1\r\n")));
  EXPECT_EQ(HeaderOf(request, "Authorization"), "Bearer access-1");
  EXPECT_EQ(HeaderOf(request, "Content-Type"), "application/json");
  EXPECT_EQ(BodyOf(request),
            R"({"message":{"token":"device:token_1","android":{)"
            R"("priority":"HIGH","ttl":"120s"},)"
            R"("data":{"cofactor":"challenge"}}})");
  EXPECT_FALSE(absl::StrContains(request, "canary"));
}

TEST_F(FcmGatewayTest, BoundsTheTimeToLive) {
  GrantToken("access-1");
  const std::pair<absl::Duration, std::string> kTimes[] = {
      {absl::Seconds(1), "1s"},
      {absl::Hours(24 * 28), "2419200s"},
      {absl::Hours(24 * 365), "2419200s"},
      {-absl::Seconds(1), "0s"}};
  for (const auto& [ttl, text] : kTimes) {
    server_.Then(Answer(200, "{}"));
    WakeUp wake_up = To("token");
    wake_up.ttl = ttl;
    SendAndAwait(*gateway_, wake_up);
    EXPECT_EQ(nlohmann::json::parse(BodyOf(
                  server_.requests().back()))["message"]["android"]["ttl"],
              text);
  }
}

// What a device gave us as its token is data and nothing else.
TEST_F(FcmGatewayTest, ATokenCannotBecomeAnythingElse) {
  GrantToken("access-1");
  const std::string hostile = R"(a","topic":"all","x":"b\)";
  server_.Then(Answer(200, "{}"));
  EXPECT_EQ(SendAndAwait(*gateway_, To(hostile)).verdict,
            WakeUpVerdict::kTaken);
  const nlohmann::json body =
      nlohmann::json::parse(BodyOf(server_.requests().back()));
  EXPECT_EQ(body["message"]["token"], hostile);
  EXPECT_EQ(body["message"].size(), 3u);

  for (const std::string& token :
       {std::string(), std::string("a b"), std::string("a\r\nX-B: c"),
        std::string("a\0b", 3), std::string("\xc3\xa9"),
        std::string(4097, 'a')}) {
    const WakeUpOutcome outcome = SendAndAwait(*gateway_, To(token));
    EXPECT_EQ(outcome.verdict, WakeUpVerdict::kNotSent);
    EXPECT_EQ(outcome.reason, "BAD_ADDRESS: not a token of FCM");
  }
  WakeUp other = To("");
  other.address.set_apns_token("abcd");
  EXPECT_EQ(SendAndAwait(*gateway_, other).verdict, WakeUpVerdict::kNotSent);
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(FcmGatewayTest, TellsDeadTokensFromEverythingElse) {
  struct Case {
    int status;
    std::string body;
    WakeUpVerdict verdict;
    std::string reason;
  };
  const std::string unregistered = FcmError("UNREGISTERED");
  const std::string invalid = FcmError("INVALID_ARGUMENT");
  const Case kCases[] = {
      {404, Error(404, unregistered), WakeUpVerdict::kAddressGone,
       "HTTP 404 UNREGISTERED"},
      {404, Error(404, "{}," + unregistered), WakeUpVerdict::kAddressGone,
       "HTTP 404 UNREGISTERED"},
      {400, Error(400, BadRequest(Violation("message.token"))),
       WakeUpVerdict::kAddressGone, "HTTP 400"},
      {400, Error(400, invalid + "," + BadRequest(Violation("message.token"))),
       WakeUpVerdict::kAddressGone, "HTTP 400 INVALID_ARGUMENT"},
      // An invalid argument that need not be the token.
      {400, Error(400, invalid), WakeUpVerdict::kRefused,
       "HTTP 400 INVALID_ARGUMENT"},
      {400, Error(400, BadRequest(Violation("message.data[0].value"))),
       WakeUpVerdict::kRefused, "HTTP 400"},
      {400,
       Error(400, BadRequest(Violation("message.token") + "," +
                             Violation("message.data"))),
       WakeUpVerdict::kRefused, "HTTP 400"},
      {400, Error(400, BadRequest("")), WakeUpVerdict::kRefused, "HTTP 400"},
      {400, Error(400, BadRequest("7")), WakeUpVerdict::kRefused, "HTTP 400"},
      {400, Error(400, unregistered), WakeUpVerdict::kRefused,
       "HTTP 400 UNREGISTERED"},
      // Not found, but not the token: a wrong project.
      {404, Error(404, ""), WakeUpVerdict::kMisconfigured, "HTTP 404"},
      {404, "", WakeUpVerdict::kMisconfigured, "HTTP 404"},
      {404, "UNREGISTERED", WakeUpVerdict::kMisconfigured, "HTTP 404"},
      {404, Error(404, R"({"@type":"other","errorCode":"UNREGISTERED"})"),
       WakeUpVerdict::kMisconfigured, "HTTP 404"},
      {403, Error(403, FcmError("SENDER_ID_MISMATCH")),
       WakeUpVerdict::kMisconfigured, "HTTP 403 SENDER_ID_MISMATCH"},
      {403, Error(403, unregistered), WakeUpVerdict::kMisconfigured,
       "HTTP 403 UNREGISTERED"},
      {401, Error(401, FcmError("THIRD_PARTY_AUTH_ERROR")),
       WakeUpVerdict::kMisconfigured, "HTTP 401 THIRD_PARTY_AUTH_ERROR"},
      {302, "", WakeUpVerdict::kMisconfigured, "HTTP 302"},
      {405, "", WakeUpVerdict::kMisconfigured, "HTTP 405"},
      {413, "", WakeUpVerdict::kRefused, "HTTP 413"},
      {429, Error(429, FcmError("QUOTA_EXCEEDED")), WakeUpVerdict::kRefused,
       "HTTP 429 QUOTA_EXCEEDED"},
      {500, Error(500, FcmError("INTERNAL")), WakeUpVerdict::kRefused,
       "HTTP 500 INTERNAL"},
      {503, Error(503, FcmError("UNAVAILABLE")), WakeUpVerdict::kRefused,
       "HTTP 503 UNAVAILABLE"},
      // What operators read is in our words.
      {503, Error(503, FcmError("canary")), WakeUpVerdict::kRefused,
       "HTTP 503"},
      {202, "", WakeUpVerdict::kUnknown, "HTTP 202"},
      {600, "", WakeUpVerdict::kUnknown, "HTTP 600"}};
  GrantToken("access-1");
  for (const Case& one : kCases) {
    const WakeUpOutcome outcome = Send(Answer(one.status, one.body));
    EXPECT_EQ(VerdictName(outcome.verdict), VerdictName(one.verdict))
        << one.status << " " << one.body;
    EXPECT_EQ(outcome.reason, one.reason) << one.status << " " << one.body;
  }
  EXPECT_EQ(token_server_.connections(), 1);
}

TEST_F(FcmGatewayTest, SurvivesGarbage) {
  GrantToken("access-1");
  for (const std::string& body :
       {std::string("banana"), std::string("{"), std::string("[]"),
        std::string("7"), std::string(R"({"error":7})"),
        std::string(R"({"error":{"details":{}}})"),
        std::string(R"({"error":{"details":[7,[],{},{"@type":7}]}})"),
        Error(400, R"({"@type":"type.googleapis.com/google.rpc.BadRequest"})"),
        Error(400, R"({"@type":)"
                   R"("type.googleapis.com/google.firebase.fcm.v1.FcmError"})"),
        std::string("\xff\xfe"), std::string(60'000, '['),
        absl::StrCat(R"({"error":{"details":)", std::string(60'000, '['))}) {
    const WakeUpOutcome outcome = Send(Answer(400, body));
    EXPECT_EQ(VerdictName(outcome.verdict), "refused") << body.substr(0, 80);
    EXPECT_EQ(outcome.reason, "HTTP 400");
  }
  // Longer than anything that Firebase says.
  EXPECT_EQ(VerdictName(Send(Answer(404, std::string(70'000, 'a'))).verdict),
            "unknown");
}

TEST_F(FcmGatewayTest, TakesANewAccessTokenAfterOneThatWasRefused) {
  GrantToken("access-1");
  EXPECT_EQ(Send(Answer(200, "{}")).verdict, WakeUpVerdict::kTaken);
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(Send(Answer(401, "")).verdict, WakeUpVerdict::kMisconfigured);
  GrantToken("access-2");
  EXPECT_EQ(Send(Answer(401, "")).verdict, WakeUpVerdict::kMisconfigured);
  EXPECT_EQ(HeaderOf(server_.requests().back(), "Authorization"),
            "Bearer access-2");
  // It was new: nothing is asked for a minute, of either server.
  const WakeUpOutcome outcome = SendAndAwait(*gateway_, To("token"));
  EXPECT_EQ(outcome.verdict, WakeUpVerdict::kMisconfigured);
  EXPECT_EQ(outcome.reason, "the service refuses a new access token");
  EXPECT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(token_server_.requests().size(), 2u);
}

TEST_F(FcmGatewayTest, SendsNothingWithoutAnAccessToken) {
  token_server_.Then(Answer(503, ""));
  EXPECT_EQ(VerdictName(SendAndAwait(*gateway_, To("token")).verdict),
            "not sent");
  clock_.Advance(absl::Seconds(1));
  token_server_.Then(Answer(400, R"({"error":"invalid_grant"})"));
  EXPECT_EQ(VerdictName(SendAndAwait(*gateway_, To("token")).verdict),
            "misconfigured");
  clock_.Advance(absl::Seconds(2));
  token_server_.Then({.act = Act::kHold});
  WakeUp hasty = To("token");
  hasty.deadline = clock_.Now() + absl::Milliseconds(300);
  EXPECT_EQ(VerdictName(SendAndAwait(*gateway_, hasty).verdict), "not sent");
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(FcmGatewayTest, DoesNotKnowWhatASilentServerDid) {
  GrantToken("access-1");
  EXPECT_EQ(VerdictName(Send({.act = Act::kReset}).verdict), "unknown");
  EXPECT_EQ(VerdictName(Send({.bytes = ""}).verdict), "unknown");
  EXPECT_EQ(VerdictName(Send({.bytes = "banana\r\n\r\n"}).verdict), "unknown");
  server_.Then({.act = Act::kHold});
  WakeUp hasty = To("token");
  hasty.deadline = clock_.Now() + absl::Milliseconds(300);
  EXPECT_EQ(VerdictName(SendAndAwait(*gateway_, hasty).verdict), "unknown");
  hasty.deadline = clock_.Now();
  EXPECT_EQ(VerdictName(SendAndAwait(*gateway_, hasty).verdict), "not sent");
  EXPECT_EQ(server_.requests().size(), 4u);
}

}  // namespace
}  // namespace cofactor::services
