#include "services/receipts/receipt_key_set.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "cofactor/v1/receipt_service.pb.h"
#include "gtest/gtest.h"
#include "services/receipts/receipt_keys.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ReceiptKeyRecord;
using ::cofactor::record::v1::ReceiptKeysRecord;
using ::nlohmann::json;

constexpr auto kEdDsa = config::v1::RECEIPT_ALGORITHM_EDDSA;
constexpr auto kEs256 = config::v1::RECEIPT_ALGORITHM_ES256;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

// A previous key of EdDSA, and one of ES256 that is current.
ReceiptKeysRecord Mixed() {
  ReceiptKeysRecord keys;
  EXPECT_TRUE(DrawReceiptKeys(kEdDsa, kNow, keys).ok());
  EXPECT_TRUE(
      RotateReceiptKeys(kEs256, kNow, /*drop_current=*/true, keys).ok());
  EXPECT_TRUE(
      RotateReceiptKeys(kEs256, kNow, /*drop_current=*/false, keys).ok());
  return keys;
}

ReceiptKeySet Parsed(const ReceiptKeysRecord& keys) {
  auto set = ReceiptKeySet::Create(keys);
  EXPECT_TRUE(set.ok()) << set.status();
  return *std::move(set);
}

TEST(ReceiptKeySetTest, ShowsThePublicPartOfAllKeys) {
  const ReceiptKeysRecord keys = Mixed();
  const std::string text = Parsed(keys).Jwks(kNow);
  const json jwks = json::parse(text);
  ASSERT_EQ(jwks.size(), 1u);
  ASSERT_EQ(jwks["keys"].size(), 3u);
  std::set<std::string> key_ids;
  for (const json& key : jwks["keys"]) {
    std::set<std::string> names;
    for (const auto& [name, value] : key.items()) {
      names.insert(name);
      EXPECT_TRUE(value.is_string()) << name;
    }
    EXPECT_EQ(key["use"], "sig");
    if (key["kty"] == "OKP") {
      EXPECT_EQ(key["crv"], "Ed25519");
      EXPECT_EQ(key["alg"], "EdDSA");
      EXPECT_EQ(names, (std::set<std::string>{"alg", "crv", "kid", "kty", "use",
                                              "x"}));
    } else {
      EXPECT_EQ(key["kty"], "EC");
      EXPECT_EQ(key["crv"], "P-256");
      EXPECT_EQ(key["alg"], "ES256");
      EXPECT_EQ(names, (std::set<std::string>{"alg", "crv", "kid", "kty", "use",
                                              "x", "y"}));
    }
    key_ids.insert(key["kid"].get<std::string>());
  }
  for (const ReceiptKeyRecord& key : keys.keys()) {
    EXPECT_EQ(key_ids.count(key.key_id()), 1u);
  }
}

TEST(ReceiptKeySetTest, ShowsTheCurrentKeyFirst) {
  const ReceiptKeysRecord keys = Mixed();
  const json jwks = json::parse(Parsed(keys).Jwks(kNow));
  for (const ReceiptKeyRecord& key : keys.keys()) {
    if (key.state() == static_cast<uint32_t>(v1::RECEIPT_KEY_STATE_CURRENT)) {
      EXPECT_EQ(jwks["keys"][0]["kid"], key.key_id());
    }
  }
}

TEST(ReceiptKeySetTest, ShowsAPreviousKeyUntilItsEnd) {
  const ReceiptKeySet set = Parsed(Mixed());
  const absl::Time end = kNow + absl::Hours(1) + absl::Minutes(1);
  EXPECT_EQ(json::parse(set.Jwks(end - absl::Microseconds(1)))["keys"].size(),
            3u);
  EXPECT_EQ(json::parse(set.Jwks(end))["keys"].size(), 2u);
}

TEST(ReceiptKeySetTest, APreviousKeyVerifiesUntilItsEnd) {
  ReceiptKeysRecord keys;
  ASSERT_TRUE(DrawReceiptKeys(kEdDsa, kNow, keys).ok());
  const auto signer = JwsSigner::FromDer(JwsAlgorithm::kEdDsa,
                                         Secret(keys.keys(0).private_key()));
  ASSERT_TRUE(signer.ok());
  const auto jwt = Parsed(keys).Sign({{"a", 1}});
  ASSERT_TRUE(jwt.ok());
  const std::vector<std::string> parts = absl::StrSplit(*jwt, '.');
  const auto signature = signer->SignBytes(parts[0] + "." + parts[1]);
  ASSERT_TRUE(signature.ok());
  ASSERT_TRUE(RotateReceiptKeys(kEdDsa, kNow, false, keys).ok());
  const ReceiptKeySet set = Parsed(keys);
  const absl::Time end = kNow + absl::Hours(1) + absl::Minutes(1);
  EXPECT_TRUE(set.Verifies(parts[0], parts[1], *signature,
                           end - absl::Microseconds(1)));
  EXPECT_FALSE(set.Verifies(parts[0], parts[1], *signature, end));
}

TEST(ReceiptKeySetTest, RefusesDamagedRecords) {
  const ReceiptKeysRecord good = Mixed();
  ReceiptKeysRecord none;
  ReceiptKeysRecord two_current = good;
  for (ReceiptKeyRecord& key : *two_current.mutable_keys()) {
    key.set_state(v1::RECEIPT_KEY_STATE_CURRENT);
  }
  ReceiptKeysRecord other_kind = good;
  for (ReceiptKeyRecord& key : *other_kind.mutable_keys()) {
    key.set_algorithm(key.algorithm() == kEdDsa ? kEs256 : kEdDsa);
  }
  ReceiptKeysRecord no_kind = good;
  no_kind.mutable_keys(1)->set_algorithm(77);
  ReceiptKeysRecord short_key = good;
  short_key.mutable_keys(1)->mutable_private_key()->pop_back();
  for (const ReceiptKeysRecord* record :
       {&none, &two_current, &other_kind, &no_kind, &short_key}) {
    const absl::Status status = ReceiptKeySet::Create(*record).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_FALSE(absl::StrContains(status.message(), good.keys(0).key_id()));
  }
}

}  // namespace
}  // namespace cofactor::services
