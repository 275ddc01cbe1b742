#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config/read_config.h"

namespace cofactor::services {
namespace {

using ::testing::HasSubstr;

// What comes of a configuration with these lines about passwords.
absl::StatusOr<config::v1::ServerConfig> Read(const std::string& passwords) {
  return ParseConfig(absl::StrCat(R"(mode: MODE_PRODUCTION
storage { rocksdb { folder: "store" } key_ring_file: "key_ring" }
listeners { address: "127.0.0.1:0" plaintext {} }
admin_key_file: "admin_key"
audit { retention { seconds: 86400 } }
monitoring { off {} }
logging { calls: CALL_LOG_FAILED }
messaging { off {} }
)",
                                  passwords),
                     "/etc/c.textproto");
}

TEST(CheckPasswordsTest, TakesTheDefaultsWhereNothingIsSaid) {
  const auto config = Read("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->passwords().memory_kib(), 19'456u);
  EXPECT_EQ(config->passwords().iterations(), 2u);
  EXPECT_EQ(config->passwords().threads(), 1u);
  EXPECT_EQ(config->passwords().max_waiting(), 16u);
  EXPECT_EQ(config->passwords().min_code_points(), 8u);
  EXPECT_EQ(config->passwords().blocklist_file(), "");
}

TEST(CheckPasswordsTest, LetsAsManyWaitForEachThread) {
  const auto config = Read("passwords { threads: 4 }");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->passwords().max_waiting(), 64u);
}

TEST(CheckPasswordsTest, KeepsWhatIsSaid) {
  const auto config = Read(
      "passwords { memory_kib: 65536 iterations: 3 threads: 4 max_waiting: 9 "
      "min_code_points: 15 blocklist_file: \"list\" }");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->passwords().memory_kib(), 65'536u);
  EXPECT_EQ(config->passwords().iterations(), 3u);
  EXPECT_EQ(config->passwords().threads(), 4u);
  EXPECT_EQ(config->passwords().max_waiting(), 9u);
  EXPECT_EQ(config->passwords().min_code_points(), 15u);
  EXPECT_EQ(config->passwords().blocklist_file(), "/etc/list");
}

TEST(CheckPasswordsTest, RefusesWhatIsOutOfBounds) {
  const auto error_of = [](const std::string& passwords) {
    const auto config = Read(passwords);
    EXPECT_EQ(config.status().code(), absl::StatusCode::kFailedPrecondition)
        << passwords;
    return std::string(config.status().message());
  };
  EXPECT_THAT(error_of("passwords { memory_kib: 19455 }"),
              HasSubstr("/etc/c.textproto:9:13: passwords.memory_kib: want "
                        "19456 to 262144"));
  EXPECT_THAT(error_of("passwords { memory_kib: 262145 }"),
              HasSubstr("passwords.memory_kib"));
  EXPECT_THAT(error_of("passwords { iterations: 1 }"),
              HasSubstr("passwords.iterations: want 2 to 10"));
  EXPECT_THAT(error_of("passwords { threads: 65 }"),
              HasSubstr("passwords.threads: want 1 to 64"));
  EXPECT_THAT(error_of("passwords { max_waiting: 10001 }"),
              HasSubstr("passwords.max_waiting: want 1 to 10000"));
  EXPECT_THAT(error_of("passwords { min_code_points: 7 }"),
              HasSubstr("passwords.min_code_points: want 8 to 64"));
}

}  // namespace
}  // namespace cofactor::services
