#ifndef COFACTOR_SERVICES_RECEIPTS_RECEIPTS_FIXTURE_H_
#define COFACTOR_SERVICES_RECEIPTS_RECEIPTS_FIXTURE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/randomness.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/receipt_service.pb.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/engine/caller.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "services/jws/base64url.h"
#include "services/jws/jws.h"
#include "services/receipts/receipt_keys.h"
#include "services/receipts/receipts.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {

// Not on the second.
inline const absl::Time kStart =
    absl::FromUnixSeconds(1'700'000'000) + absl::Milliseconds(250);

// With every claim.
inline Receipt Full() {
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

// The header of a receipt, 0, or its claims, 1.
inline nlohmann::json PartOf(absl::string_view jwt, size_t part) {
  const std::vector<std::string> parts = absl::StrSplit(jwt, '.');
  EXPECT_EQ(parts.size(), 3u);
  return nlohmann::json::parse(FromBase64Url(parts[part]).value());
}

// A server's receipts by each algorithm, and the keys that an attacker would
// like to have.
class ReceiptsFixture
    : public testing::TestWithParam<config::v1::ReceiptAlgorithm> {
 protected:
  ReceiptsFixture() {
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

  record::v1::ReceiptKeysRecord Keys() {
    record::v1::ReceiptKeysRecord keys;
    EXPECT_TRUE(keys.ParseFromString(
        store_.GetSnapshot()->Get(kReceiptKeysKey)->value));
    return keys;
  }
  void Write(const record::v1::ReceiptKeysRecord& keys) {
    storage::Transaction transaction;
    transaction.Put(kReceiptKeysKey, keys.SerializeAsString());
    EXPECT_TRUE(storage::CommitAndWait(store_, std::move(transaction)).ok());
  }
  void Rotate(bool drop_current) {
    record::v1::ReceiptKeysRecord keys = Keys();
    EXPECT_TRUE(
        RotateReceiptKeys(GetParam(), clock_.Now(), drop_current, keys).ok());
    Write(keys);
  }

  record::v1::ReceiptKeyRecord KeyIn(v1::ReceiptKeyState state) {
    record::v1::ReceiptKeyRecord found;
    const record::v1::ReceiptKeysRecord keys = Keys();
    for (const record::v1::ReceiptKeyRecord& key : keys.keys()) {
      if (key.state() == static_cast<uint32_t>(state)) found = key;
    }
    return found;
  }
  JwsAlgorithm algorithm() const {
    return GetParam() == config::v1::RECEIPT_ALGORITHM_ES256
               ? JwsAlgorithm::kEs256
               : JwsAlgorithm::kEdDsa;
  }
  JwsSigner SignerOf(const record::v1::ReceiptKeyRecord& key) {
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

// To instantiate the tests of a file with.
inline auto ReceiptAlgorithms() {
  return testing::Values(config::v1::RECEIPT_ALGORITHM_EDDSA,
                         config::v1::RECEIPT_ALGORITHM_ES256);
}
inline std::string NameOfAlgorithm(
    const testing::TestParamInfo<config::v1::ReceiptAlgorithm>& info) {
  return info.param == config::v1::RECEIPT_ALGORITHM_ES256 ? "Es256" : "EdDsa";
}

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_RECEIPTS_RECEIPTS_FIXTURE_H_
