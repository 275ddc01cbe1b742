#include "services/wake_up/allowed_hosts.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

bool Allows(const std::vector<std::string>& entries, absl::string_view host,
            int port = 443) {
  const auto hosts = AllowedHosts::Create(entries);
  EXPECT_TRUE(hosts.ok()) << hosts.status();
  return hosts.ok() && hosts->Allows(host, port);
}

TEST(AllowedHostsTest, AHostIsAllowedAlone) {
  const std::vector<std::string> entries = {"push.example.com"};
  EXPECT_TRUE(Allows(entries, "push.example.com"));
  EXPECT_FALSE(Allows(entries, "a.push.example.com"));
  EXPECT_FALSE(Allows(entries, "apush.example.com"));
  EXPECT_FALSE(Allows(entries, "example.com"));
  EXPECT_FALSE(Allows(entries, "push.example.com.evil.example"));
  EXPECT_FALSE(Allows(entries, "push.example.com."));
  EXPECT_FALSE(Allows(entries, ""));
  EXPECT_FALSE(Allows({}, "push.example.com"));
}

TEST(AllowedHostsTest, ADomainIsAllowedWithAllBelowItButNotItself) {
  const std::vector<std::string> entries = {"one.example", ".push.example.com"};
  EXPECT_TRUE(Allows(entries, "one.example"));
  EXPECT_TRUE(Allows(entries, "a.push.example.com"));
  EXPECT_TRUE(Allows(entries, "a.b.push.example.com"));
  EXPECT_FALSE(Allows(entries, "push.example.com"));
  EXPECT_FALSE(Allows(entries, ".push.example.com"));
  EXPECT_FALSE(Allows(entries, "..push.example.com"));
  EXPECT_FALSE(Allows(entries, "evilpush.example.com"));
  EXPECT_FALSE(Allows(entries, "a.push.example.com.evil"));
}

TEST(AllowedHostsTest, OtherPortsHaveToBeNamed) {
  const std::vector<std::string> entries = {"a.example", "b.example:8443",
                                            ".c.example:81"};
  EXPECT_TRUE(Allows(entries, "a.example", 443));
  EXPECT_FALSE(Allows(entries, "a.example", 80));
  EXPECT_FALSE(Allows(entries, "a.example", 8443));
  EXPECT_TRUE(Allows(entries, "b.example", 8443));
  EXPECT_FALSE(Allows(entries, "b.example", 443));
  EXPECT_TRUE(Allows(entries, "x.c.example", 81));
  EXPECT_FALSE(Allows(entries, "x.c.example", 443));
}

TEST(AllowedHostsTest, AddressesHaveToBeNamedThemselves) {
  const std::vector<std::string> entries = {"192.0.2.7", "[2001:DB8::0:1]:90"};
  EXPECT_TRUE(Allows(entries, "192.0.2.7"));
  EXPECT_FALSE(Allows(entries, "192.0.2.8"));
  EXPECT_TRUE(Allows(entries, "[2001:db8::1]", 90));
  EXPECT_FALSE(Allows(entries, "[2001:db8::1]", 443));
  EXPECT_FALSE(Allows(entries, "[::1]", 90));
}

TEST(AllowedHostsTest, TellsAddressesFromNames) {
  for (const absl::string_view address :
       {"127.0.0.1", "2130706433", "0x7f000001", "127.1", "0177.0.0.1",
        "a.0x7F", "a.12", "127.0.0.1.", "[::1]", "::1", "[::ffff:127.0.0.1]"}) {
    EXPECT_TRUE(IsIpAddress(address)) << address;
  }
  for (const absl::string_view name :
       {"example.com", "1.example", "a.1e", "localhost", "x0x.b", ""}) {
    EXPECT_FALSE(IsIpAddress(name)) << name;
  }
}

TEST(AllowedHostsTest, RefusesWhatIsNoHost) {
  for (const std::string entry : {"",
                                  ".",
                                  ".com",
                                  "..a.example",
                                  "A.example",
                                  "a.example.",
                                  "a..example",
                                  "https://a.example",
                                  "a.example/",
                                  "a.example:",
                                  "a.example:0",
                                  "a.example:65536",
                                  "a.example:+81",
                                  "a.example: 81",
                                  "a.example:81x",
                                  "*.example",
                                  "a_b.example",
                                  "-a.example",
                                  "a.example ",
                                  "u@a.example",
                                  "999.0.0.1",
                                  "127.1",
                                  "0x7f.1",
                                  ".0.0.1",
                                  "::1",
                                  "[::1",
                                  "[::1%lo]",
                                  "[a.example]",
                                  "[::1]x"}) {
    EXPECT_EQ(AllowedHosts::Create({"good.example", entry}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << entry;
  }
}

}  // namespace
}  // namespace cofactor::services
