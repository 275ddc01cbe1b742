#include "services/config/check_push.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config/read_config.h"

namespace cofactor::services {
namespace {

using ::testing::HasSubstr;

constexpr absl::string_view kStart = R"(mode: MODE_DEV
storage { rocksdb { folder: "store" } key_ring_file: "key_ring" }
listeners { address: "127.0.0.1:0" plaintext {} }
admin_key_file: "admin_key"
audit { retention { seconds: 86400 } }
monitoring { off {} }
logging { calls: CALL_LOG_FAILED }
messaging { off {} }
)";

// Begins on line 9.
constexpr absl::string_view kGood = R"(push {
  device_server: "https://id.example.com"
  web_push {
    vapid_key_file: "vapid.pem"
    subject: "mailto:operator@example.com"
    allowed_hosts: [
      "updates.push.services.mozilla.com",
      ".push.apple.com",
      "ntfy.example:8443"
    ]
    allow_loopback: true
  }
  fcm { service_account_file: "/run/fcm.json" }
  apns {
    key_file: "apns.p8"
    key_id: "ABC123DEFG"
    team_id: "DEF123GHIJ"
    topic: "com.example.app"
    sandbox: true
  }
}
)";

config::v1::Push Parse(absl::string_view push) {
  const auto config = ParseConfig(absl::StrCat(kStart, push), "/etc/c");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? config->push() : config::v1::Push();
}

// The error for the good configuration with one text replaced by another.
std::string ErrorOf(const std::string& from, const std::string& to) {
  const std::string good = absl::StrCat(kStart, kGood);
  const std::string text = absl::StrReplaceAll(good, {{from, to}});
  EXPECT_NE(text, good) << from;
  const auto config = ParseConfig(text, "/etc/c");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kFailedPrecondition)
      << from << " -> " << to;
  return std::string(config.status().message());
}

TEST(CheckPushTest, AGoodOneIsTakenAndItsPathsMadeAbsolute) {
  const config::v1::Push push = Parse(kGood);
  EXPECT_EQ(push.device_server(), "https://id.example.com");
  EXPECT_EQ(push.web_push().vapid_key_file(), "/etc/vapid.pem");
  EXPECT_EQ(push.web_push().allowed_hosts_size(), 3);
  EXPECT_EQ(push.fcm().service_account_file(), "/run/fcm.json");
  EXPECT_EQ(push.apns().key_file(), "/etc/apns.p8");
}

TEST(CheckPushTest, ItMayBeLeftOutAndSoMayEachVendor) {
  const auto config = ParseConfig(kStart, "/etc/c");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_FALSE(config->has_push());
  const config::v1::Push push =
      Parse("push { device_server: \"http://127.0.0.1:50051\" }");
  EXPECT_FALSE(push.has_web_push());
  EXPECT_FALSE(push.has_fcm());
  EXPECT_FALSE(push.has_apns());
}

TEST(CheckPushTest, WhatIsMissingIsNamedWithItsPlace) {
  for (const std::string line :
       {"  device_server: \"https://id.example.com\"",
        "    vapid_key_file: \"vapid.pem\"",
        "    subject: \"mailto:operator@example.com\"",
        "    key_file: \"apns.p8\"", "    key_id: \"ABC123DEFG\"",
        "    team_id: \"DEF123GHIJ\"", "    topic: \"com.example.app\""}) {
    const std::string error = ErrorOf(line, "");
    const std::string field(
        absl::StripLeadingAsciiWhitespace(line.substr(0, line.find(':'))));
    EXPECT_THAT(error, HasSubstr(field));
    EXPECT_THAT(error, HasSubstr("/etc/c:"));
  }
  EXPECT_THAT(ErrorOf("service_account_file: \"/run/fcm.json\"", ""),
              HasSubstr("push.fcm.service_account_file"));
}

TEST(CheckPushTest, ADeviceServerIsAHostThatIsCalledSafely) {
  const std::string good = "https://id.example.com";
  for (const std::string server :
       {"https://id.example.com:8443", "https://192.0.2.1",
        "https://[2001:db8::1]:8443", "http://127.0.0.1:50051",
        "http://[::1]:50051", "http://localhost:50051", "https://localhost"}) {
    Parse(absl::StrReplaceAll(kGood, {{good, server}}));
  }
  for (const std::string server :
       {"id.example.com", "http://id.example.com", "ftp://id.example.com",
        "https://", "https://:443", "https://id.example.com/",
        "https://id.example.com/x", "https://u@id.example.com",
        "https://id.example.com:0", "https://id.example.com:65536",
        "https://id.example.com:", "https://.example.com",
        "https://id.example.com?x", "https://ID.example.com",
        "http://127.0.0.1.example.com", "https://id.example.com:1:2"}) {
    EXPECT_THAT(ErrorOf(good, server), HasSubstr(":10:3: push.device_server"))
        << server;
  }
}

TEST(CheckPushTest, ASubjectIsSomebodyToTurnTo) {
  const std::string good = "mailto:operator@example.com";
  Parse(absl::StrReplaceAll(kGood, {{good, "https://example.com/contact"}}));
  for (const std::string subject :
       {"operator@example.com", "mailto:", "mailto:x", "mailto:@x", "mailto:x@",
        "http://example.com", "https://", "https:///x", "mailto:a b@x"}) {
    EXPECT_THAT(ErrorOf(good, subject), HasSubstr("push.web_push.subject"))
        << subject;
  }
}

TEST(CheckPushTest, AllowedHostsAreHosts) {
  for (const std::string host :
       {"*.push.apple.com", "https://push.apple.com", ".com", "Push.apple.com",
        "push.apple.com/", "push.apple.com:x", ""}) {
    EXPECT_THAT(ErrorOf(".push.apple.com", host),
                HasSubstr("push.web_push.allowed_hosts"))
        << host;
  }
}

// In production nobody may choose whom the server calls on its own machine.
TEST(CheckPushTest, LoopbackIsForTestsAlone) {
  EXPECT_THAT(ErrorOf("MODE_DEV", "MODE_PRODUCTION"),
              HasSubstr("push.web_push.allow_loopback"));
  Parse(
      "push { device_server: \"https://a.example\" web_push { "
      "vapid_key_file: \"v\" subject: \"mailto:a@b\" allow_loopback: true } }");
  const std::string text =
      absl::StrCat(kStart,
                   "push { device_server: \"https://a.example\" web_push { "
                   "vapid_key_file: \"v\" subject: \"mailto:a@b\" } }");
  EXPECT_THAT(std::string(ParseConfig(text, "/etc/c").status().message()),
              HasSubstr("push.web_push.allowed_hosts"));
}

TEST(CheckPushTest, IdsOfAppleAreTenLettersAndDigits) {
  for (const std::string id :
       {"ABC123DEF", "ABC123DEFGH", "ABC123DEF-", "ABC123 EFG"}) {
    EXPECT_THAT(ErrorOf("ABC123DEFG", id), HasSubstr("push.apns.key_id"));
    EXPECT_THAT(ErrorOf("DEF123GHIJ", id), HasSubstr("push.apns.team_id"));
  }
  EXPECT_THAT(ErrorOf("com.example.app", "com.example app"),
              HasSubstr("push.apns.topic"));
  EXPECT_THAT(ErrorOf("com.example.app", "a\\r\\nx: y"),
              HasSubstr("push.apns.topic"));
}

}  // namespace
}  // namespace cofactor::services
