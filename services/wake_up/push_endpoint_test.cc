#include "services/wake_up/push_endpoint.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

EndpointPolicy Policy(bool allow_loopback = false) {
  auto hosts = AllowedHosts::Create({"push.example", ".wide.example.com",
                                     "other.example:8443", "192.0.2.7",
                                     "[2001:db8::7]"});
  EXPECT_TRUE(hosts.ok()) << hosts.status();
  return {.hosts = *std::move(hosts), .allow_loopback = allow_loopback};
}

bool Allows(absl::string_view url, bool allow_loopback = false) {
  const auto endpoint = ReadPushEndpoint(url, Policy(allow_loopback));
  if (!endpoint.ok()) {
    EXPECT_EQ(endpoint.status().code(), absl::StatusCode::kInvalidArgument);
    // Errors are logged, and the path of an endpoint is a secret of its device.
    EXPECT_FALSE(absl::StrContains(endpoint.status().message(), "/"));
  }
  return endpoint.ok();
}

TEST(PushEndpointTest, TellsWhatIsCalledAndWhoseItIs) {
  const auto plain =
      ReadPushEndpoint("https://push.example/p/abc?x=1&y=%2f", Policy());
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->url, "https://push.example/p/abc?x=1&y=%2f");
  EXPECT_EQ(plain->origin, "https://push.example");

  const auto port = ReadPushEndpoint("https://other.example:8443/p", Policy());
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_EQ(port->origin, "https://other.example:8443");

  const auto loud = ReadPushEndpoint("HTTPS://Push.Example:443/P", Policy());
  ASSERT_TRUE(loud.ok()) << loud.status();
  EXPECT_EQ(loud->origin, "https://push.example");
}

TEST(PushEndpointTest, OnlyTheHostsOfTheOperatorAreCalled) {
  EXPECT_TRUE(Allows("https://push.example/x"));
  EXPECT_TRUE(Allows("https://a.wide.example.com/x"));
  EXPECT_TRUE(Allows("https://192.0.2.7/x"));
  EXPECT_TRUE(Allows("https://[2001:db8:0::7]/x"));

  EXPECT_FALSE(Allows("https://push.example.evil/x"));
  EXPECT_FALSE(Allows("https://evil.example/x"));
  EXPECT_FALSE(Allows("https://evilpush.example/x"));
  EXPECT_FALSE(Allows("https://wide.example.com/x"));
  EXPECT_FALSE(Allows("https://push.example./x"));
  EXPECT_FALSE(Allows("https://evil.example/push.example"));
  EXPECT_FALSE(Allows("https://evil.example?push.example"));
  EXPECT_FALSE(Allows("https://evil.example#push.example"));
}

TEST(PushEndpointTest, UsersAreNotTaken) {
  EXPECT_FALSE(Allows("https://evil.example@push.example/x"));
  EXPECT_FALSE(Allows("https://push.example@evil.example/x"));
  EXPECT_FALSE(Allows("https://u:p@push.example/x"));
  EXPECT_FALSE(Allows("https://push.example:443@evil.example/x"));
  EXPECT_FALSE(Allows("https://push.example%40evil.example/x"));
}

TEST(PushEndpointTest, OnlyHttpsIsSpoken) {
  EXPECT_FALSE(Allows("http://push.example/x"));
  EXPECT_FALSE(Allows("http://push.example:443/x"));
  EXPECT_FALSE(Allows("ftp://push.example/x"));
  EXPECT_FALSE(Allows("file:///etc/passwd"));
  EXPECT_FALSE(Allows("gopher://push.example/x"));
  EXPECT_FALSE(Allows("push.example/x"));
  EXPECT_FALSE(Allows("//push.example/x"));
  EXPECT_FALSE(Allows(""));
}

TEST(PushEndpointTest, OtherPortsAreNotCalled) {
  EXPECT_TRUE(Allows("https://push.example:443/x"));
  EXPECT_TRUE(Allows("https://other.example:8443/x"));
  EXPECT_FALSE(Allows("https://other.example/x"));
  EXPECT_FALSE(Allows("https://push.example:8443/x"));
  EXPECT_FALSE(Allows("https://push.example:80/x"));
  EXPECT_FALSE(Allows("https://push.example:0/x"));
  EXPECT_FALSE(Allows("https://push.example:65979/x"));
  EXPECT_FALSE(Allows("https://push.example:22:443/x"));
  EXPECT_FALSE(Allows("https://push.example:4 43/x"));
}

// Clouds tell their secrets there, and neighbours trust the network.
TEST(PushEndpointTest, AddressesInsideAreNotCalledHoweverTheyAreWritten) {
  for (const absl::string_view host :
       {"169.254.169.254",
        "127.0.0.1",
        "10.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[fd00::1]",
        "[fe80::1%25lo]",
        "[fe80::1%lo]",
        "[2001:db8::7%25lo]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "169.254.169.254.wide.example.com.0x1"}) {
    EXPECT_FALSE(Allows(absl::StrCat("https://", host, "/x"))) << host;
    EXPECT_FALSE(Allows(absl::StrCat("http://", host, "/x"))) << host;
  }
  EXPECT_FALSE(Allows("http://169.254.169.254/latest/meta-data", true));
  // 192.0.2.7, which is allowed: what is called is what was checked.
  const auto number = ReadPushEndpoint("https://3221225991/x", Policy());
  ASSERT_TRUE(number.ok()) << number.status();
  EXPECT_EQ(number->url, "https://192.0.2.7/x");
}

TEST(PushEndpointTest, WhatIsReadInTwoWaysIsNotTaken) {
  EXPECT_FALSE(Allows("https://evil.example\\@push.example/x"));
  EXPECT_FALSE(Allows("https:\\\\push.example/x"));
  EXPECT_FALSE(Allows("https://push.example/\\@evil.example"));
  EXPECT_FALSE(Allows("https://push.example\r\nX: y/x"));
  EXPECT_FALSE(Allows("https://push.example/x\r\nX-Evil: y"));
  EXPECT_FALSE(Allows(absl::string_view("https://push.example\0.evil/x", 28)));
  EXPECT_FALSE(Allows("https://push.example /x"));
  EXPECT_FALSE(Allows(" https://push.example/x"));
  EXPECT_FALSE(Allows("https://push.example/\xc3\xa4"));
  EXPECT_FALSE(
      Allows("https://push\xe3\x80\x82"
             "example/x"));
  EXPECT_FALSE(Allows("https://push.example/x#y"));
  EXPECT_FALSE(Allows("https://"));
  EXPECT_FALSE(Allows("https:///x"));
  EXPECT_FALSE(Allows("https:push.example/x"));
}

TEST(PushEndpointTest, LongOnesAreNotTaken) {
  const std::string start = "https://push.example/";
  EXPECT_TRUE(Allows(start + std::string(2048 - start.size(), 'a')));
  EXPECT_FALSE(Allows(start + std::string(2049 - start.size(), 'a')));
}

TEST(PushEndpointTest, LoopbackIsForTestsAlone) {
  for (const absl::string_view url :
       {"http://127.0.0.1:8080/x", "http://[::1]:80/x", "http://localhost/x",
        "https://localhost:8443/x"}) {
    EXPECT_TRUE(Allows(url, true)) << url;
    EXPECT_FALSE(Allows(url, false)) << url;
  }
  EXPECT_FALSE(Allows("http://push.example/x", true));
  EXPECT_FALSE(Allows("http://localhost.evil.example/x", true));
  EXPECT_FALSE(Allows("http://127.0.0.1.evil.example/x", true));
  EXPECT_FALSE(Allows("http://u@127.0.0.1/x", true));
  EXPECT_FALSE(Allows("ftp://127.0.0.1/x", true));
}

}  // namespace
}  // namespace cofactor::services
