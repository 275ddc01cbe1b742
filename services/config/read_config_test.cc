#include "services/config/read_config.h"

#include <string>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

using ::testing::HasSubstr;

constexpr absl::string_view kGood = R"(mode: MODE_PRODUCTION
storage {
  rocksdb { folder: "store" }
  key_ring_file: "/etc/cofactor/key_ring"
}
listeners {
  address: "127.0.0.1:0"
  plaintext {}
}
admin_key_file: "admin_key"
audit { retention { seconds: 86400 } }
monitoring { off {} }
logging { calls: CALL_LOG_FAILED }
messaging { off {} }
)";

// The error for the good configuration with one text replaced by another.
std::string ErrorOf(const std::string& from, const std::string& to) {
  const std::string text = absl::StrReplaceAll(kGood, {{from, to}});
  EXPECT_NE(text, kGood) << from;
  const auto config = ParseConfig(text, "/etc/c.textproto");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(config.status().message());
}

TEST(ReadConfigTest, TakesPathsFromTheFolderOfTheFile) {
  const auto config = ParseConfig(kGood, "/etc/c.textproto");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->storage().rocksdb().folder(), "/etc/store");
  EXPECT_EQ(config->storage().key_ring_file(), "/etc/cofactor/key_ring");
  EXPECT_EQ(config->storage().backup_folder(), "");
  EXPECT_EQ(ParseConfig(kGood, "c.textproto")->admin_key_file(), "admin_key");
}

TEST(ReadConfigTest, NamesThePlaceOfAChoiceThatIsNotMade) {
  EXPECT_THAT(ErrorOf("  plaintext {}\n", ""),
              HasSubstr("/etc/c.textproto:6:1: listeners[0].security: is not "
                        "chosen: set plaintext or tls"));
  EXPECT_THAT(ErrorOf("  key_ring_file: \"/etc/cofactor/key_ring\"\n", ""),
              HasSubstr("/etc/c.textproto:2:1: storage.key_ring_file: is not "
                        "set"));
  EXPECT_THAT(ErrorOf("mode: MODE_PRODUCTION\n", ""),
              HasSubstr("/etc/c.textproto:1:1: mode: is not set"));
  EXPECT_THAT(ErrorOf("monitoring { off {} }", "monitoring {}"),
              HasSubstr("/etc/c.textproto:12:1: monitoring.endpoint: is not "
                        "chosen: set http_address or off"));
  EXPECT_THAT(ErrorOf("messaging { off {} }", "messaging {}"),
              HasSubstr("/etc/c.textproto:14:1: messaging.channel: is not "
                        "chosen: set sms or off"));
  EXPECT_THAT(ErrorOf("messaging { off {} }\n", ""),
              HasSubstr("/etc/c.textproto:1:1: messaging: is not set"));
  EXPECT_THAT(ErrorOf("plaintext {}", "tls { folder: \"certs\" }"),
              HasSubstr("/etc/c.textproto:8:3: "
                        "listeners[0].tls.client_certificates: is not set"));
}

TEST(ReadConfigTest, NamesThePlaceOfWhatItDoesNotUnderstand) {
  EXPECT_THAT(ErrorOf("mode: MODE_PRODUCTION", "mode: MODE_PRODUCTIVE"),
              HasSubstr("/etc/c.textproto:2:1: Unknown enumeration value"));
  EXPECT_THAT(ErrorOf("monitoring { off {} }", "monitoring { of {} }"),
              HasSubstr("/etc/c.textproto:12:"));
  EXPECT_THAT(ErrorOf("seconds: 86400", "seconds: 60"),
              HasSubstr("/etc/c.textproto:11:9: audit.retention: want"));
}

TEST(ReadConfigTest, TellsAllThatIsNotSetAtOnce) {
  const auto config = ParseConfig("", "c");
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("c:1:1: mode"));
  EXPECT_THAT(std::string(config.status().message()),
              HasSubstr("c:1:1: storage"));
  EXPECT_THAT(std::string(config.status().message()),
              HasSubstr("c:1:1: logging"));
}

TEST(ReadConfigTest, SaysWhichFileItCannotRead) {
  const auto config = ReadConfig("/no/such/file");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(config.status().message()),
              HasSubstr("/no/such/file"));
}

}  // namespace
}  // namespace cofactor::services
