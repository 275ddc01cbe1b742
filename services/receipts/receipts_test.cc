#include "services/receipts/receipts.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/errors.h"
#include "cofactor/v1/receipt_service.pb.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/engine/caller.h"
#include "services/engine/keys.h"
#include "services/jws/base64url.h"
#include "services/jws/jws.h"
#include "services/receipts/receipt_keys.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ReceiptKeyRecord;
using ::cofactor::record::v1::ReceiptKeysRecord;
using ::nlohmann::json;

// Not on the second.
const absl::Time kStart =
    absl::FromUnixSeconds(1'700'000'000) + absl::Milliseconds(250);

Receipt Full() {
  Receipt receipt;
  receipt.account_id = "acme";
  receipt.member_id = "ada";
  receipt.client_id = "shop";
  receipt.amr = {"pwd", "otp", "mfa"};
  receipt.acr = "strong";
  receipt.auth_time = absl::FromUnixSeconds(1'699'999'990);
  receipt.session_id = "s-1";
  receipt.enrollment_ids = {"e-1", "e-2"};
  receipt.challenge_digest = std::string("\0\xff\xfe", 3);
  receipt.approver_member_ids = {"ben", "cleo"};
  receipt.purpose = "Überweisung";
  receipt.remembered_device = true;
  return receipt;
}

json PartOf(absl::string_view jwt, size_t part) {
  const std::vector<std::string> parts = absl::StrSplit(jwt, '.');
  EXPECT_EQ(parts.size(), 3u);
  return json::parse(FromBase64Url(parts[part]).value());
}

class ReceiptsTest
    : public testing::TestWithParam<config::v1::ReceiptAlgorithm> {
 protected:
  ReceiptsTest() {
    EXPECT_TRUE(CreateReceiptKeys(store_, GetParam(), clock_.Now()).ok());
  }

  absl::StatusOr<IssuedReceipt> Issue(
      const Receipts& receipts, Receipt receipt,
      absl::Duration lifetime = absl::Minutes(5)) {
    const auto snapshot = store_.GetSnapshot();
    const Plan plan(*snapshot, clock_.Now(), caller_);
    return receipts.Issue(plan, std::move(receipt), lifetime);
  }
  std::string IssueFull() {
    const auto issued = Issue(receipts_, Full());
    EXPECT_TRUE(issued.ok()) << issued.status();
    return issued.ok() ? issued->jwt : "";
  }
  absl::StatusOr<Receipt> Check(const Receipts& receipts,
                                absl::string_view jwt) {
    const auto snapshot = store_.GetSnapshot();
    const Plan plan(*snapshot, clock_.Now(), caller_);
    return receipts.Check(plan, jwt);
  }
  // Whether it is refused as all others are.
  bool IsRefused(absl::string_view jwt) {
    const absl::Status status = Check(receipts_, jwt).status();
    EXPECT_EQ(status, Check(receipts_, "").status());
    return ErrorReason(status) == "RECEIPT_REFUSED" &&
           absl::IsPermissionDenied(status);
  }

  ReceiptKeysRecord Keys() {
    ReceiptKeysRecord keys;
    EXPECT_TRUE(keys.ParseFromString(
        store_.GetSnapshot()->Get(kReceiptKeysKey)->value));
    return keys;
  }
  void Write(const ReceiptKeysRecord& keys) {
    storage::Transaction transaction;
    transaction.Put(kReceiptKeysKey, keys.SerializeAsString());
    EXPECT_TRUE(storage::CommitAndWait(store_, std::move(transaction)).ok());
  }
  void Rotate(bool drop_current) {
    ReceiptKeysRecord keys = Keys();
    EXPECT_TRUE(
        RotateReceiptKeys(GetParam(), clock_.Now(), drop_current, keys).ok());
    Write(keys);
  }

  ReceiptKeyRecord KeyIn(v1::ReceiptKeyState state) {
    ReceiptKeyRecord found;
    const ReceiptKeysRecord keys = Keys();
    for (const ReceiptKeyRecord& key : keys.keys()) {
      if (key.state() == static_cast<uint32_t>(state)) found = key;
    }
    return found;
  }
  JwsAlgorithm algorithm() const {
    return GetParam() == config::v1::RECEIPT_ALGORITHM_ES256
               ? JwsAlgorithm::kEs256
               : JwsAlgorithm::kEdDsa;
  }
  JwsSigner SignerOf(const ReceiptKeyRecord& key) {
    auto signer = JwsSigner::FromDer(algorithm(), Secret(key.private_key()));
    EXPECT_TRUE(signer.ok()) << signer.status();
    return *std::move(signer);
  }
  // Claims as they are, and a signature of the current key that is right.
  std::string Signed(const std::string& header, const std::string& claims) {
    const std::string input =
        absl::StrCat(Base64Url(header), ".", Base64Url(claims));
    const auto signature =
        SignerOf(KeyIn(v1::RECEIPT_KEY_STATE_CURRENT)).SignBytes(input);
    EXPECT_TRUE(signature.ok());
    return absl::StrCat(input, ".", Base64Url(*signature));
  }
  std::string SignedClaims(const std::string& claims) {
    return Signed(Header(), claims);
  }
  // The header of the receipts of now.
  std::string Header() { return PartOf(IssueFull(), 0).dump(); }

  ManualClock clock_{kStart};
  storage::MemoryStore store_{clock_};
  SeededRandomness randomness_{1};
  const Caller caller_ = Caller::Server();
  const Receipts receipts_{"https://id.example.com", randomness_};
};

INSTANTIATE_TEST_SUITE_P(Algorithms, ReceiptsTest,
                         testing::Values(config::v1::RECEIPT_ALGORITHM_EDDSA,
                                         config::v1::RECEIPT_ALGORITHM_ES256),
                         [](const auto& info) {
                           return std::string(
                               info.param == config::v1::RECEIPT_ALGORITHM_ES256
                                   ? "Es256"
                                   : "EdDsa");
                         });

TEST_P(ReceiptsTest, StatesEveryClaim) {
  const auto issued = Issue(receipts_, Full(), absl::Minutes(5));
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(issued->expire_time, absl::FromUnixSeconds(1'700'000'300));
  EXPECT_EQ(PartOf(issued->jwt, 0),
            (json{{"alg", NameOf(algorithm())},
                  {"kid", KeyIn(v1::RECEIPT_KEY_STATE_CURRENT).key_id()},
                  {"typ", "JWT"}}));
  json claims = PartOf(issued->jwt, 1);
  EXPECT_EQ(claims["jti"].get<std::string>().size(), 32u);
  claims.erase("jti");
  EXPECT_EQ(claims, json::parse(R"({
      "iss": "https://id.example.com", "sub": "ada", "account": "acme",
      "aud": "shop", "amr": ["pwd", "otp", "mfa"], "acr": "strong",
      "auth_time": 1699999990, "sid": "s-1", "iat": 1700000000,
      "exp": 1700000300, "enrollments": ["e-1", "e-2"],
      "challenge_digest": "AP_-", "members": ["ben", "cleo"],
      "purpose": "Überweisung", "remembered_device": true})"));
}

TEST_P(ReceiptsTest, LeavesOutWhatIsEmpty) {
  Receipt receipt;
  receipt.account_id = "acme";
  receipt.client_id = "shop";
  receipt.auth_time = kStart;
  const auto issued = Issue(receipts_, receipt);
  ASSERT_TRUE(issued.ok()) << issued.status();
  std::set<std::string> names;
  const json claims = PartOf(issued->jwt, 1);
  for (const auto& [name, value] : claims.items()) {
    names.insert(name);
  }
  EXPECT_EQ(names, (std::set<std::string>{"iss", "account", "aud", "auth_time",
                                          "iat", "exp", "jti"}));
  EXPECT_TRUE(Check(receipts_, issued->jwt).ok());
}

TEST_P(ReceiptsTest, ReadsWhatItIssued) {
  const auto read = Check(receipts_, IssueFull());
  ASSERT_TRUE(read.ok()) << read.status();
  const Receipt full = Full();
  EXPECT_EQ(read->account_id, full.account_id);
  EXPECT_EQ(read->member_id, full.member_id);
  EXPECT_EQ(read->client_id, full.client_id);
  EXPECT_EQ(read->amr, full.amr);
  EXPECT_EQ(read->acr, full.acr);
  EXPECT_EQ(read->auth_time, full.auth_time);
  EXPECT_EQ(read->session_id, full.session_id);
  EXPECT_EQ(read->enrollment_ids, full.enrollment_ids);
  EXPECT_EQ(read->challenge_digest, full.challenge_digest);
  EXPECT_EQ(read->approver_member_ids, full.approver_member_ids);
  EXPECT_EQ(read->purpose, full.purpose);
  EXPECT_TRUE(read->remembered_device);
  EXPECT_EQ(read->issue_time, absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(read->expire_time, absl::FromUnixSeconds(1'700'000'300));
  EXPECT_EQ(read->receipt_id.size(), 32u);
}

TEST_P(ReceiptsTest, GivesEachReceiptAnIdOfItsOwn) {
  EXPECT_NE(PartOf(IssueFull(), 1)["jti"], PartOf(IssueFull(), 1)["jti"]);
}

TEST_P(ReceiptsTest, IsOverAtItsEnd) {
  const std::string jwt = IssueFull();
  clock_.Set(absl::FromUnixSeconds(1'700'000'300) - absl::Nanoseconds(1));
  EXPECT_TRUE(Check(receipts_, jwt).ok());
  clock_.Set(absl::FromUnixSeconds(1'700'000'300));
  EXPECT_TRUE(IsRefused(jwt));
}

TEST_P(ReceiptsTest, AllowsForAClockThatIsAMinuteAhead) {
  const std::string jwt = IssueFull();
  clock_.Set(absl::FromUnixSeconds(1'700'000'000) - absl::Seconds(60));
  EXPECT_TRUE(Check(receipts_, jwt).ok());
  clock_.Advance(-absl::Nanoseconds(1));
  EXPECT_TRUE(IsRefused(jwt));
}

TEST_P(ReceiptsTest, RefusesAChangeOfAnyCharacter) {
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

TEST_P(ReceiptsTest, RefusesAChangeOfTheForm) {
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

TEST_P(ReceiptsTest, RefusesWhatIsTooLong) {
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
TEST_P(ReceiptsTest, RefusesEveryOtherHeader) {
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

TEST_P(ReceiptsTest, RefusesNoSignature) {
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
TEST_P(ReceiptsTest, RefusesAnHmacOfThePublicKey) {
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

TEST_P(ReceiptsTest, RefusesTheSignatureOfAnotherKey) {
  const std::vector<std::string> parts = absl::StrSplit(IssueFull(), '.');
  const std::string input = absl::StrCat(parts[0], ".", parts[1]);
  const auto next =
      SignerOf(KeyIn(v1::RECEIPT_KEY_STATE_NEXT)).SignBytes(input);
  ASSERT_TRUE(next.ok());
  EXPECT_TRUE(IsRefused(absl::StrCat(input, ".", Base64Url(*next))));
}

// Signed by the right key, as by another product that shares it.
TEST_P(ReceiptsTest, RefusesClaimsThatWeDoNotWrite) {
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

TEST_P(ReceiptsTest, RefusesTheReceiptsOfAnotherStore) {
  storage::MemoryStore other(clock_);
  ASSERT_TRUE(CreateReceiptKeys(other, GetParam(), clock_.Now()).ok());
  const Receipts receipts("https://id.example.com", randomness_);
  const auto snapshot = other.GetSnapshot();
  const Plan plan(*snapshot, clock_.Now(), caller_);
  const auto issued = receipts.Issue(plan, Full(), absl::Minutes(5));
  ASSERT_TRUE(issued.ok());
  EXPECT_TRUE(IsRefused(issued->jwt));
}

TEST_P(ReceiptsTest, AReceiptOutlivesARotation) {
  const auto before = Issue(receipts_, Full(), absl::Hours(1));
  ASSERT_TRUE(before.ok());
  Rotate(/*drop_current=*/false);
  const std::string after = IssueFull();
  EXPECT_NE(PartOf(before->jwt, 0)["kid"], PartOf(after, 0)["kid"]);
  EXPECT_TRUE(Check(receipts_, before->jwt).ok());
  EXPECT_TRUE(Check(receipts_, after).ok());
  clock_.Advance(absl::Minutes(59));
  EXPECT_TRUE(Check(receipts_, before->jwt).ok());
}

TEST_P(ReceiptsTest, ADroppedKeyTakesItsReceiptsAlong) {
  const std::string before = IssueFull();
  Rotate(/*drop_current=*/true);
  EXPECT_TRUE(IsRefused(before));
  EXPECT_TRUE(Check(receipts_, IssueFull()).ok());
}

// The next key has signed nothing yet, but what it signs is right.
TEST_P(ReceiptsTest, AnotherServerMayHaveRotatedAlready) {
  const Receipts other("https://id.example.com", randomness_);
  ASSERT_TRUE(Check(other, IssueFull()).ok());
  for (int i = 0; i < 3; ++i) {
    Rotate(/*drop_current=*/false);
    const std::string jwt = IssueFull();
    EXPECT_EQ(PartOf(jwt, 0)["kid"],
              KeyIn(v1::RECEIPT_KEY_STATE_CURRENT).key_id());
    // It has the keys of before in memory.
    EXPECT_TRUE(Check(other, jwt).ok());
    const auto of_other = Issue(other, Full());
    ASSERT_TRUE(of_other.ok());
    EXPECT_EQ(PartOf(of_other->jwt, 0)["kid"], PartOf(jwt, 0)["kid"]);
    EXPECT_TRUE(Check(receipts_, of_other->jwt).ok());
  }
  Rotate(/*drop_current=*/true);
  EXPECT_TRUE(Check(other, IssueFull()).ok());
}

// Else a call that began before a key was dropped would have it back.
TEST_P(ReceiptsTest, AnOldSnapshotDoesNotBringOldKeysBack) {
  const std::string before = IssueFull();
  const auto old = store_.GetSnapshot();
  const Plan old_plan(*old, clock_.Now(), caller_);
  Rotate(/*drop_current=*/true);
  EXPECT_TRUE(IsRefused(before));
  // At the moment of the snapshot it was good.
  EXPECT_TRUE(receipts_.Check(old_plan, before).ok());
  EXPECT_TRUE(IsRefused(before));
  EXPECT_TRUE(receipts_.Check(old_plan, before).ok());
}

TEST_P(ReceiptsTest, ShowsTheKeysOfTheSnapshot) {
  const auto first = receipts_.Jwks(*store_.GetSnapshot(), clock_.Now());
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(json::parse(*first)["keys"].size(), 2u);
  Rotate(/*drop_current=*/false);
  const auto second = receipts_.Jwks(*store_.GetSnapshot(), clock_.Now());
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(json::parse(*second)["keys"].size(), 3u);
}

TEST_P(ReceiptsTest, RefusesToIssueForLongerThanKeysAreKept) {
  EXPECT_TRUE(Issue(receipts_, Full(), absl::Seconds(1)).ok());
  EXPECT_TRUE(Issue(receipts_, Full(), absl::Hours(1)).ok());
  for (const absl::Duration lifetime :
       {absl::Hours(1) + absl::Seconds(1), absl::ZeroDuration(),
        -absl::Seconds(1), absl::InfiniteDuration()}) {
    EXPECT_EQ(Issue(receipts_, Full(), lifetime).status().code(),
              absl::StatusCode::kInternal);
  }
}

TEST_P(ReceiptsTest, SaysSoIfTheStoreHasNoKeys) {
  storage::MemoryStore empty(clock_);
  const auto snapshot = empty.GetSnapshot();
  const Plan plan(*snapshot, clock_.Now(), caller_);
  EXPECT_EQ(receipts_.Issue(plan, Full(), absl::Minutes(5)).status().code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(receipts_.Check(plan, IssueFull()).status().code(),
            absl::StatusCode::kInternal);
}

TEST_P(ReceiptsTest, DoesNotGuessARecordOfALaterVersion) {
  ReceiptKeysRecord keys = Keys();
  keys.set_version(kRecordVersion + 1);
  Write(keys);
  EXPECT_EQ(ErrorReason(Issue(receipts_, Full()).status()),
            "UNKNOWN_RECORD_VERSION");
}

}  // namespace
}  // namespace cofactor::services
