// What others would have pass for a receipt of ours.

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/jws/base64url.h"
#include "services/jws/jws.h"
#include "services/receipts/receipt_keys.h"
#include "services/receipts/receipts.h"
#include "services/receipts/receipts_fixture.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ReceiptKeyRecord;
using ::nlohmann::json;

class ReceiptsAttackTest : public ReceiptsFixture {};

INSTANTIATE_TEST_SUITE_P(Algorithms, ReceiptsAttackTest, ReceiptAlgorithms(),
                         NameOfAlgorithm);

TEST_P(ReceiptsAttackTest, RefusesAChangeOfAnyCharacter) {
  const std::string jwt = IssueFull();
  for (size_t i = 0; i < jwt.size(); ++i) {
    for (const char other : {'A', 'B', '.', '=', ' ', '\0', '\xff'}) {
      if (jwt[i] == other) continue;
      std::string changed = jwt;
      changed[i] = other;
      ASSERT_TRUE(IsRefused(changed)) << i << " " << int{other};
    }
  }
}

TEST_P(ReceiptsAttackTest, RefusesAChangeOfTheForm) {
  const std::string jwt = IssueFull();
  ASSERT_TRUE(Check(receipts_, jwt).ok());
  const std::vector<std::string> parts = absl::StrSplit(jwt, '.');
  for (const std::string& changed :
       {std::string(), std::string("."), std::string(".."), std::string("..."),
        parts[0], parts[0] + "." + parts[1], parts[0] + "." + parts[1] + ".",
        jwt + ".", "." + jwt, jwt + "=", jwt + "\n", " " + jwt,
        jwt + "." + parts[2], parts[0] + ".." + parts[2],
        "." + parts[1] + "." + parts[2], "Bearer " + jwt}) {
    EXPECT_TRUE(IsRefused(changed)) << changed;
  }
}

TEST_P(ReceiptsAttackTest, RefusesWhatIsTooLong) {
  const std::string jwt = IssueFull();
  std::string claims = PartOf(jwt, 1).dump();
  // Four characters for three bytes, beside header, signature and dots. Spaces
  // mean nothing in JSON.
  const size_t room =
      8192 - jwt.find('.') - 2 - Base64Url(std::string(64, 'a')).size();
  claims.resize(room * 3 / 4, ' ');
  EXPECT_TRUE(Check(receipts_, SignedClaims(claims)).ok());
  claims.push_back(' ');
  EXPECT_TRUE(IsRefused(SignedClaims(claims)));
  EXPECT_TRUE(IsRefused(std::string(10'000'000, '.')));
}

// RFC 8725, section 2.1: the algorithm is ours to choose.
TEST_P(ReceiptsAttackTest, RefusesEveryOtherHeader) {
  const std::string jwt = IssueFull();
  const std::string claims = PartOf(jwt, 1).dump();
  const std::string kid = KeyIn(v1::RECEIPT_KEY_STATE_CURRENT).key_id();
  const std::string ours = NameOf(algorithm()).data();
  const std::string other = ours == "ES256" ? "EdDSA" : "ES256";
  const std::string good = absl::StrCat(R"({"alg":")", ours, R"(","kid":")",
                                        kid, R"(","typ":"JWT"})");
  ASSERT_TRUE(Check(receipts_, Signed(good, claims)).ok());
  for (const std::string& header : {
           json{{"alg", "none"}, {"kid", kid}, {"typ", "JWT"}}.dump(),
           json{{"alg", "HS256"}, {"kid", kid}, {"typ", "JWT"}}.dump(),
           json{{"alg", other}, {"kid", kid}, {"typ", "JWT"}}.dump(),
           json{{"alg", ours}, {"typ", "JWT"}}.dump(),
           json{{"kid", kid}, {"typ", "JWT"}}.dump(),
           json{{"alg", ours}, {"kid", ""}, {"typ", "JWT"}}.dump(),
           json{{"alg", ours}, {"kid", "another"}, {"typ", "JWT"}}.dump(),
           json{{"alg", ours},
                {"kid", KeyIn(v1::RECEIPT_KEY_STATE_NEXT).key_id()},
                {"typ", "JWT"}}
               .dump(),
           json{{"alg", ours},
                {"kid", kid},
                {"typ", "JWT"},
                {"crit", json::array({"b64"})},
                {"b64", false}}
               .dump(),
           json{{"alg", ours},
                {"kid", kid},
                {"typ", "JWT"},
                {"jwk", json::parse(R"({"kty": "OKP"})")}}
               .dump(),
           json{{"alg", ours}, {"kid", kid}, {"typ", "secevent+jwt"}}.dump(),
           good + " ",
           std::string("{}"),
           std::string("[]"),
           std::string("null"),
           std::string(100, '['),
       }) {
    EXPECT_TRUE(IsRefused(Signed(header, claims))) << header;
  }
}

TEST_P(ReceiptsAttackTest, RefusesNoSignature) {
  const std::string jwt = IssueFull();
  const std::string kid = KeyIn(v1::RECEIPT_KEY_STATE_CURRENT).key_id();
  const std::vector<std::string> parts = absl::StrSplit(jwt, '.');
  const std::string none =
      Base64Url(json{{"alg", "none"}, {"kid", kid}, {"typ", "JWT"}}.dump());
  EXPECT_TRUE(IsRefused(absl::StrCat(none, ".", parts[1], ".")));
  EXPECT_TRUE(IsRefused(absl::StrCat(parts[0], ".", parts[1], ".")));
  EXPECT_TRUE(IsRefused(absl::StrCat(parts[0], ".", parts[1], ".",
                                     Base64Url(std::string(64, '\0')))));
}

// RFC 8725, section 2.1: the public key as that of an HMAC.
TEST_P(ReceiptsAttackTest, RefusesAnHmacOfThePublicKey) {
  const ReceiptKeyRecord key = KeyIn(v1::RECEIPT_KEY_STATE_CURRENT);
  const auto jwks = receipts_.Jwks(*store_.GetSnapshot(), clock_.Now());
  ASSERT_TRUE(jwks.ok());
  const json jwk = json::parse(*jwks)["keys"][0];
  const std::vector<std::string> parts = absl::StrSplit(IssueFull(), '.');
  const std::string hs256 = Base64Url(
      json{{"alg", "HS256"}, {"kid", key.key_id()}, {"typ", "JWT"}}.dump());
  for (const std::string& secret :
       {jwk["x"].get<std::string>(),
        FromBase64Url(jwk["x"].get<std::string>()).value(), jwk.dump()}) {
    for (const std::string& header : {hs256, parts[0]}) {
      const std::string input = absl::StrCat(header, ".", parts[1]);
      unsigned char mac[EVP_MAX_MD_SIZE];
      unsigned int size = 0;
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(input.data()), input.size(),
           mac, &size);
      EXPECT_TRUE(IsRefused(absl::StrCat(
          input, ".",
          Base64Url(absl::string_view(reinterpret_cast<char*>(mac), size)))));
    }
  }
}

TEST_P(ReceiptsAttackTest, RefusesTheSignatureOfAnotherKey) {
  const std::vector<std::string> parts = absl::StrSplit(IssueFull(), '.');
  const std::string input = absl::StrCat(parts[0], ".", parts[1]);
  const auto next =
      SignerOf(KeyIn(v1::RECEIPT_KEY_STATE_NEXT)).SignBytes(input);
  ASSERT_TRUE(next.ok());
  EXPECT_TRUE(IsRefused(absl::StrCat(input, ".", Base64Url(*next))));
}

// Signed by the right key, as by another product that shares it.
TEST_P(ReceiptsAttackTest, RefusesClaimsThatWeDoNotWrite) {
  const json good = PartOf(IssueFull(), 1);
  ASSERT_TRUE(Check(receipts_, SignedClaims(good.dump())).ok());
  const auto with = [&good](const char* name, json value) {
    json claims = good;
    claims[name] = std::move(value);
    return claims.dump();
  };
  const auto without = [&good](const char* name) {
    json claims = good;
    claims.erase(name);
    return claims.dump();
  };
  for (const char* name :
       {"iss", "account", "aud", "auth_time", "iat", "exp", "jti"}) {
    EXPECT_TRUE(IsRefused(SignedClaims(without(name)))) << name;
  }
  for (const std::string& claims : {
           with("iss", "https://other.example.com"),
           with("iss", "https://id.example.com/"),
           with("iss", json::array({"https://id.example.com"})),
           with("aud", json::array({"shop"})),
           with("aud", ""),
           with("exp", 1'700'000'000),
           with("exp", -1),
           with("exp", "1700000300"),
           with("exp", 1'700'000'300.5),
           with("exp", uint64_t{1} << 63),
           with("exp", nullptr),
           with("exp", 253'402'300'800),
           with("iat", 1'700'000'061),
           with("iat", true),
           with("sub", 1),
           with("amr", "otp"),
           with("amr", json::array({1})),
           with("challenge_digest", "AP_-="),
           with("remembered_device", "true"),
           with("members", json::parse("{}")),
           std::string(),
           std::string("null"),
           std::string("[]"),
           std::string("{"),
           good.dump() + "}",
           good.dump() + good.dump(),
           std::string(4000, '['),
           std::string("\xff\xfe"),
       }) {
    EXPECT_TRUE(IsRefused(SignedClaims(claims))) << claims;
  }
}

TEST_P(ReceiptsAttackTest, RefusesTheReceiptsOfAnotherStore) {
  storage::MemoryStore other(clock_);
  ASSERT_TRUE(CreateReceiptKeys(other, GetParam(), clock_.Now()).ok());
  const Receipts receipts("https://id.example.com", randomness_);
  const auto snapshot = other.GetSnapshot();
  const Plan plan(*snapshot, clock_.Now(), caller_);
  const auto issued = receipts.Issue(plan, Full(), absl::Minutes(5));
  ASSERT_TRUE(issued.ok());
  EXPECT_TRUE(IsRefused(issued->jwt));
}

}  // namespace
}  // namespace cofactor::services
