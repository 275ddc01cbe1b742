#include "services/wake_up/access_token.h"

#include <chrono>
#include <cstdlib>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/messenger/form_encoding.h"
#include "services/wake_up/test_key.h"
#include "services/wake_up/vendor_fixture.h"

namespace cofactor::services {
namespace {

using Act = TestHttpServer::Act;
using Token = AccessTokenSource::Token;
using Future = std::future<absl::StatusOr<Token>>;

// Longer than a test lasts.
constexpr absl::Duration kLong = absl::Seconds(25);

const TestKey& RsaKey() {
  static const TestKey* const key = new TestKey(TestKey::Rsa());
  return *key;
}

class AccessTokenTest : public VendorTest {
 protected:
  AccessTokenTest() { Restart(/*max_waiting=*/8); }

  void Restart(size_t max_waiting) {
    absl::StatusOr<JwsSigner> signer =
        JwsSigner::FromPem(JwsAlgorithm::kRs256, Secret(RsaKey().pem()));
    EXPECT_TRUE(signer.ok()) << signer.status();
    source_ = std::make_unique<AccessTokenSource>(
        clock_, *http_,
        ServiceAccount{"project-1", "sender@example.com", "key-1",
                       server_.url() + "/token", *std::move(signer)},
        AccessTokenSource::Options{.scope = "https://example.com/scope",
                                   .max_waiting = max_waiting,
                                   .timeout = absl::Seconds(20)});
  }

  static std::string TokenJson(absl::string_view token, int seconds = 3600) {
    return absl::StrCat(R"({"access_token":")", token, R"(","expires_in":)",
                        seconds, R"(,"token_type":"Bearer"})");
  }

  Future Start(absl::Duration time = kLong) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<Token>>>();
    Future future = promise->get_future();
    source_->Get(clock_.Now() + time, [promise](absl::StatusOr<Token> token) {
      promise->set_value(std::move(token));
    });
    return future;
  }
  static absl::StatusOr<Token> Await(Future future) {
    if (future.wait_for(std::chrono::seconds(30)) !=
        std::future_status::ready) {
      ADD_FAILURE() << "no token";
      std::abort();
    }
    return future.get();
  }
  static bool IsThere(const Future& future) {
    return future.wait_for(std::chrono::seconds(0)) ==
           std::future_status::ready;
  }
  // The token, or the name of the error's code.
  static std::string Text(const absl::StatusOr<Token>& token) {
    return token.ok() ? std::string((*token)->ExposeSecret())
                      : absl::StatusCodeToString(token.status().code());
  }
  std::string Get() { return Text(Await(Start())); }

  std::unique_ptr<AccessTokenSource> source_;
};

TEST_F(AccessTokenTest, ExchangesASignedAssertion) {
  server_.Then(Answer(200, TokenJson("token-1")));
  EXPECT_EQ(Get(), "token-1");
  const std::string request = server_.requests().at(0);
  EXPECT_TRUE(absl::StartsWith(request, "POST /token HTTP/1.1\r\n"));
  EXPECT_EQ(HeaderOf(request, "Content-Type"),
            "application/x-www-form-urlencoded");
  const absl::StatusOr<FormFields> form = ParseForm(BodyOf(request));
  ASSERT_TRUE(form.ok()) << form.status();
  EXPECT_EQ(form->size(), 2u);
  EXPECT_EQ(FormValue(*form, "grant_type"),
            "urn:ietf:params:oauth:grant-type:jwt-bearer");
  const std::optional<TestJws> jws =
      RsaKey().Verify(FormValue(*form, "assertion"));
  ASSERT_TRUE(jws.has_value());
  EXPECT_EQ(
      jws->header,
      (nlohmann::json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "key-1"}}));
  EXPECT_EQ(jws->claims, (nlohmann::json{{"iss", "sender@example.com"},
                                         {"scope", "https://example.com/scope"},
                                         {"aud", server_.url() + "/token"},
                                         {"iat", 1'700'000'000},
                                         {"exp", 1'700'000'600}}));
}

TEST_F(AccessTokenTest, RenewsATokenFiveMinutesBeforeItsEnd) {
  server_.Then(Answer(200, TokenJson("token-1")));
  server_.Then({.act = Act::kHoldThenAnswer,
                .bytes = Answer(200, TokenJson("token-2")).bytes});
  EXPECT_EQ(Get(), "token-1");
  clock_.Advance(absl::Minutes(55) - absl::Seconds(1));
  EXPECT_EQ(Get(), "token-1");
  EXPECT_EQ(server_.requests().size(), 1u);
  // Nobody waits for the new one while the old one holds.
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Get(), "token-1");
  ASSERT_EQ(server_.WaitForRequests(2).size(), 2u);
  EXPECT_EQ(Get(), "token-1");
  clock_.Advance(absl::Minutes(5));
  Future after_end = Start();
  EXPECT_FALSE(IsThere(after_end));
  server_.Release();
  EXPECT_EQ(Text(Await(std::move(after_end))), "token-2");
  EXPECT_EQ(Get(), "token-2");
  EXPECT_EQ(server_.requests().size(), 2u);
}

TEST_F(AccessTokenTest, KeepsAShortTokenForHalfOfItsLife) {
  server_.Then(Answer(200, TokenJson("token-1", 200)));
  server_.Then({.act = Act::kHold});
  EXPECT_EQ(Get(), "token-1");
  clock_.Advance(absl::Seconds(99));
  EXPECT_EQ(Get(), "token-1");
  EXPECT_EQ(server_.requests().size(), 1u);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Text(Await(Start(absl::Milliseconds(300)))), "token-1");
  EXPECT_EQ(server_.WaitForRequests(2).size(), 2u);
}

TEST_F(AccessTokenTest, AsksOnceForAllWhoWait) {
  server_.Then({.act = Act::kHoldThenAnswer,
                .bytes = Answer(200, TokenJson("token-1")).bytes});
  std::vector<Future> futures;
  for (int i = 0; i < 5; ++i) futures.push_back(Start());
  server_.WaitForRequests(1);
  server_.Release();
  for (Future& future : futures) {
    EXPECT_EQ(Text(Await(std::move(future))), "token-1");
  }
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(AccessTokenTest, BoundsThoseWhoWait) {
  Restart(/*max_waiting=*/2);
  server_.Then({.act = Act::kHoldThenAnswer,
                .bytes = Answer(200, TokenJson("token-1")).bytes});
  Future first = Start();
  Future second = Start();
  Future third = Start();
  ASSERT_TRUE(IsThere(third));
  EXPECT_EQ(third.get().status(),
            absl::UnavailableError("too many wait for an access token"));
  server_.Release();
  EXPECT_EQ(Text(Await(std::move(first))), "token-1");
  EXPECT_EQ(Text(Await(std::move(second))), "token-1");
}

TEST_F(AccessTokenTest, LetsNobodyWaitPastHisDeadline) {
  server_.Then({.act = Act::kHold});
  Future first = Start(absl::Milliseconds(500));
  Future hasty = Start(absl::Milliseconds(499));
  ASSERT_TRUE(IsThere(hasty));
  EXPECT_EQ(hasty.get().status(),
            absl::UnavailableError("no access token by the deadline"));
  EXPECT_EQ(Text(Await(std::move(first))), "UNAVAILABLE");
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(AccessTokenTest, WaitsLongerAfterEachFailure) {
  server_.Then(Answer(503, ""));
  EXPECT_EQ(Get(), "UNAVAILABLE");
  int connections = 1;
  for (const int seconds : {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}) {
    clock_.Advance(absl::Seconds(seconds) - absl::Milliseconds(1));
    EXPECT_EQ(Get(), "UNAVAILABLE");
    EXPECT_EQ(server_.connections(), connections) << seconds;
    clock_.Advance(absl::Milliseconds(1));
    server_.Then(Answer(503, ""));
    EXPECT_EQ(Get(), "UNAVAILABLE");
    EXPECT_EQ(server_.connections(), ++connections) << seconds;
  }
  // A success forgets all that.
  clock_.Advance(absl::Seconds(300));
  server_.Then(Answer(200, TokenJson("token-1")));
  EXPECT_EQ(Get(), "token-1");
  clock_.Advance(absl::Hours(1));
  server_.Then(Answer(503, ""));
  EXPECT_EQ(Get(), "UNAVAILABLE");
  clock_.Advance(absl::Seconds(1));
  server_.Then(Answer(200, TokenJson("token-2")));
  EXPECT_EQ(Get(), "token-2");
}

TEST_F(AccessTokenTest, UsesTheOldTokenWhileNoNewOneIsToBeHad) {
  server_.Then(Answer(200, TokenJson("token-1")));
  EXPECT_EQ(Get(), "token-1");
  clock_.Advance(absl::Minutes(56));
  // No step: the exchange fails.
  EXPECT_EQ(Get(), "token-1");
  EXPECT_EQ(Get(), "token-1");
  clock_.Advance(absl::Minutes(4));
  server_.Then(Answer(503, ""));
  server_.Then(Answer(503, ""));
  EXPECT_EQ(Get(), "UNAVAILABLE");
}

TEST_F(AccessTokenTest, TellsARefusedAccountFromABusyServer) {
  const std::pair<int, std::string> kCodes[] = {
      {400, "FAILED_PRECONDITION"}, {401, "FAILED_PRECONDITION"},
      {403, "FAILED_PRECONDITION"}, {404, "FAILED_PRECONDITION"},
      {302, "FAILED_PRECONDITION"}, {201, "FAILED_PRECONDITION"},
      {408, "UNAVAILABLE"},         {429, "UNAVAILABLE"},
      {500, "UNAVAILABLE"},         {503, "UNAVAILABLE"}};
  for (const auto& [status, code] : kCodes) {
    Restart(/*max_waiting=*/8);
    server_.Then(Answer(status, R"({"error":"invalid_grant canary"})"));
    const absl::StatusOr<Token> token = Await(Start());
    EXPECT_EQ(Text(token), code) << status;
    EXPECT_TRUE(
        absl::StrContains(token.status().message(), absl::StrCat(status)));
    EXPECT_FALSE(absl::StrContains(token.status().message(), "canary"));
  }
}

TEST_F(AccessTokenTest, TakesNoMalformedAnswer) {
  const std::string kBodies[] = {
      "",
      "banana",
      "[]",
      "{}",
      std::string(60'000, '['),
      R"({"access_token":"t","expires_in":3600})",
      R"({"access_token":"t","token_type":"Bearer"})",
      R"({"expires_in":3600,"token_type":"Bearer"})",
      R"({"access_token":"t","expires_in":3600,"token_type":"mac"})",
      R"({"access_token":7,"expires_in":3600,"token_type":"Bearer"})",
      R"({"access_token":"t","expires_in":"3600","token_type":"Bearer"})",
      R"({"access_token":"t","expires_in":1e3,"token_type":"Bearer"})",
      R"({"access_token":"t","expires_in":0,"token_type":"Bearer"})",
      R"({"access_token":"t","expires_in":-1,"token_type":"Bearer"})",
      R"({"access_token":"t","expires_in":86401,"token_type":"Bearer"})",
      R"({"access_token":"t","expires_in":18446744073709551615,)"
      R"("token_type":"Bearer"})",
      TokenJson(""),
      TokenJson("a b"),
      TokenJson("a\\r\\nx-b: c"),
      TokenJson("a\\u0000"),
      TokenJson("\\u00e9"),
      TokenJson(std::string(8 * 1024 + 1, 'a')),
      TokenJson(std::string(70'000, 'a'))};
  for (const std::string& body : kBodies) {
    Restart(/*max_waiting=*/8);
    server_.Then(Answer(200, body));
    EXPECT_EQ(Get(), "UNAVAILABLE") << body.substr(0, 100);
  }
  // The longest one.
  Restart(/*max_waiting=*/8);
  server_.Then(Answer(200, TokenJson(std::string(8 * 1024, 'a'))));
  EXPECT_EQ(Get(), std::string(8 * 1024, 'a'));
}

TEST_F(AccessTokenTest, GivesARefusedTokenNoMore) {
  server_.Then(Answer(200, TokenJson("token-1")));
  const absl::StatusOr<Token> first = Await(Start());
  ASSERT_EQ(Text(first), "token-1");
  clock_.Advance(absl::Minutes(1));
  source_->Invalidate(*first);
  server_.Then(Answer(200, TokenJson("token-2")));
  const absl::StatusOr<Token> second = Await(Start());
  ASSERT_EQ(Text(second), "token-2");
  // One that has been replaced already.
  source_->Invalidate(*first);
  EXPECT_EQ(Get(), "token-2");
  // A new one that is refused at once would be refused again.
  clock_.Advance(absl::Seconds(59));
  source_->Invalidate(*second);
  EXPECT_EQ(Get(), "FAILED_PRECONDITION");
  clock_.Advance(absl::Seconds(59));
  EXPECT_EQ(Get(), "FAILED_PRECONDITION");
  EXPECT_EQ(server_.connections(), 2);
  clock_.Advance(absl::Seconds(1));
  server_.Then(Answer(200, TokenJson("token-3")));
  EXPECT_EQ(Get(), "token-3");
}

TEST_F(AccessTokenTest, AsksAgainWhenTheClockWasSetBack) {
  server_.Then(Answer(200, TokenJson("token-1")));
  EXPECT_EQ(Get(), "token-1");
  clock_.Advance(-absl::Hours(24));
  server_.Then(Answer(503, ""));
  EXPECT_EQ(Get(), "UNAVAILABLE");
  clock_.Advance(-absl::Hours(24));
  server_.Then(Answer(200, TokenJson("token-2")));
  EXPECT_EQ(Get(), "token-2");
}

TEST_F(AccessTokenTest, MayEndBeforeItsExchange) {
  server_.Then({.act = Act::kHoldThenAnswer,
                .bytes = Answer(200, TokenJson("token-1")).bytes});
  Future future = Start();
  server_.WaitForRequests(1);
  source_.reset();
  server_.Release();
  EXPECT_EQ(Text(Await(std::move(future))), "token-1");
}

}  // namespace
}  // namespace cofactor::services
