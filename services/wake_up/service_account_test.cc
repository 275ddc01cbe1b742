#include "services/wake_up/service_account.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/wake_up/test_key.h"

namespace cofactor::services {
namespace {

const TestKey& RsaKey() {
  static const TestKey* const key = new TestKey(TestKey::Rsa());
  return *key;
}

// As Google's console makes it.
nlohmann::json Account() {
  return {{"type", "service_account"},
          {"project_id", "project-1"},
          {"private_key_id", "0123456789abcdef"},
          {"private_key", RsaKey().pem()},
          {"client_email", "sender@project-1.iam.gserviceaccount.com"},
          {"client_id", "123"},
          {"token_uri", "https://oauth2.googleapis.com/token"},
          {"universe_domain", "googleapis.com"}};
}

absl::StatusOr<ServiceAccount> Parse(const nlohmann::json& account,
                                     bool allow_loopback = false) {
  return ParseServiceAccount(Secret(account.dump()), allow_loopback);
}

TEST(ServiceAccountTest, ReadsWhatTheConsoleMakes) {
  const absl::StatusOr<ServiceAccount> account = Parse(Account());
  ASSERT_TRUE(account.ok()) << account.status();
  EXPECT_EQ(account->project_id, "project-1");
  EXPECT_EQ(account->client_email, "sender@project-1.iam.gserviceaccount.com");
  EXPECT_EQ(account->private_key_id, "0123456789abcdef");
  EXPECT_EQ(account->token_uri, "https://oauth2.googleapis.com/token");
  const absl::StatusOr<std::string> jws =
      account->signer.Sign(nlohmann::json::object(), {{"iss", "a"}});
  ASSERT_TRUE(jws.ok());
  EXPECT_TRUE(RsaKey().Verify(*jws).has_value());
}

TEST(ServiceAccountTest, RefusesWhatIsMissingOrMalformed) {
  const std::pair<const char*, std::vector<nlohmann::json>> kFields[] = {
      {"type", {nullptr, "authorized_user", 7}},
      {"project_id", {nullptr, "", "a/b", "../x", "a b", "a?b", "a\r\nb", 7}},
      {"client_email", {nullptr, "", "a b@example.com", "a\n", 7}},
      {"private_key_id", {"a b", "a\r\n"}},
      {"private_key", {nullptr, "", "canary", TestKey::Ec().pem(), 7}},
      {"token_uri",
       {nullptr, "", "http://oauth2.googleapis.com/token",
        "http://127.0.0.1:80/token", "https://", "https:///token",
        "https://user@host/", "https://host/?a", "https://host/#a",
        "ftp://host/", "file:///etc/passwd", 7}}};
  for (const auto& [field, values] : kFields) {
    for (const nlohmann::json& value : values) {
      nlohmann::json account = Account();
      account[field] = value;
      if (value.is_null()) account.erase(field);
      const absl::StatusOr<ServiceAccount> read = Parse(account);
      EXPECT_TRUE(absl::IsInvalidArgument(read.status()))
          << field << " " << value;
      EXPECT_FALSE(absl::StrContains(read.status().message(), "canary"));
      EXPECT_FALSE(absl::StrContains(read.status().message(), "BEGIN"));
    }
  }
  for (const std::string text : {"", "banana", "[]", "{}", "7"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(
        ParseServiceAccount(Secret(text), true).status()));
  }
}

TEST(ServiceAccountTest, TakesLoopbackOnlyWhereItIsAllowed) {
  nlohmann::json account = Account();
  account["token_uri"] = "http://127.0.0.1:8080/token";
  EXPECT_TRUE(Parse(account, /*allow_loopback=*/true).ok());
  for (const char* uri :
       {"http://127.0.0.1.example.com/", "http://127.0.0.1@example.com/",
        "http://127.0.0.1:80@example.com/", "http://127.0.0.10/",
        "http://example.com/"}) {
    account["token_uri"] = uri;
    EXPECT_FALSE(Parse(account, /*allow_loopback=*/true).ok()) << uri;
  }
}

}  // namespace
}  // namespace cofactor::services
