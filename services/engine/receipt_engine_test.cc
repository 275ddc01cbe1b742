#include "services/engine/receipt_engine.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/receipts/receipt_keys.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

using ::nlohmann::json;
using Keys = ::google::protobuf::RepeatedPtrField<v1::ReceiptKey>;

v1::ReceiptKey KeyIn(v1::ReceiptKeyState state, const Keys& keys) {
  v1::ReceiptKey found;
  for (const v1::ReceiptKey& key : keys) {
    if (key.state() == state) found = key;
  }
  return found;
}

class ReceiptEngineTest : public testing::Test {
 protected:
  ReceiptEngineTest() {
    EXPECT_TRUE(CreateReceiptKeys(harness_.store(),
                                  config::v1::RECEIPT_ALGORITHM_EDDSA,
                                  harness_.now())
                    .ok());
  }

  v1::GetReceiptKeysResponse Get() {
    const auto response = harness_.Call(engine_, &ReceiptEngine::GetReceiptKeys,
                                        v1::GetReceiptKeysRequest());
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : v1::GetReceiptKeysResponse();
  }
  absl::StatusOr<v1::RotateReceiptKeysResponse> Rotate(
      bool drop_current = false, const std::string& request_id = "") {
    v1::RotateReceiptKeysRequest request;
    request.set_drop_current(drop_current);
    request.set_request_id(request_id);
    return harness_.Call(engine_, &ReceiptEngine::RotateReceiptKeys, request);
  }

  EngineHarness harness_;
  SeededRandomness randomness_{1};
  const Receipts receipts_{"https://id.example.com", randomness_};
  const ReceiptEngine engine_{receipts_, config::v1::RECEIPT_ALGORITHM_ES256};
};

TEST_F(ReceiptEngineTest, ShowsTheKeysAndWhatTheyAreFor) {
  const absl::Time start = harness_.now();
  harness_.clock().Advance(absl::Hours(3));
  ASSERT_TRUE(Rotate().ok());
  const v1::GetReceiptKeysResponse response = Get();
  EXPECT_EQ(response.issuer(), "https://id.example.com");
  ASSERT_EQ(response.keys_size(), 3);
  const auto previous = KeyIn(v1::RECEIPT_KEY_STATE_PREVIOUS, response.keys());
  const auto current = KeyIn(v1::RECEIPT_KEY_STATE_CURRENT, response.keys());
  const auto next = KeyIn(v1::RECEIPT_KEY_STATE_NEXT, response.keys());
  EXPECT_EQ(previous.algorithm(), "EdDSA");
  EXPECT_EQ(current.algorithm(), "EdDSA");
  EXPECT_EQ(next.algorithm(), "ES256");
  EXPECT_EQ(previous.create_time().seconds(), absl::ToUnixSeconds(start));
  EXPECT_EQ(previous.sign_time().seconds(), absl::ToUnixSeconds(start));
  EXPECT_EQ(previous.expire_time().seconds(),
            absl::ToUnixSeconds(harness_.now() + absl::Minutes(61)));
  EXPECT_EQ(current.sign_time().seconds(), absl::ToUnixSeconds(harness_.now()));
  EXPECT_FALSE(current.has_expire_time());
  EXPECT_FALSE(next.has_sign_time());
  EXPECT_FALSE(next.has_expire_time());

  const json jwks = json::parse(response.jwks());
  ASSERT_EQ(jwks["keys"].size(), 3u);
  EXPECT_EQ(jwks["keys"][0]["kid"], current.key_id());
}

// What was stored as private is nowhere in the answers.
TEST_F(ReceiptEngineTest, ShowsNothingPrivate) {
  ASSERT_TRUE(Rotate().ok());
  const v1::GetReceiptKeysResponse response = Get();
  for (const json& key : json::parse(response.jwks())["keys"]) {
    EXPECT_FALSE(key.contains("d"));
    EXPECT_EQ(key.size(), key["kty"] == "OKP" ? 6u : 7u);
  }
  const auto raw = harness_.RawRecords("x/receipts");
  ASSERT_EQ(raw.size(), 1u);
  record::v1::ReceiptKeysRecord stored;
  ASSERT_TRUE(stored.ParseFromString(raw[0].record.value));
  for (const auto& key : stored.keys()) {
    EXPECT_GT(key.private_key().size(), 32u);
    EXPECT_FALSE(absl::StrContains(response.SerializeAsString(),
                                   key.private_key().substr(16, 32)));
  }
}

TEST_F(ReceiptEngineTest, AKeyThatIsOverIsNotShown) {
  ASSERT_TRUE(Rotate().ok());
  harness_.clock().Advance(absl::Minutes(61));
  const v1::GetReceiptKeysResponse response = Get();
  EXPECT_EQ(response.keys_size(), 2);
  EXPECT_EQ(json::parse(response.jwks())["keys"].size(), 2u);
}

TEST_F(ReceiptEngineTest, RotatesAndTellsTheAuditLog) {
  const auto before = Get();
  const auto response = Rotate();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(KeyIn(v1::RECEIPT_KEY_STATE_CURRENT, response->keys()).key_id(),
            KeyIn(v1::RECEIPT_KEY_STATE_NEXT, before.keys()).key_id());
  const auto events = harness_.AuditEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].action(), "RotateReceiptKeys");
  EXPECT_EQ(
      events[0].note(),
      absl::StrCat(
          "signs with ",
          KeyIn(v1::RECEIPT_KEY_STATE_CURRENT, response->keys()).key_id()));
}

TEST_F(ReceiptEngineTest, DropsACompromisedKeyAndTellsWhich) {
  const std::string dropped =
      KeyIn(v1::RECEIPT_KEY_STATE_CURRENT, Get().keys()).key_id();
  const auto response = Rotate(/*drop_current=*/true);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->keys_size(), 2);
  EXPECT_FALSE(absl::StrContains(Get().jwks(), dropped));
  EXPECT_TRUE(absl::EndsWith(harness_.AuditEvents()[0].note(),
                             absl::StrCat("; forgot ", dropped)));
}

TEST_F(ReceiptEngineTest, ARetryRotatesOnce) {
  ASSERT_TRUE(Rotate(false, "r-1").ok());
  const auto keys = Get();
  ASSERT_TRUE(Rotate(false, "r-1").ok());
  EXPECT_EQ(Get().SerializeAsString(), keys.SerializeAsString());
}

TEST_F(ReceiptEngineTest, RefusesMoreRotationsThanVerifiersCanFollow) {
  absl::Status status;
  for (int i = 0; i < 20 && status.ok(); ++i) status = Rotate().status();
  EXPECT_EQ(ErrorReason(status), "TOO_MANY_RECEIPT_KEYS");
  EXPECT_EQ(Get().keys_size(), 16);
  EXPECT_TRUE(Rotate(/*drop_current=*/true).ok());
}

TEST(ReceiptEngineStartTest, SaysSoIfThereAreNoKeys) {
  EngineHarness harness;
  SeededRandomness randomness(1);
  const Receipts receipts("cofactor", randomness);
  const ReceiptEngine engine(receipts, config::v1::RECEIPT_ALGORITHM_EDDSA);
  EXPECT_EQ(harness
                .Call(engine, &ReceiptEngine::GetReceiptKeys,
                      v1::GetReceiptKeysRequest())
                .status()
                .code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(harness
                .Call(engine, &ReceiptEngine::RotateReceiptKeys,
                      v1::RotateReceiptKeysRequest())
                .status()
                .code(),
            absl::StatusCode::kInternal);
  EXPECT_TRUE(harness.RawRecords("x/receipts").empty());
}

}  // namespace
}  // namespace cofactor::services
