#include "services/config/check_receipts.h"

#include <string>

#include "absl/strings/str_cat.h"
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

// The error for receipts that begin on line 9; empty: they are taken.
std::string ErrorOf(absl::string_view receipts) {
  const auto config = ParseConfig(
      absl::StrCat(kStart, "receipts { ", receipts, " }"), "/etc/c");
  return std::string(config.status().message());
}

TEST(CheckReceiptsTest, TakesGoodOnes) {
  EXPECT_EQ(ErrorOf(""), "");
  EXPECT_EQ(ErrorOf(R"(issuer: "https://id.example.com"
                       algorithm: RECEIPT_ALGORITHM_ES256
                       rotate_every { seconds: 604800 })"),
            "");
  EXPECT_EQ(ErrorOf(R"(issuer: "http://127.0.0.1:8080/id")"), "");
  EXPECT_EQ(ErrorOf(R"(issuer: "cofactor-eu.1")"), "");
  EXPECT_EQ(ErrorOf(absl::StrCat("issuer: '", std::string(255, 'a'), "'")), "");
}

TEST(CheckReceiptsTest, TheIssuerIsAUrlOrAWord) {
  for (const absl::string_view issuer :
       {"my server", "a\\nb", "a\\tb", "\\000", "\\177", "\\303\\244", "urn:x",
        "ftp://id.example.com", "javascript:alert(1)", "https://", "http:///a",
        "https:id.example.com", " https://id.example.com",
        "https://id.example.com/ a"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat("issuer: \"", issuer, "\"")),
                HasSubstr("/etc/c:9:12: receipts.issuer: want a URL"))
        << issuer;
  }
  EXPECT_THAT(ErrorOf(absl::StrCat("issuer: '", std::string(256, 'a'), "'")),
              HasSubstr("receipts.issuer: want a URL"));
}

TEST(CheckReceiptsTest, RotatesEveryHourAtTheMost) {
  for (const absl::string_view good :
       {"seconds: 3600", "seconds: 31622400", "seconds: 3600 nanos: 1"}) {
    EXPECT_EQ(ErrorOf(absl::StrCat("rotate_every { ", good, " }")), "");
  }
  for (const absl::string_view wrong :
       {"", "seconds: 3599", "seconds: 3599 nanos: 999999999", "seconds: -1",
        "seconds: 31622400 nanos: 1", "seconds: 9223372036854775807"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat("rotate_every { ", wrong, " }")),
                HasSubstr("receipts.rotate_every: want 3600 s to 366 days"))
        << wrong;
  }
}

TEST(CheckReceiptsTest, KnowsTheAlgorithms) {
  EXPECT_NE(ErrorOf("algorithm: RECEIPT_ALGORITHM_NONE"), "");
  EXPECT_NE(ErrorOf("algorithm: 7"), "");
}

}  // namespace
}  // namespace cofactor::services
