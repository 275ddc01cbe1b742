#include "services/receipts/receipts.h"

#include <set>
#include <string>

#include "base/errors.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/receipts/receipt_keys.h"
#include "services/receipts/receipts_fixture.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ReceiptKeysRecord;
using ::nlohmann::json;

class ReceiptsTest : public ReceiptsFixture {};

INSTANTIATE_TEST_SUITE_P(Algorithms, ReceiptsTest, ReceiptAlgorithms(),
                         NameOfAlgorithm);

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
