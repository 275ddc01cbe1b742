#include "services/config/check_messaging.h"

#include <string>
#include <vector>

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
)";

// Begins on line 8.
constexpr absl::string_view kGood = R"(messaging {
  sms {
    gateways {
      name: "near"
      kannel {
        url: "http://127.0.0.1:13013/cgi-bin/sendsms"
        username: "idsvc"
        password_file: "kannel_password"
      }
    }
    gateways {
      name: "far"
      twilio {
        base_url: "https://sms.example.com"
        account_sid: "AC1"
        auth_token_file: "/run/token"
        sender: "+4930123"
      }
    }
    gateways {
      name: "own"
      webhook { url: "https://[::1]:8443/send" secret_file: "hook_key" }
    }
    gateways { name: "seen" outbox {} }
    allowed_regions: [
      "DE",
      "US"
    ]
    texts { locale: "de-AT" text: "Ihr Code: {code}" }
    webotp_host: "login.example.com"
    code_digits: 8
    budgets { least_conversion_percent: 100 }
    report_address: "127.0.0.1:0"
    report_url_base: "https://id.example.com/x"
    report_key_file: "report_key"
  }
}
)";

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

config::v1::Sms Parse(absl::string_view messaging) {
  const auto config = ParseConfig(absl::StrCat(kStart, messaging), "/etc/c");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? config->messaging().sms() : config::v1::Sms();
}

TEST(CheckMessagingTest, TakesPathsFromTheFolderOfTheFile) {
  const config::v1::Sms sms = Parse(kGood);
  ASSERT_EQ(sms.gateways_size(), 4);
  EXPECT_EQ(sms.gateways(0).kannel().password_file(), "/etc/kannel_password");
  EXPECT_EQ(sms.gateways(1).twilio().auth_token_file(), "/run/token");
  EXPECT_EQ(sms.gateways(2).webhook().secret_file(), "/etc/hook_key");
  EXPECT_EQ(sms.report_key_file(), "/etc/report_key");
}

TEST(CheckMessagingTest, KeepsWhatIsSet) {
  const config::v1::Sms sms = Parse(absl::StrReplaceAll(
      kGood, {{"least_conversion_percent: 100", "number_per_10_minutes: 1"}}));
  EXPECT_EQ(sms.code_digits(), 8u);
  EXPECT_EQ(sms.texts_size(), 1);
  EXPECT_EQ(sms.gateways(1).twilio().base_url(), "https://sms.example.com");
  EXPECT_EQ(sms.budgets().number_per_10_minutes(), 1u);
}

TEST(CheckMessagingTest, FillsInTheDefaults) {
  const config::v1::Sms sms = Parse(
      "messaging { sms { gateways { name: 'a' twilio { account_sid: 'b' "
      "auth_token_file: 'c' messaging_service_sid: 'd' } } allowed_regions: "
      "'DE' } }");
  EXPECT_EQ(sms.code_digits(), 6u);
  ASSERT_EQ(sms.texts_size(), 1);
  EXPECT_THAT(sms.texts(0).text(), HasSubstr("{code}"));
  EXPECT_EQ(sms.gateways(0).twilio().base_url(), "https://api.twilio.com");
  EXPECT_EQ(sms.report_key_file(), "");
  const config::v1::SendBudgets& budgets = sms.budgets();
  EXPECT_EQ(budgets.number_per_10_minutes(), 5u);
  EXPECT_EQ(budgets.number_per_day(), 10u);
  EXPECT_EQ(budgets.prefix_per_hour(), 20u);
  EXPECT_EQ(budgets.prefix_per_day(), 60u);
  EXPECT_EQ(budgets.client_per_hour(), 5'000u);
  EXPECT_EQ(budgets.account_per_hour(), 200u);
  EXPECT_EQ(budgets.account_per_day(), 1'000u);
  EXPECT_EQ(budgets.all_per_hour(), 2'000u);
  EXPECT_EQ(budgets.all_per_day(), 20'000u);
  EXPECT_EQ(budgets.least_conversion_percent(), 20u);
  EXPECT_EQ(budgets.conversion_sends(), 100u);
}

TEST(CheckMessagingTest, HasTheOutboxInDevAlone) {
  EXPECT_THAT(ErrorOf("MODE_DEV", "MODE_PRODUCTION"),
              HasSubstr("/etc/c:31:29: messaging.sms.gateways[3].outbox: sends "
                        "nothing and shows codes: only in MODE_DEV"));
}

TEST(CheckMessagingTest, NamesThePlaceOfAGatewayThatIsIncomplete) {
  EXPECT_THAT(ErrorOf("outbox {}", ""),
              HasSubstr("/etc/c:31:5: messaging.sms.gateways[3].kind: is not "
                        "chosen: set kannel or twilio or webhook or outbox"));
  EXPECT_THAT(ErrorOf("      name: \"near\"\n", ""),
              HasSubstr("/etc/c:10:5: messaging.sms.gateways[0].name: is not"));
  EXPECT_THAT(ErrorOf("\"far\"", "\"near\""),
              HasSubstr("/etc/c:19:7: messaging.sms.gateways[1].name: another "
                        "gateway has this name"));
  EXPECT_THAT(ErrorOf("\"near\"", "\"Near\""),
              HasSubstr("/etc/c:11:7: messaging.sms.gateways[0].name: want"));
  EXPECT_THAT(
      ErrorOf("        username: \"idsvc\"\n", ""),
      HasSubstr("/etc/c:12:7: messaging.sms.gateways[0].kannel.username"));
  EXPECT_THAT(
      ErrorOf("        password_file: \"kannel_password\"\n", ""),
      HasSubstr("/etc/c:12:7: messaging.sms.gateways[0].kannel.password_file"));
  EXPECT_THAT(
      ErrorOf("        account_sid: \"AC1\"\n", ""),
      HasSubstr("/etc/c:20:7: messaging.sms.gateways[1].twilio.account_sid"));
  EXPECT_THAT(
      ErrorOf("        auth_token_file: \"/run/token\"\n", ""),
      HasSubstr(
          "/etc/c:20:7: messaging.sms.gateways[1].twilio.auth_token_file"));
  EXPECT_THAT(
      ErrorOf("        sender: \"+4930123\"\n", ""),
      HasSubstr("/etc/c:20:7: messaging.sms.gateways[1].twilio.origin: is not "
                "chosen: set sender or messaging_service_sid"));
  EXPECT_THAT(
      ErrorOf(" secret_file: \"hook_key\"", ""),
      HasSubstr("/etc/c:29:7: messaging.sms.gateways[2].webhook.secret_file"));
}

TEST(CheckMessagingTest, NamesThePlaceOfABadAddress) {
  for (const std::string bad :
       {"ftp://127.0.0.1/", "127.0.0.1:13013", "http://", "http:///x",
        "http://user:password@host/", "http://host/?password=x", "http://h ost",
        "http://host/#x"}) {
    EXPECT_THAT(
        ErrorOf("http://127.0.0.1:13013/cgi-bin/sendsms", bad),
        HasSubstr("/etc/c:13:9: messaging.sms.gateways[0].kannel.url: want"))
        << bad;
  }
  EXPECT_THAT(
      ErrorOf("https://sms.example.com", "sms.example.com"),
      HasSubstr("/etc/c:21:9: messaging.sms.gateways[1].twilio.base_url"));
  EXPECT_THAT(
      ErrorOf("https://sms.example.com", "https://sms.example.com/"),
      HasSubstr("/etc/c:21:9: messaging.sms.gateways[1].twilio.base_url"));
  EXPECT_THAT(
      ErrorOf("https://[::1]:8443/send", "[::1]"),
      HasSubstr("/etc/c:29:17: messaging.sms.gateways[2].webhook.url: want"));
}

TEST(CheckMessagingTest, NamesThePlaceOfABadRegion) {
  for (const std::string bad : {"us", "USA", "U", "+1", ""}) {
    EXPECT_THAT(ErrorOf("\"US\"", absl::StrCat("\"", bad, "\"")),
                HasSubstr("/etc/c:32:5: messaging.sms.allowed_regions[1]: "
                          "want"))
        << bad;
  }
  EXPECT_THAT(ErrorOf("[\n      \"DE\",\n      \"US\"\n    ]", "[]"),
              HasSubstr("/etc/c:9:3: messaging.sms.allowed_regions: is not"));
}

TEST(CheckMessagingTest, NamesThePlaceOfABadText) {
  EXPECT_THAT(ErrorOf("Code: {code}", "Code: {CODE}"),
              HasSubstr("/etc/c:36:29: messaging.sms.texts[0].text: want "
                        "{code} in it once"));
  EXPECT_THAT(ErrorOf("Code: {code}", "{code} {code}"),
              HasSubstr("/etc/c:36:29: messaging.sms.texts[0].text: want "
                        "{code} in it once"));
  EXPECT_THAT(
      ErrorOf("Code:", std::string(500, 'x')),
      HasSubstr("/etc/c:36:29: messaging.sms.texts[0].text: want at most"));
  for (const std::string bad : {"de_AT", "-de", "de-", "1", "deutschland"}) {
    EXPECT_THAT(ErrorOf("de-AT", bad),
                HasSubstr("/etc/c:36:13: messaging.sms.texts[0].locale: want"))
        << bad;
  }
  EXPECT_THAT(ErrorOf("texts {",
                      "texts { locale: \"DE-at\" text: \"{code}\" } texts {"),
              HasSubstr("messaging.sms.texts[1].locale: another text has"));
}

TEST(CheckMessagingTest, NamesThePlaceOfABadNumberOrHost) {
  for (const std::string bad : {"1", "3", "11"}) {
    EXPECT_THAT(ErrorOf("code_digits: 8", "code_digits: " + bad),
                HasSubstr("/etc/c:38:5: messaging.sms.code_digits: want 4 to"));
  }
  EXPECT_THAT(
      ErrorOf("percent: 100", "percent: 101"),
      HasSubstr("/etc/c:39:15: "
                "messaging.sms.budgets.least_conversion_percent: want"));
  for (const std::string bad :
       {"Login.example.com", "https://login.example.com", "a..b", "-a.b",
        "login.example.com:443", "a b"}) {
    EXPECT_THAT(ErrorOf("login.example.com", bad),
                HasSubstr("/etc/c:37:5: messaging.sms.webotp_host: want"))
        << bad;
  }
}

TEST(CheckMessagingTest, NamesThePlaceOfWhatReportsLack) {
  EXPECT_THAT(
      ErrorOf("report_address: \"127.0.0.1:0\"", "report_address: \"host\""),
      HasSubstr("/etc/c:40:5: messaging.sms.report_address: want"));
  EXPECT_THAT(ErrorOf("    report_address: \"127.0.0.1:0\"\n", ""),
              HasSubstr("/etc/c:40:5: messaging.sms.report_url_base: needs"));
  for (const std::string bad : {"id.example.com", "https://a/%41", "https://a/",
                                "https://a?b", "https://a@b"}) {
    EXPECT_THAT(ErrorOf("https://id.example.com/x", bad),
                HasSubstr("/etc/c:41:5: messaging.sms.report_url_base: want"))
        << bad;
  }
  EXPECT_THAT(ErrorOf("    report_key_file: \"report_key\"\n", ""),
              HasSubstr("/etc/c:9:3: messaging.sms.report_key_file: is not"));
}

}  // namespace
}  // namespace cofactor::services
