#include "services/telemetry/monitoring_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

class Connection {
 public:
  explicit Connection(const std::string& address)
      : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    const std::vector<std::string> parts = absl::StrSplit(address, ':');
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(parts[1], &port));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    EXPECT_EQ(inet_pton(AF_INET, parts[0].c_str(), &to.sin_addr), 1);
    is_open_ =
        connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0;
  }
  ~Connection() { close(socket_); }

  bool is_open() const { return is_open_; }

  void Send(const std::string& bytes) {
    send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  // All that comes until the server closes.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    ssize_t size = 0;
    while ((size = recv(socket_, buffer, sizeof(buffer), 0)) > 0) {
      all.append(buffer, static_cast<size_t>(size));
    }
    return all;
  }

 private:
  const int socket_;
  bool is_open_ = false;
};

struct Reply {
  std::string status_line;
  std::string headers;
  std::string body;
};

class MonitoringServerTest : public testing::Test {
 protected:
  MonitoringServerTest() {
    auto server = MonitoringServer::Start(
        "127.0.0.1:0",
        {.metrics = [this] { return std::string(metrics_size_, 'm'); },
         .health =
             [this] {
               return healthy_ ? absl::OkStatus()
                               : absl::UnavailableError(
                                     "the disk\r\nX-Forged: 1\n is full");
             },
         .jwks = [this]() -> absl::StatusOr<std::string> {
           if (!healthy_) return absl::UnavailableError("secret path");
           return R"({"keys":[]})";
         }});
    EXPECT_TRUE(server.ok()) << server.status();
    if (server.ok()) server_ = *std::move(server);
  }

  Reply Ask(const std::string& request) {
    Connection connection(server_->address());
    EXPECT_TRUE(connection.is_open());
    connection.Send(request);
    const std::string all = connection.ReadAll();
    const size_t line = all.find("\r\n");
    const size_t end = all.find("\r\n\r\n");
    if (end == std::string::npos) return {all, "", ""};
    return {all.substr(0, line), all.substr(line, end + 2 - line),
            all.substr(end + 4)};
  }

  Reply AskFor(const std::string& method, const std::string& target,
               const std::string& headers = "") {
    return Ask(absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: x\r\n",
                            headers, "\r\n"));
  }

  static constexpr size_t kMetricsSize = 300;

  const std::string metrics_ = std::string(kMetricsSize, 'm');
  std::atomic<size_t> metrics_size_{kMetricsSize};
  std::atomic<bool> healthy_{true};
  std::unique_ptr<MonitoringServer> server_;
};

TEST_F(MonitoringServerTest, GivesTheMetrics) {
  const Reply reply = AskFor("GET", "/metrics");
  EXPECT_EQ(reply.status_line, "HTTP/1.1 200 OK");
  EXPECT_EQ(reply.body, metrics_);
  EXPECT_TRUE(absl::StrContains(
      reply.headers,
      "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_TRUE(absl::StrContains(
      reply.headers,
      absl::StrCat("\r\nContent-Length: ", metrics_.size(), "\r\n")));
}

TEST_F(MonitoringServerTest, GivesMetricsOfAnySizeWhole) {
  metrics_size_ = 3'000'000;
  EXPECT_EQ(AskFor("GET", "/metrics").body, std::string(metrics_size_, 'm'));
}

TEST_F(MonitoringServerTest, TellsTheHealth) {
  EXPECT_EQ(AskFor("GET", "/healthz").status_line, "HTTP/1.1 200 OK");
  EXPECT_EQ(AskFor("GET", "/healthz").body, "ok\n");
  healthy_ = false;
  const Reply reply = AskFor("GET", "/healthz");
  EXPECT_EQ(reply.status_line, "HTTP/1.1 503 Service Unavailable");
  // In one line.
  EXPECT_EQ(reply.body, "the disk  X-Forged: 1  is full\n");
}

TEST_F(MonitoringServerTest, GivesTheKeysOfReceipts) {
  const Reply reply = AskFor("GET", "/.well-known/jwks.json");
  EXPECT_EQ(reply.status_line, "HTTP/1.1 200 OK");
  EXPECT_EQ(reply.body, R"({"keys":[]})");
  EXPECT_TRUE(absl::StrContains(
      reply.headers, "\r\nContent-Type: application/jwk-set+json\r\n"));
  EXPECT_TRUE(absl::StrContains(reply.headers,
                                "\r\nCache-Control: public, max-age=300\r\n"));
  EXPECT_FALSE(absl::StrContains(reply.headers, "no-store"));
}

TEST_F(MonitoringServerTest, DoesNotSayWhyThereAreNoKeys) {
  healthy_ = false;
  const Reply reply = AskFor("GET", "/.well-known/jwks.json");
  EXPECT_EQ(reply.status_line, "HTTP/1.1 503 Service Unavailable");
  EXPECT_EQ(reply.body, "the keys cannot be read\n");
  EXPECT_TRUE(
      absl::StrContains(reply.headers, "\r\nCache-Control: no-store\r\n"));
}

TEST_F(MonitoringServerTest, NobodyKeepsWhatItSaysOfItself) {
  for (const std::string target : {"/metrics", "/healthz", "/x"}) {
    EXPECT_TRUE(absl::StrContains(AskFor("GET", target).headers,
                                  "\r\nCache-Control: no-store\r\n"));
  }
}

TEST_F(MonitoringServerTest, TakesAQueryForAPartOfNoPath) {
  EXPECT_EQ(AskFor("GET", "/metrics?name=a").body, metrics_);
}

TEST_F(MonitoringServerTest, FindsNothingElse) {
  for (const std::string target :
       {"/", "/metrics/", "/metricsx", "/Metrics", "/healthz/x", "/etc/passwd",
        "/../../etc/passwd", "/%2e%2e/etc/passwd", "//", "/x/../metrics",
        "/BUILD.bazel", "/.well-known", "/.well-known/", "/jwks.json",
        "/.well-known/jwks.json/", "/.well-known/openid-configuration"}) {
    const std::string status = AskFor("GET", target).status_line;
    EXPECT_TRUE(absl::StartsWith(status, "HTTP/1.1 404 ") ||
                absl::StartsWith(status, "HTTP/1.1 400 "))
        << target << ": " << status;
  }
}

TEST_F(MonitoringServerTest, TakesNoOtherMethod) {
  for (const std::string method :
       {"HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"}) {
    for (const std::string target :
         {"/metrics", "/healthz", "/.well-known/jwks.json"}) {
      const Reply reply = AskFor(method, target, "Content-Length: 0\r\n");
      EXPECT_EQ(reply.status_line, "HTTP/1.1 405 Method Not Allowed") << method;
      EXPECT_TRUE(absl::StrContains(reply.headers, "\r\nAllow: GET\r\n"));
      if (method == "HEAD") {
        EXPECT_EQ(reply.body, "");
      }
    }
    EXPECT_EQ(AskFor(method, "/x", "Content-Length: 0\r\n").status_line,
              "HTTP/1.1 404 Not Found");
  }
}

// A page in a browser of an operator must not read it.
TEST_F(MonitoringServerTest, LetsNoPageOfAnotherOriginIn) {
  const std::string origin = "Origin: http://evil.example\r\n";
  EXPECT_FALSE(absl::StrContains(AskFor("GET", "/metrics", origin).headers,
                                 "Access-Control"));
  const Reply preflight = AskFor(
      "OPTIONS", "/metrics", origin + "Access-Control-Request-Method: GET\r\n");
  EXPECT_EQ(preflight.status_line, "HTTP/1.1 405 Method Not Allowed");
  EXPECT_FALSE(absl::StrContains(preflight.headers, "Access-Control"));
}

TEST_F(MonitoringServerTest, AnswersARequestWhoseBodyDoesNotCome) {
  EXPECT_EQ(
      AskFor("POST", "/metrics", "Content-Length: 1000000\r\n").status_line,
      "HTTP/1.1 405 Method Not Allowed");
}

TEST_F(MonitoringServerTest, RefusesALargeRequest) {
  const Reply reply = AskFor(
      "GET", "/metrics", absl::StrCat("X: ", std::string(8'192, 'x'), "\r\n"));
  EXPECT_FALSE(absl::StartsWith(reply.status_line, "HTTP/1.1 200"))
      << reply.status_line;
  EXPECT_EQ(AskFor("GET", "/healthz").body, "ok\n");
}

TEST_F(MonitoringServerTest, ServesOnAfterWhatIsNoRequest) {
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01", 6), std::string("\r\n\r\n"),
        std::string("GET\r\n\r\n"), std::string("PRI * HTTP/2.0\r\n\r\n"),
        std::string(100, '\0') + "\r\n\r\n"}) {
    const std::string status = Ask(bytes + "\r\n\r\n").status_line;
    EXPECT_FALSE(absl::StartsWith(status, "HTTP/1.1 200")) << status;
  }
  EXPECT_EQ(AskFor("GET", "/healthz").body, "ok\n");
}

TEST_F(MonitoringServerTest, AnswersManyAtOnce) {
  std::atomic<int> whole{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([this, &whole] {
      for (int i = 0; i < 10; ++i) {
        if (AskFor("GET", "/metrics").body == metrics_) ++whole;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(whole, 80);
}

TEST_F(MonitoringServerTest, SaysWhereItListens) {
  EXPECT_TRUE(absl::StartsWith(server_->address(), "127.0.0.1:"));
  EXPECT_FALSE(absl::EndsWith(server_->address(), ":0"));
}

TEST_F(MonitoringServerTest, RefusesAnAddressThatIsTaken) {
  const absl::Status status =
      MonitoringServer::Start(server_->address(), {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(status.message(), server_->address()));
  EXPECT_EQ(AskFor("GET", "/healthz").body, "ok\n");
}

TEST(MonitoringServerKeysTest, HasNoKeysWithoutAFunctionForThem) {
  auto server = MonitoringServer::Start(
      "127.0.0.1:0", {.metrics = [] { return std::string(); },
                      .health = [] { return absl::OkStatus(); }});
  ASSERT_TRUE(server.ok()) << server.status();
  Connection connection((*server)->address());
  connection.Send("GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(
      absl::StartsWith(connection.ReadAll(), "HTTP/1.1 404 Not Found\r\n"));
}

TEST(MonitoringServerEndTest, LetsItsPortGo) {
  auto server = MonitoringServer::Start("127.0.0.1:0", {});
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string address = (*server)->address();
  EXPECT_TRUE(Connection(address).is_open());
  server->reset();
  EXPECT_FALSE(Connection(address).is_open());
  // And others may take it.
  EXPECT_TRUE(MonitoringServer::Start(address, {}).ok());
}

TEST(MonitoringServerAddressTest, RefusesWhatIsMalformed) {
  for (const std::string address :
       {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1",
        "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:65536",
        "127.0.0.1:4294967296", "127.0.0.1:0s", "127.0.0.1:0,8080",
        "0,127.0.0.1:0", "+0:0", "127.1:0", "127.0.0.256:0", "example.com:0",
        "[::1]:0", "::1:0"}) {
    EXPECT_EQ(MonitoringServer::Start(address, {}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
  EXPECT_EQ(MonitoringServer::Start(absl::string_view("127.0.0.1\0:0", 12), {})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(MonitoringServerAddressTest, IsOnLoopbackUnlessToldOtherwise) {
  for (const std::string address : {":0", "localhost:0"}) {
    const auto server = MonitoringServer::Start(address, {});
    ASSERT_TRUE(server.ok()) << server.status();
    EXPECT_TRUE(absl::StartsWith((*server)->address(), "127.0.0.1:"));
    EXPECT_TRUE(Connection((*server)->address()).is_open());
  }
}

}  // namespace
}  // namespace cofactor::services
