#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/messenger/http_client.h"
#include "services/messenger/test_http2_front.h"
#include "services/messenger/test_http_server.h"
#include "services/transport/test_certificates.h"

namespace cofactor::services {
namespace {

using Act = TestHttpServer::Act;

// RFC 9113, sections 4.1, 6 and 7.
constexpr int kData = 0;
constexpr int kHeaders = 1;
constexpr int kReset = 3;
constexpr int kSettings = 4;
constexpr int kGoAway = 7;
constexpr int kEndStream = 1;
constexpr int kEndHeaders = 4;
constexpr char kRefusedStream = 7;
constexpr char kHttp11Required = 13;

// Longer than a test lasts, and short, for what is to run out.
constexpr absl::Duration kLong = absl::Seconds(20);
constexpr absl::Duration kShort = absl::Milliseconds(300);

std::string Frame(int type, int flags, absl::string_view payload) {
  return TestHttpServer::Http2Frame(type, flags, /*stream=*/1, payload);
}

// With what a server starts.
std::string Preface() {
  return TestHttpServer::Http2Frame(kSettings, 0, /*stream=*/0, "");
}

std::string Status(absl::string_view status) {
  return TestHttpServer::Http2Header(":status", status);
}

std::string Code(char code) { return std::string(3, '\0') + code; }

std::string GoAway(char last_stream, char code) {
  return TestHttpServer::Http2Frame(kGoAway, 0, /*stream=*/0,
                                    Code(last_stream) + Code(code));
}

class Http2ClientTest : public testing::Test {
 protected:
  Http2ClientTest() : ca_file_(testing::TempDir() + "/http2_authority.crt") {
    WriteTestFile(ca_file_, authority_.certificate());
    auto client = HttpClient::Create(
        clock_, {.threads = 2, .max_waiting = 2, .ca_file = ca_file_});
    EXPECT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }

  HttpRequest Request(const std::string& url, absl::Duration time = kLong) {
    return {.url = url,
            .body = Secret(absl::string_view("code 012345")),
            .deadline = clock_.Now() + time,
            .http2 = true};
  }

  HttpResult Post(HttpRequest request) {
    auto promise = std::make_shared<std::promise<HttpResult>>();
    std::future<HttpResult> result = promise->get_future();
    client_->Post(std::move(request), [promise](HttpResult ended) {
      promise->set_value(std::move(ended));
    });
    if (result.wait_for(std::chrono::seconds(30)) !=
        std::future_status::ready) {
      ADD_FAILURE() << "no result";
      std::abort();
    }
    return result.get();
  }

  // What becomes of a request that this is sent for, by a server that then
  // closes.
  HttpResult ResultOf(const std::string& bytes, Act act = Act::kAnswerHttp2) {
    server_.Then({.act = act, .bytes = bytes});
    return Post(Request(server_.url()));
  }

  static TestHttpServer::Step Answer(absl::string_view body) {
    return {.bytes = absl::StrCat("HTTP/1.1 202 Word\r\nConnection: close\r\n"
                                  "Content-Length: ",
                                  body.size(), "\r\n\r\n", body)};
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const TestAuthority authority_;
  const std::string ca_file_;
  TestHttpServer server_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(Http2ClientTest, SendsTheRequestToARealServerAndReadsTheAnswer) {
  const TestHttp2Front clear(server_.port());
  const TestHttp2Front tls(server_.port(), authority_.IssueServer());
  for (const TestHttp2Front* front : {&clear, &tls}) {
    server_.Then(Answer("0: Accepted"));
    HttpRequest request = Request(front->url() + "/3/device/ab?a=b");
    request.headers.push_back(
        {"apns-topic", Secret(absl::string_view("com.example.app"))});
    request.headers.push_back({"X-Empty", Secret()});
    request.headers.push_back(
        {"Content-Type", Secret(absl::string_view("text/plain"))});
    const HttpResult result = Post(std::move(request));
    EXPECT_EQ(result.fate, HttpFate::kAnswered) << result.reason;
    EXPECT_EQ(result.status, 202);
    EXPECT_EQ(result.body.ExposeSecret(), "0: Accepted");
    const std::string authority = front->url().substr(front->url().find("127"));
    EXPECT_EQ(
        server_.requests().back(),
        absl::StrCat("POST /3/device/ab?a=b HTTP/1.1\r\nHost: ", authority,
                     "\r\nAccept: */*\r\n"
                     "Apns-Topic: com.example.app\r\n"
                     "X-Empty: \r\n"
                     "Content-Type: text/plain\r\n"
                     "Content-Length: 11\r\n"
                     "\r\n"
                     "code 012345"));
  }
}

TEST_F(Http2ClientTest, SendsAndTakesMoreThanAWindowOfFlowControl) {
  const TestHttp2Front front(server_.port());
  server_.Then(Answer(std::string(60'000, 'a')));
  HttpRequest request = Request(front.url());
  request.body = Secret(std::string(1'000'000, 'x'));
  const HttpResult result = Post(std::move(request));
  EXPECT_EQ(result.body.size(), 60'000u) << result.reason;
  EXPECT_TRUE(
      absl::EndsWith(server_.requests().back(), std::string(1'000'000, 'x')));
}

TEST_F(Http2ClientTest, SendsNothingToATlsServerThatDoesNotAgree) {
  // A server of HTTP/1.1 behind TLS: nghttpx that offers nothing else.
  const TestHttp2Front front(server_.port(), authority_.IssueServer(),
                             {"--npn-list=http/1.1"});
  server_.Then(Answer("ok"));
  const HttpResult refused = Post(Request(front.url()));
  EXPECT_EQ(refused.fate, HttpFate::kNotSent);
  EXPECT_EQ(refused.reason, "the server does not speak HTTP/2");
  EXPECT_EQ(server_.connections(), 0);
  // It does serve.
  HttpRequest request = Request(front.url());
  request.http2 = false;
  EXPECT_EQ(Post(std::move(request)).status, 202);
}

TEST_F(Http2ClientTest, SpeaksHttp1WhereItIsNotAskedForMore) {
  const TestHttp2Front front(server_.port(), authority_.IssueServer());
  server_.Then(Answer("ok"));
  HttpRequest request = Request(front.url());
  request.http2 = false;
  EXPECT_EQ(Post(std::move(request)).status, 202);
}

TEST_F(Http2ClientTest, SendsNothingToAServerOfAnotherAuthority) {
  const TestAuthority other;
  const TestHttp2Front front(server_.port(), other.IssueServer());
  EXPECT_EQ(Post(Request(front.url())).fate, HttpFate::kNotSent);
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(Http2ClientTest, ReadsAnAnswerFrameByFrame) {
  const std::string head =
      Preface() + Frame(kHeaders, kEndHeaders, Status("200"));
  const HttpResult result =
      ResultOf(head + Frame(kData, 0, "wo") + Frame(kData, kEndStream, "rd"),
               Act::kAnswerHttp2AndHold);
  EXPECT_EQ(result.fate, HttpFate::kAnswered) << result.reason;
  EXPECT_EQ(result.status, 200);
  EXPECT_EQ(result.body.ExposeSecret(), "word");
  EXPECT_EQ(ResultOf(Preface() +
                     Frame(kHeaders, kEndHeaders | kEndStream, Status("410")))
                .status,
            410);
}

TEST_F(Http2ClientTest, TakesANewConnectionForEachRequest) {
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(ResultOf(Preface() + Frame(kHeaders, kEndHeaders | kEndStream,
                                         Status("200")),
                       Act::kAnswerHttp2AndHold)
                  .status,
              200);
    EXPECT_EQ(server_.connections(), i);
  }
}

// libcurl by itself repeats a refused stream, and over HTTP/1.1 the third one.
TEST_F(Http2ClientTest, RepeatsNothingAndDoesNotKnowWhatBecameOfIt) {
  const std::string answers[] = {
      Preface() + Frame(kReset, 0, Code(kRefusedStream)),
      Preface() + GoAway(/*last_stream=*/0, kRefusedStream),
      Preface() + Frame(kReset, 0, Code(kHttp11Required)),
      Preface() + GoAway(/*last_stream=*/0, 0),
      Preface() + GoAway(/*last_stream=*/1, 0),
      Preface() + Frame(kReset, 0, Code(2)),
      Preface(),
      ""};
  for (const Act act : {Act::kAnswerHttp2, Act::kAnswerHttp2AndHold}) {
    for (const std::string& answer : answers) {
      TestHttpServer server;
      server.Then({.act = act, .bytes = answer});
      // A repetition would be answered.
      server.Then(absl::StrContains(answer, Code(kHttp11Required))
                      ? TestHttpServer::Answer(200, "")
                      : TestHttpServer::Step{
                            .act = Act::kAnswerHttp2AndHold,
                            .bytes = Preface() + Frame(kHeaders,
                                                       kEndHeaders | kEndStream,
                                                       Status("200"))});
      const HttpResult result = Post(Request(
          server.url(), act == Act::kAnswerHttp2AndHold ? kShort : kLong));
      EXPECT_EQ(result.fate, HttpFate::kUnknown) << absl::CEscape(answer);
      EXPECT_FALSE(result.reason.empty());
      EXPECT_EQ(server.requests().size(), 1u) << absl::CEscape(answer);
    }
  }
}

TEST_F(Http2ClientTest, DoesNotKnowWhatACutOrMalformedAnswerMeans) {
  const std::string head =
      Preface() + Frame(kHeaders, kEndHeaders, Status("200"));
  const std::string answers[] = {
      // Cut after the head, and within the body.
      head, head + Frame(kData, 0, "wo"),
      head + Frame(kData, 0, "wo").substr(0, 10),
      Preface() + Frame(kHeaders, 0, Status("200")),
      head + Frame(kData, 0, "wo") + Frame(kReset, 0, Code(2)),
      head + Frame(kData, 0, "wo") + GoAway(/*last_stream=*/1, 2),
      // No status, a malformed one, and a body before the head.
      Preface() + Frame(kHeaders, kEndHeaders | kEndStream,
                        TestHttpServer::Http2Header("server", "x")),
      Preface() + Frame(kHeaders, kEndHeaders | kEndStream, Status("ok")),
      Preface() + Frame(kData, kEndStream, "word"),
      // A name that is none, and an index that stands for nothing.
      Preface() + Frame(kHeaders, kEndHeaders | kEndStream,
                        Status("200") + TestHttpServer::Http2Header("A B", "")),
      Preface() + Frame(kHeaders, kEndHeaders | kEndStream, "\xfe"),
      // Not the length that it tells.
      Preface() +
          Frame(kHeaders, kEndHeaders,
                Status("200") +
                    TestHttpServer::Http2Header("content-length", "50")) +
          Frame(kData, kEndStream, "word"),
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
  int number = 0;
  for (const std::string& answer : answers) {
    EXPECT_EQ(ResultOf(answer).fate, HttpFate::kUnknown) << number;
    ++number;
  }
  EXPECT_EQ(server_.connections(), number);
}

TEST_F(Http2ClientTest, BoundsTheAnswer) {
  const std::string head =
      Preface() + Frame(kHeaders, kEndHeaders, Status("200"));
  std::string body = head;
  for (int i = 0; i < 8; ++i) {
    body += Frame(kData, 0, std::string(8'192, 'a'));
  }
  body += Frame(kData, kEndStream, "");
  const HttpResult long_body = ResultOf(body);
  EXPECT_EQ(long_body.fate, HttpFate::kUnknown);
  EXPECT_EQ(long_body.reason, "the answer is too long");
  EXPECT_TRUE(long_body.body.empty());

  // One header of 4,000 bytes in the table of HPACK, and a byte for each
  // repetition: 16 MB from 4 kB.
  std::string bomb = Status("200");
  bomb += std::string("\x40\x01x", 3);
  bomb += std::string("\x7f\xa1\x1e", 3) + std::string(4'000, 'b');
  bomb += std::string(4'000, '\xbe');
  EXPECT_EQ(
      ResultOf(Preface() + Frame(kHeaders, kEndHeaders | kEndStream, bomb))
          .fate,
      HttpFate::kUnknown);
}

TEST_F(Http2ClientTest, WaitsForASilentServerUntilTheDeadlineOnly) {
  for (const std::string& bytes :
       {std::string(), Preface(),
        Preface() + Frame(kHeaders, kEndHeaders, Status("200"))}) {
    server_.Then({.act = Act::kAnswerHttp2AndHold, .bytes = bytes});
    EXPECT_EQ(Post(Request(server_.url(), kShort)).fate, HttpFate::kUnknown);
  }
}

TEST_F(Http2ClientTest, SendsNoMalformedHeader) {
  HttpRequest request = Request(server_.url());
  request.headers.push_back(
      {"apns-topic", Secret(absl::string_view("a\r\napns-priority: 5"))});
  EXPECT_EQ(Post(std::move(request)).reason, "a header is malformed");
  EXPECT_EQ(server_.connections(), 0);
}

}  // namespace
}  // namespace cofactor::services
