// Receipts against npm jose, which verifies them as docs/receipts.md tells a
// product to: its example is what runs here.

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/engine/caller.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "services/jws/base64url.h"
#include "services/receipts/receipt_keys.h"
#include "services/receipts/receipts.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ReceiptKeysRecord;
using ::nlohmann::json;

constexpr auto kEdDsa = config::v1::RECEIPT_ALGORITHM_EDDSA;
constexpr auto kEs256 = config::v1::RECEIPT_ALGORITHM_ES256;
constexpr absl::string_view kBadSignature =
    "ERR_JWS_SIGNATURE_VERIFICATION_FAILED";
constexpr absl::string_view kNoSuchKey = "ERR_JWKS_NO_MATCHING_KEY";

std::vector<std::string> LinesOf(const std::string& arguments) {
  FILE* pipe = popen(
      absl::StrCat("node tests/oracle/receipt.js ", arguments).c_str(), "r");
  std::string output;
  char buffer[4096];
  size_t got = 0;
  while ((got = fread(buffer, 1, sizeof(buffer), pipe)) > 0) {
    output.append(buffer, got);
  }
  EXPECT_EQ(pclose(pipe), 0) << arguments;
  return absl::StrSplit(absl::StripAsciiWhitespace(output), '\n');
}

Receipt OfAda() {
  Receipt receipt;
  receipt.account_id = "acme";
  receipt.member_id = "ada";
  receipt.client_id = "shop";
  receipt.amr = {"pwd", "otp", "mfa"};
  receipt.acr = "strong";
  receipt.auth_time = absl::FromUnixSeconds(1'699'999'990);
  receipt.session_id = "s-1";
  receipt.enrollment_ids = {"e-1"};
  return receipt;
}

class ReceiptOracleTest
    : public testing::TestWithParam<config::v1::ReceiptAlgorithm> {
 protected:
  ReceiptOracleTest() {
    EXPECT_TRUE(CreateReceiptKeys(store_, GetParam(), clock_.Now()).ok());
  }

  std::string Issue(Receipt receipt) {
    return Issue(receipts_, store_, std::move(receipt));
  }
  std::string Issue(const Receipts& receipts, storage::Store& store,
                    Receipt receipt) {
    const auto snapshot = store.GetSnapshot();
    const Plan plan(*snapshot, clock_.Now(), caller_);
    const auto issued =
        receipts.Issue(plan, std::move(receipt), absl::Minutes(5));
    EXPECT_TRUE(issued.ok()) << issued.status();
    return issued.ok() ? issued->jwt : "";
  }
  std::string Jwks() {
    const auto jwks = receipts_.Jwks(*store_.GetSnapshot(), clock_.Now());
    EXPECT_TRUE(jwks.ok()) << jwks.status();
    return jwks.value_or("{}");
  }
  void Rotate(bool drop_current,
              config::v1::ReceiptAlgorithm algorithm = GetParam()) {
    ReceiptKeysRecord keys;
    EXPECT_TRUE(keys.ParseFromString(
        store_.GetSnapshot()->Get(kReceiptKeysKey)->value));
    EXPECT_TRUE(
        RotateReceiptKeys(algorithm, clock_.Now(), drop_current, keys).ok());
    storage::Transaction transaction;
    transaction.Put(kReceiptKeysKey, keys.SerializeAsString());
    EXPECT_TRUE(storage::CommitAndWait(store_, std::move(transaction)).ok());
  }
  // What the example says of each receipt now.
  std::vector<std::string> Check(const std::vector<std::string>& jwts) {
    const std::string path = absl::StrCat(testing::TempDir(), "/receipts");
    {
      std::ofstream file(path);
      for (const std::string& jwt : jwts) {
        file << json{{"jwks", json::parse(Jwks())},
                     {"now", absl::ToUnixSeconds(clock_.Now())},
                     {"jwt", jwt}}
                    .dump()
             << "\n";
      }
    }
    return LinesOf(absl::StrCat("check docs/receipts.md ", path));
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  storage::MemoryStore store_{clock_};
  SystemRandomness randomness_;
  const Caller caller_ = Caller::Server();
  const Receipts receipts_{"https://id.example.com", randomness_};
};

INSTANTIATE_TEST_SUITE_P(Algorithms, ReceiptOracleTest,
                         testing::Values(kEdDsa, kEs256), [](const auto& info) {
                           return std::string(info.param == kEs256 ? "Es256"
                                                                   : "EdDsa");
                         });

TEST_P(ReceiptOracleTest, JoseVerifiesOurReceipts) {
  // Often enough that r or s of ES256 begins with a zero byte in one of them.
  std::vector<std::string> jwts;
  for (int i = 0; i < 600; ++i) jwts.push_back(Issue(OfAda()));
  const std::vector<std::string> answers = Check(jwts);
  ASSERT_EQ(answers.size(), jwts.size());
  for (const std::string& answer : answers) {
    json claims = json::parse(answer, nullptr, false);
    ASSERT_TRUE(claims.is_object()) << answer;
    claims.erase("jti");
    EXPECT_EQ(claims, json::parse(R"({
        "iss": "https://id.example.com", "aud": "shop", "account": "acme",
        "sub": "ada", "sid": "s-1", "amr": ["pwd", "otp", "mfa"],
        "acr": "strong", "auth_time": 1699999990, "iat": 1700000000,
        "exp": 1700000300, "enrollments": ["e-1"]})"));
  }
}

TEST_P(ReceiptOracleTest, JoseRefusesWhatIsNotForIt) {
  Receipt other_client = OfAda();
  other_client.client_id = "other";
  Receipt other_account = OfAda();
  other_account.account_id = "other";
  Receipt no_member = OfAda();
  no_member.member_id = "";
  Receipt no_session = OfAda();
  no_session.session_id = "";
  const Receipts other_issuer("https://other.example.com", randomness_);
  EXPECT_EQ(Check({Issue(other_client), Issue(other_account), Issue(no_member),
                   Issue(no_session), Issue(other_issuer, store_, OfAda())}),
            (std::vector<std::string>{"ERR_JWT_CLAIM_VALIDATION_FAILED aud",
                                      "of another account",
                                      "ERR_JWT_CLAIM_VALIDATION_FAILED sub",
                                      "ERR_JWT_CLAIM_VALIDATION_FAILED sid",
                                      "ERR_JWT_CLAIM_VALIDATION_FAILED iss"}));
}

TEST_P(ReceiptOracleTest, JoseRefusesAChangedReceipt) {
  const std::string jwt = Issue(OfAda());
  const std::vector<std::string> parts = absl::StrSplit(jwt, '.');
  ASSERT_EQ(parts.size(), 3u);
  json claims = json::parse(FromBase64Url(parts[1]).value());
  claims["sub"] = "ben";
  const std::string ben = Base64Url(claims.dump());
  json header = json::parse(FromBase64Url(parts[0]).value());
  header["alg"] = "none";
  const std::string none = Base64Url(header.dump());
  const std::vector<std::string> answers =
      Check({absl::StrCat(parts[0], ".", ben, ".", parts[2]),
             absl::StrCat(none, ".", parts[1], "."), jwt});
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0], kBadSignature);
  EXPECT_EQ(answers[1], "ERR_JOSE_ALG_NOT_ALLOWED");
  EXPECT_TRUE(absl::StartsWith(answers[2], "{"));
}

TEST_P(ReceiptOracleTest, JoseRefusesTheSignatureOfAnotherKey) {
  storage::MemoryStore other(clock_);
  ASSERT_TRUE(CreateReceiptKeys(other, GetParam(), clock_.Now()).ok());
  const Receipts forger("https://id.example.com", randomness_);
  const std::string forged = Issue(forger, other, OfAda());
  // With its own key id, and with ours.
  const std::vector<std::string> theirs = absl::StrSplit(forged, '.');
  const std::vector<std::string> ours = absl::StrSplit(Issue(OfAda()), '.');
  EXPECT_EQ(
      Check({forged, absl::StrCat(ours[0], ".", theirs[1], ".", theirs[2])}),
      (std::vector<std::string>{std::string(kNoSuchKey),
                                std::string(kBadSignature)}));
}

TEST_P(ReceiptOracleTest, JoseRefusesAReceiptThatIsOver) {
  const std::string jwt = Issue(OfAda());
  // It allows for five seconds.
  clock_.Advance(absl::Seconds(304));
  EXPECT_TRUE(absl::StartsWith(Check({jwt})[0], "{"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Check({jwt})[0], "ERR_JWT_EXPIRED exp");
}

TEST_P(ReceiptOracleTest, JoseFollowsARotation) {
  const std::string before = Issue(OfAda());
  const std::string jwks_before = Jwks();
  // To the other algorithm: from the second rotation on.
  const auto other = GetParam() == kEdDsa ? kEs256 : kEdDsa;
  Rotate(/*drop_current=*/false, other);
  const std::string between = Issue(OfAda());
  // Verifiers had its key before it signed.
  const std::vector<std::string> parts = absl::StrSplit(between, '.');
  const json header = json::parse(FromBase64Url(parts[0]).value());
  EXPECT_TRUE(absl::StrContains(jwks_before, header["kid"].get<std::string>()));
  Rotate(/*drop_current=*/false, other);
  const std::string after = Issue(OfAda());
  for (const std::string& answer : Check({before, between, after})) {
    EXPECT_TRUE(absl::StartsWith(answer, "{")) << answer;
  }
}

TEST_P(ReceiptOracleTest, JoseRefusesTheReceiptsOfADroppedKey) {
  const std::string before = Issue(OfAda());
  Rotate(/*drop_current=*/true);
  const std::vector<std::string> answers = Check({before, Issue(OfAda())});
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0], kNoSuchKey);
  EXPECT_TRUE(absl::StartsWith(answers[1], "{"));
}

TEST_P(ReceiptOracleTest, KeysAreNamedByTheirThumbprints) {
  Rotate(/*drop_current=*/false);
  const std::string path = absl::StrCat(testing::TempDir(), "/jwks");
  std::ofstream(path) << Jwks();
  const std::vector<std::string> lines =
      LinesOf(absl::StrCat("thumbprints ", path));
  ASSERT_EQ(lines.size(), 3u);
  for (const std::string& line : lines) {
    const std::vector<std::string> ids = absl::StrSplit(line, ' ');
    ASSERT_EQ(ids.size(), 2u);
    EXPECT_EQ(ids[0], ids[1]);
  }
}

}  // namespace
}  // namespace cofactor::services
