#include "services/messenger/http_client.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/messenger/test_http_server.h"
#include "services/transport/file_descriptor.h"
#include "services/transport/test_certificates.h"

namespace cofactor::services {
namespace {

using Act = TestHttpServer::Act;

// Longer than a test lasts, and short, for what is to run out.
constexpr absl::Duration kLong = absl::Seconds(20);
constexpr absl::Duration kShort = absl::Milliseconds(300);

class HttpClientTest : public testing::Test {
 protected:
  HttpClientTest() { Restart({.threads = 2, .max_waiting = 2}); }

  void Restart(const HttpClient::Options& options) {
    client_.reset();
    auto client = HttpClient::Create(clock_, options);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }

  HttpRequest Request(const std::string& url, absl::Duration time = kLong) {
    return {.url = url,
            .body = Secret(absl::string_view("code 012345")),
            .deadline = clock_.Now() + time};
  }

  std::future<HttpResult> Start(HttpRequest request) {
    auto promise = std::make_shared<std::promise<HttpResult>>();
    client_->Post(std::move(request), [promise](HttpResult result) {
      promise->set_value(std::move(result));
    });
    return promise->get_future();
  }

  static HttpResult Await(std::future<HttpResult> result) {
    if (result.wait_for(std::chrono::seconds(30)) !=
        std::future_status::ready) {
      ADD_FAILURE() << "no result";
      std::abort();
    }
    return result.get();
  }

  HttpResult Post(HttpRequest request) {
    return Await(Start(std::move(request)));
  }

  // The fate of a request that the server does this with.
  HttpFate FateOf(TestHttpServer::Step step, absl::Duration time = kLong) {
    server_.Then(std::move(step));
    return Post(Request(server_.url(), time)).fate;
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  TestHttpServer server_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, SendsTheRequestByteForByteAndReadsTheAnswer) {
  server_.Then(TestHttpServer::Answer(202, "0: Accepted"));
  HttpRequest request = Request(server_.url() + "/cgi-bin/send?a=b");
  request.headers.push_back(
      {"Content-Type", Secret(absl::string_view("text/plain"))});
  request.headers.push_back({"X-Password", Secret(absl::string_view("pw"))});
  request.headers.push_back({"X-Empty", Secret()});
  const HttpResult result = Post(std::move(request));
  EXPECT_EQ(result.fate, HttpFate::kAnswered);
  EXPECT_EQ(result.status, 202);
  EXPECT_EQ(result.body.ExposeSecret(), "0: Accepted");
  EXPECT_EQ(result.reason, "");
  EXPECT_EQ(server_.requests().at(0),
            absl::StrCat("POST /cgi-bin/send?a=b HTTP/1.1\r\n"
                         "Host: 127.0.0.1:",
                         server_.port(),
                         "\r\n"
                         "Accept: */*\r\n"
                         "Content-Type: text/plain\r\n"
                         "X-Password: pw\r\n"
                         "X-Empty:\r\n"
                         "Content-Length: 11\r\n"
                         "\r\n"
                         "code 012345"));
}

TEST_F(HttpClientTest, SendsAnyBytesAndNoneAtAll) {
  std::string bytes("\0\r\n\xFF", 4);
  bytes.append(300'000, 'x');
  for (const std::string& body : {bytes, std::string()}) {
    server_.Then(TestHttpServer::Answer(200, ""));
    HttpRequest request = Request(server_.url());
    request.body = Secret(body);
    EXPECT_EQ(Post(std::move(request)).fate, HttpFate::kAnswered);
    EXPECT_TRUE(absl::EndsWith(server_.requests().back(), "\r\n\r\n" + body));
  }
}

TEST_F(HttpClientTest, GivesAnyStatus) {
  for (const int status : {200, 201, 400, 403, 404, 429, 500, 503}) {
    server_.Then(TestHttpServer::Answer(status, "why"));
    const HttpResult result = Post(Request(server_.url()));
    EXPECT_EQ(result.fate, HttpFate::kAnswered);
    EXPECT_EQ(result.status, status);
    EXPECT_EQ(result.body.ExposeSecret(), "why");
  }
}

TEST_F(HttpClientTest, FollowsNoRedirect) {
  TestHttpServer other;
  other.Then(TestHttpServer::Answer(200, ""));
  server_.Then(
      {.bytes = absl::StrCat("HTTP/1.1 307 Word\r\nLocation: ", other.url(),
                             "\r\nContent-Length: 0\r\n\r\n")});
  EXPECT_EQ(Post(Request(server_.url())).status, 307);
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(HttpClientTest, KnowsThatNothingWasSentWithoutAConnection) {
  std::string url;
  {
    const TestHttpServer gone;
    url = gone.url();
  }
  EXPECT_EQ(Post(Request(url)).fate, HttpFate::kNotSent);
  EXPECT_EQ(Post(Request("http://nothing.invalid/")).fate, HttpFate::kNotSent);
}

TEST_F(HttpClientTest, KnowsThatNothingWasSentBeforeTheHandshakeHasEnded) {
  const std::string url =
      absl::StrCat("https://127.0.0.1:", server_.port(), "/");
  server_.Then({.act = Act::kHoldHandshake});
  EXPECT_EQ(Post(Request(url, kShort)).fate, HttpFate::kNotSent);
  server_.Then({.act = Act::kResetAtOnce});
  EXPECT_EQ(Post(Request(url)).fate, HttpFate::kNotSent);
  // A server that speaks no TLS.
  server_.Then({.act = Act::kHoldHandshake});
  HttpRequest request = Request(url);
  request.connect_timeout = kShort;
  EXPECT_EQ(Post(std::move(request)).fate, HttpFate::kNotSent);
}

TEST_F(HttpClientTest, DoesNotKnowWhatBecameOfARequestWithoutAnAnswer) {
  EXPECT_EQ(FateOf({.act = Act::kHold}, kShort), HttpFate::kUnknown);
  EXPECT_EQ(FateOf({.act = Act::kReset}), HttpFate::kUnknown);
  EXPECT_EQ(FateOf({.bytes = ""}), HttpFate::kUnknown);
  EXPECT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(server_.connections(), 3);
}

TEST_F(HttpClientTest, DoesNotKnowWhatBecameOfARequestThatWasCut) {
  server_.Then({.act = Act::kResetAfterHead});
  HttpRequest request = Request(server_.url());
  request.body = Secret(std::string(5'000'000, 'x'));
  EXPECT_EQ(Post(std::move(request)).fate, HttpFate::kUnknown);
  EXPECT_EQ(server_.connections(), 1);
  // Whether the reset comes before the request starts is not ours to say, but
  // it is no answer, and is not tried again.
  EXPECT_NE(FateOf({.act = Act::kResetAtOnce}), HttpFate::kAnswered);
  EXPECT_EQ(server_.connections(), 2);
}

// A request on a connection that was kept, and that the server closes at that
// moment, would be sent again by libcurl.
TEST_F(HttpClientTest, TakesANewConnectionForEachRequest) {
  const std::string answer = TestHttpServer::Answer(200, "").bytes;
  for (int i = 1; i <= 3; ++i) {
    server_.Then({.act = Act::kAnswerOnce, .bytes = answer});
    EXPECT_EQ(Post(Request(server_.url())).fate, HttpFate::kAnswered);
    EXPECT_EQ(server_.connections(), i);
    EXPECT_EQ(server_.requests().size(), static_cast<size_t>(i));
  }
}

TEST_F(HttpClientTest, DoesNotKnowWhatAMalformedAnswerMeans) {
  for (const std::string answer :
       {"banana\r\n\r\n", "0: Accepted for delivery", "HTTP/9 200 OK\r\n\r\n",
        "HTTP/1.1 202 OK\r\nContent-Length: 50\r\n\r\n0: Accepted",
        "HTTP/1.1 202 OK\r\nContent-Le",
        "HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 202 OK\r\nContent-Length: -5\r\n\r\n"}) {
    EXPECT_EQ(FateOf({.bytes = answer}), HttpFate::kUnknown) << answer;
  }
}

TEST_F(HttpClientTest, BoundsTheAnswer) {
  server_.Then(TestHttpServer::Answer(200, std::string(65'000, 'a')));
  EXPECT_EQ(Post(Request(server_.url())).body.size(), 65'000u);

  server_.Then(TestHttpServer::Answer(200, std::string(65'536, 'a')));
  const HttpResult long_body = Post(Request(server_.url()));
  EXPECT_EQ(long_body.fate, HttpFate::kUnknown);
  EXPECT_EQ(long_body.reason, "the answer is too long");
  EXPECT_TRUE(long_body.body.empty());

  std::string headers = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&headers, "X-Filler-", i, ": ", std::string(90, 'a'),
                    "\r\n");
  }
  server_.Then({.bytes = headers + "Content-Length: 0\r\n\r\n"});
  EXPECT_EQ(Post(Request(server_.url())).reason, "the answer is too long");
}

TEST_F(HttpClientTest, RefusesWhatItsQueueCannotTake) {
  Restart({.threads = 1, .max_waiting = 1});
  server_.Then({.act = Act::kHoldThenAnswer,
                .bytes = TestHttpServer::Answer(200, "first").bytes});
  server_.Then(TestHttpServer::Answer(200, "second"));
  auto first = Start(Request(server_.url()));
  server_.WaitForRequests(1);
  auto second = Start(Request(server_.url()));
  const HttpResult third = Post(Request(server_.url()));
  EXPECT_EQ(third.fate, HttpFate::kNotSent);
  EXPECT_EQ(third.reason, "too many requests wait");
  server_.Release();
  EXPECT_EQ(Await(std::move(first)).body.ExposeSecret(), "first");
  EXPECT_EQ(Await(std::move(second)).body.ExposeSecret(), "second");
}

TEST_F(HttpClientTest, CountsTheWaitInTheQueue) {
  Restart({.threads = 1, .max_waiting = 1});
  server_.Then({.act = Act::kHoldThenAnswer,
                .bytes = TestHttpServer::Answer(200, "first").bytes});
  auto first = Start(Request(server_.url()));
  server_.WaitForRequests(1);
  auto second = Start(Request(server_.url(), absl::Seconds(5)));
  clock_.Advance(absl::Seconds(5));
  server_.Release();
  EXPECT_EQ(Await(std::move(first)).fate, HttpFate::kAnswered);
  const HttpResult late = Await(std::move(second));
  EXPECT_EQ(late.fate, HttpFate::kNotSent);
  EXPECT_EQ(late.reason, "the deadline has passed");
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(HttpClientTest, SendsNothingAfterTheDeadline) {
  EXPECT_EQ(Post(Request(server_.url(), absl::ZeroDuration())).fate,
            HttpFate::kNotSent);
  EXPECT_EQ(Post(Request(server_.url(), absl::Microseconds(900))).fate,
            HttpFate::kNotSent);
  HttpRequest request = Request(server_.url());
  request.deadline = absl::InfinitePast();
  EXPECT_EQ(Post(std::move(request)).fate, HttpFate::kNotSent);
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(HttpClientTest, SendsNoMalformedHeader) {
  const std::pair<std::string, std::string> kHeaders[] = {
      {"X-A", "1\r\nX-B: 2"},
      {"X-A", "1\nX-B: 2"},
      {"X-A\r\nX-B", "1"},
      {"X-A: 1", "2"},
      {"", "1"},
      {"X-A", {"1\0", 2}}};
  for (const auto& [name, value] : kHeaders) {
    HttpRequest request = Request(server_.url());
    request.headers.push_back({name, Secret(value)});
    const HttpResult result = Post(std::move(request));
    EXPECT_EQ(result.fate, HttpFate::kNotSent);
    EXPECT_EQ(result.reason, "a header is malformed");
  }
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(HttpClientTest, AsksNoAddressButThoseOfHttp) {
  const std::string host = absl::StrCat("127.0.0.1:", server_.port());
  for (const std::string& url :
       {std::string("file:///etc/passwd"), "ftp://" + host, "gopher://" + host,
        "smtp://" + host, std::string(), std::string("http://"),
        "http://user:password@" + host, "http://user@" + host,
        "http://" + host + "/\r\nX-A: b", "http://" + host + "/a b"}) {
    const HttpResult result = Post(Request(url));
    EXPECT_EQ(result.fate, HttpFate::kNotSent) << url;
    EXPECT_EQ(result.reason, "the address is malformed") << url;
  }
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(HttpClientTest, TakesNoProxyFromTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  server_.Then(TestHttpServer::Answer(200, ""));
  EXPECT_EQ(Post(Request(server_.url())).fate, HttpFate::kAnswered);
  unsetenv("http_proxy");
  unsetenv("all_proxy");
}

TEST_F(HttpClientTest, ErrorsHoldNothingOfTheRequest) {
  std::string port;
  {
    const TestHttpServer gone;
    port = absl::StrCat(gone.port());
  }
  HttpRequest request =
      Request(absl::StrCat("http://127.0.0.1:", port, "/path-canary"));
  const std::string reason = Post(std::move(request)).reason;
  EXPECT_FALSE(reason.empty());
  EXPECT_FALSE(absl::StrContains(reason, "canary")) << reason;
  EXPECT_FALSE(absl::StrContains(reason, port)) << reason;
}

TEST_F(HttpClientTest, EndsWhatWaitsWhenItIsDestroyed) {
  Restart({.threads = 1, .max_waiting = 1});
  server_.Then({.act = Act::kHold});
  auto under_way = Start(Request(server_.url(), absl::Seconds(1)));
  server_.WaitForRequests(1);
  auto waiting = Start(Request(server_.url()));
  client_.reset();
  EXPECT_EQ(Await(std::move(under_way)).fate, HttpFate::kUnknown);
  const HttpResult never = Await(std::move(waiting));
  EXPECT_EQ(never.fate, HttpFate::kNotSent);
  EXPECT_EQ(never.reason, "the server stops");
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(HttpClientTest, HoldsUpOneServerOnlyForASlowOther) {
  TestHttpServer slow;
  slow.Then({.act = Act::kHoldThenAnswer,
             .bytes = TestHttpServer::Answer(200, "slow").bytes});
  auto held = Start(Request(slow.url()));
  slow.WaitForRequests(1);
  for (int i = 0; i < 50; ++i) {
    server_.Then(TestHttpServer::Answer(200, "fast"));
    EXPECT_EQ(Post(Request(server_.url())).body.ExposeSecret(), "fast");
  }
  slow.Release();
  EXPECT_EQ(Await(std::move(held)).body.ExposeSecret(), "slow");
}

// Answers one request over TLS, or closes after the handshake.
class TlsServer {
 public:
  explicit TlsServer(const TestIdentity& identity, bool hangs_up = false)
      : hangs_up_(hangs_up),
        listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_.get(), any, size), 0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    getsockname(listener_.get(), any, &size);
    url_ = absl::StrCat("https://127.0.0.1:", ntohs(address.sin_port), "/");
    const std::string folder = testing::TempDir();
    WriteTestFile(folder + "/tls.crt", identity.certificate);
    WriteTestFile(folder + "/tls.key", identity.key);
    context_ = SSL_CTX_new(TLS_server_method());
    EXPECT_EQ(SSL_CTX_use_certificate_file(
                  context_, (folder + "/tls.crt").c_str(), SSL_FILETYPE_PEM),
              1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(
                  context_, (folder + "/tls.key").c_str(), SSL_FILETYPE_PEM),
              1);
    thread_ = std::thread([this] { Serve(); });
  }
  ~TlsServer() {
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    SSL_CTX_free(context_);
  }

  const std::string& url() const { return url_; }
  bool had_request() const { return had_request_; }

 private:
  void Serve() {
    // The client may be gone when the handshake ends.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    const FileDescriptor connection(accept(listener_.get(), nullptr, nullptr));
    if (!connection.valid()) return;
    SSL* const tls = SSL_new(context_);
    SSL_set_fd(tls, connection.get());
    char buffer[4096];
    if (SSL_accept(tls) == 1 && !hangs_up_ &&
        SSL_read(tls, buffer, sizeof(buffer)) > 0) {
      had_request_ = true;
      const std::string answer = TestHttpServer::Answer(200, "safe").bytes;
      SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(tls);
    }
    SSL_free(tls);
  }

  const bool hangs_up_;
  const FileDescriptor listener_;
  std::string url_;
  SSL_CTX* context_ = nullptr;
  std::atomic<bool> had_request_{false};
  std::thread thread_;
};

class HttpClientTlsTest : public HttpClientTest {
 protected:
  HttpClientTlsTest() : ca_file_(testing::TempDir() + "/authority.crt") {
    WriteTestFile(ca_file_, authority_.certificate());
    Restart({.threads = 1, .max_waiting = 1, .ca_file = ca_file_});
  }

  const TestAuthority authority_;
  const std::string ca_file_;
};

TEST_F(HttpClientTlsTest, TrustsTheAuthorityOfItsOptions) {
  const TlsServer server(authority_.IssueServer());
  const HttpResult result = Post(Request(server.url()));
  EXPECT_EQ(result.body.ExposeSecret(), "safe") << result.reason;
}

TEST_F(HttpClientTlsTest, SurvivesAServerThatHangsUp) {
  const TlsServer server(authority_.IssueServer(), /*hangs_up=*/true);
  HttpRequest request = Request(server.url());
  request.body = Secret(std::string(20'000'000, 'x'));
  EXPECT_EQ(Post(std::move(request)).fate, HttpFate::kUnknown);
}

TEST_F(HttpClientTlsTest, SendsNothingToAServerOfAnotherAuthority) {
  Restart({.threads = 1, .max_waiting = 1});
  const TlsServer server(authority_.IssueServer());
  EXPECT_EQ(Post(Request(server.url())).fate, HttpFate::kNotSent);
  EXPECT_FALSE(server.had_request());
}

TEST_F(HttpClientTlsTest, SendsNothingToAServerOfAnotherName) {
  const TlsServer server(authority_.Issue("DNS:other.example"));
  EXPECT_EQ(Post(Request(server.url())).fate, HttpFate::kNotSent);
  EXPECT_FALSE(server.had_request());
}

}  // namespace
}  // namespace cofactor::services
