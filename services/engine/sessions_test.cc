#include "services/engine/sessions.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "cofactor/v1/audit.pb.h"
#include "gtest/gtest.h"
#include "services/engine/keys.h"
#include "services/engine/session_fixture.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

class SessionsTest : public SessionFixture {
 protected:
  Receipt ReceiptOf(const std::string& jwt) {
    const auto snapshot = harness_.store().GetSnapshot();
    const Caller caller = Caller::Server();
    Plan plan(*snapshot, harness_.now(), caller);
    const auto receipt = receipts_.Check(plan, jwt);
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    return receipt.ok() ? *receipt : Receipt();
  }

  void ExpectRefused(const std::string& token) {
    const auto refused = Refresh(token);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(ErrorReason(refused.status()), "SESSION_ENDED");
  }

  // The parts of a refresh token: "cfr", session id, family, own part.
  static std::vector<std::string> PartsOf(const std::string& token) {
    return absl::StrSplit(token, '_');
  }
};

TEST_F(SessionsTest, StatesInTheReceiptWhatWasReached) {
  const v1::Grant grant = SignIn();
  const v1::Session& session = grant.session();
  EXPECT_EQ(session.account_id(), "acme");
  EXPECT_EQ(session.member_id(), "ada");
  EXPECT_EQ(session.client_id(), "web");
  EXPECT_EQ(session.acr(), "multi_factor");
  EXPECT_EQ(session.steps_size(), 2);
  EXPECT_EQ(ToTime(session.idle_expire_time()),
            harness_.now() + absl::Hours(12));
  EXPECT_EQ(ToTime(session.expire_time()),
            harness_.now() + absl::Hours(24 * 7));
  EXPECT_FALSE(session.has_refresh_time());

  const Receipt receipt = ReceiptOf(grant.receipt());
  EXPECT_EQ(receipt.account_id, "acme");
  EXPECT_EQ(receipt.member_id, "ada");
  EXPECT_EQ(receipt.client_id, "web");
  EXPECT_EQ(receipt.session_id, session.session_id());
  EXPECT_EQ(receipt.acr, "multi_factor");
  EXPECT_EQ(receipt.amr, (std::vector<std::string>{"pwd", "otp", "mfa"}));
  EXPECT_EQ(receipt.enrollment_ids,
            (std::vector<std::string>{"enrolled-password", "enrolled-totp"}));
  EXPECT_FALSE(receipt.remembered_device);
  EXPECT_EQ(receipt.challenge_digest, "");
}

TEST_F(SessionsTest, StatesNoMoreThanOneFactorForOne) {
  const v1::Grant grant = SignIn({Step("password")});
  EXPECT_EQ(grant.session().acr(), "single_factor");
  EXPECT_EQ(ReceiptOf(grant.receipt()).amr, std::vector<std::string>{"pwd"});
}

TEST_F(SessionsTest, StatesARememberedDeviceAndNotWhatItStandsFor) {
  PutPolicy(MakePolicy());
  record::v1::StepRecord device;
  device.set_remembered_device_id("laptop");
  device.set_time_micros(absl::ToUnixMicros(harness_.now()));
  const v1::Grant grant = SignIn({Step("password"), device});
  const Receipt receipt = ReceiptOf(grant.receipt());
  EXPECT_EQ(receipt.acr, "single_factor");
  EXPECT_TRUE(receipt.remembered_device);
  EXPECT_EQ(receipt.enrollment_ids,
            std::vector<std::string>{"enrolled-password"});

  // Once the factor itself was proven, nothing stands in for it any more.
  const auto stepped = StepUp(grant.session().session_id(), {Step("totp")});
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  EXPECT_EQ(ReceiptOf(stepped->receipt()).acr, "multi_factor");
  EXPECT_FALSE(ReceiptOf(stepped->receipt()).remembered_device);
}

TEST_F(SessionsTest, StatesTheDetailsOnlyWhereTheyWereAgreedTo) {
  record::v1::StepRecord first = Step("password");
  first.set_challenge_digest(std::string(32, 'a'));
  Advance(absl::Seconds(1));
  record::v1::StepRecord second = Step("totp");
  second.set_challenge_digest(std::string(32, 'b'));
  const v1::Grant grant = SignIn({second, first});
  EXPECT_EQ(ReceiptOf(grant.receipt()).challenge_digest, std::string(32, 'b'));

  // A payment that was agreed to once is not agreed to with every refresh.
  const auto refreshed = Refresh(grant.refresh_token());
  ASSERT_TRUE(refreshed.ok()) << refreshed.status();
  EXPECT_EQ(ReceiptOf(refreshed->grant().receipt()).challenge_digest, "");

  // Nor with a step-up that showed none, though the sign-in knows the old
  // steps.
  Advance(absl::Seconds(1));
  const auto stepped =
      StepUp(grant.session().session_id(), {first, second, Step("webauthn")});
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  EXPECT_EQ(ReceiptOf(stepped->receipt()).challenge_digest, "");
}

TEST_F(SessionsTest, GivesNoReceiptThatOutlivesItsSession) {
  v1::Policy policy = MakePolicy();
  policy.mutable_sessions()->mutable_lifetime()->set_seconds(100);
  PutPolicy(policy);
  const v1::Grant grant = SignIn();
  EXPECT_LE(ToTime(grant.receipt_expire_time()),
            ToTime(grant.session().expire_time()));
  Advance(absl::Seconds(90));
  const auto refreshed = Refresh(grant.refresh_token());
  ASSERT_TRUE(refreshed.ok()) << refreshed.status();
  EXPECT_EQ(ToTime(refreshed->grant().session().idle_expire_time()),
            ToTime(grant.session().expire_time()));
  EXPECT_LE(ToTime(refreshed->grant().receipt_expire_time()),
            ToTime(grant.session().expire_time()));
  // Less than a second is no time for a receipt.
  Advance(absl::Milliseconds(9'500));
  ExpectRefused(refreshed->grant().refresh_token());
}

TEST_F(SessionsTest, KeepsNoPartOfARefreshToken) {
  const v1::Grant grant = SignIn();
  const auto parts = PartsOf(grant.refresh_token());
  ASSERT_EQ(parts.size(), 4u);
  for (const storage::Entry& entry : harness_.RawRecords()) {
    EXPECT_EQ(entry.record.value.find(parts[2]), std::string::npos);
    EXPECT_EQ(entry.record.value.find(parts[3]), std::string::npos);
    EXPECT_EQ(entry.key.find(parts[3]), std::string::npos);
  }
}

TEST_F(SessionsTest, RotatesTheRefreshToken) {
  const v1::Grant first = SignIn();
  Advance(absl::Hours(11));
  const auto second = Refresh(first.refresh_token());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(second->session_ended());
  const v1::Session& session = second->grant().session();
  EXPECT_EQ(session.session_id(), first.session().session_id());
  EXPECT_EQ(ToTime(session.refresh_time()), harness_.now());
  EXPECT_EQ(ToTime(session.idle_expire_time()),
            harness_.now() + absl::Hours(12));
  EXPECT_EQ(ToTime(session.expire_time()),
            ToTime(first.session().expire_time()));
  // No new proof: it is as old as before.
  EXPECT_EQ(ToTime(session.auth_time()), ToTime(first.session().auth_time()));
  EXPECT_NE(second->grant().refresh_token(), first.refresh_token());
  Advance(absl::Hours(11));
  EXPECT_TRUE(Refreshes(second->grant().refresh_token()));
}

TEST_F(SessionsTest, EndsASessionWhoseTokenIsUsedTwice) {
  const v1::Grant stolen = SignIn();
  const auto thief = Refresh(stolen.refresh_token());
  ASSERT_TRUE(thief.ok()) << thief.status();

  const auto owner = Refresh(stolen.refresh_token());
  ASSERT_TRUE(owner.ok()) << owner.status();
  EXPECT_TRUE(owner->session_ended());
  EXPECT_FALSE(owner->has_grant());
  const auto event = harness_.AuditEvents().back();
  EXPECT_EQ(event.action(), "RefreshSession");
  EXPECT_EQ(event.account_id(), "acme");
  EXPECT_EQ(event.member_id(), "ada");
  EXPECT_EQ(event.result(), static_cast<uint32_t>(v1::AUDIT_RESULT_REFUSED));
  EXPECT_EQ(event.reason(), "REFRESH_TOKEN_REUSED");
  EXPECT_NE(event.note().find(stolen.session().session_id()),
            std::string::npos);

  ExpectRefused(thief->grant().refresh_token());
  ExpectRefused(stolen.refresh_token());
  EXPECT_FALSE(IsActive(thief->grant().receipt()));
  EXPECT_TRUE(harness_.RawRecords(std::string(kSessionPrefix)).empty());
  EXPECT_TRUE(harness_.RawRecords(std::string(kSessionMarkPrefix)).empty());
}

TEST_F(SessionsTest, EndsItForAVeryOldTokenToo) {
  const v1::Grant first = SignIn();
  std::string token = first.refresh_token();
  for (int i = 0; i < 5; ++i) {
    const auto next = Refresh(token);
    ASSERT_TRUE(next.ok()) << next.status();
    token = next->grant().refresh_token();
  }
  EXPECT_TRUE(Refresh(first.refresh_token())->session_ended());
  ExpectRefused(token);
}

TEST_F(SessionsTest, TakesARetryForNoSecondUse) {
  const v1::Grant grant = SignIn();
  const auto first = Refresh(grant.refresh_token(), "retry-me");
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = Refresh(grant.refresh_token(), "retry-me");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->session_ended());
  EXPECT_EQ(again->grant().refresh_token(), first->grant().refresh_token());
  EXPECT_TRUE(Refreshes(first->grant().refresh_token()));
  // The request ids of another client are others.
  ActAs("other");
  ExpectRefused(grant.refresh_token());
}

TEST_F(SessionsTest, GrantsOnceToManyAtOnceAndThenEnds) {
  const v1::Grant grant = SignIn();
  constexpr int kCalls = 64;
  std::vector<absl::StatusOr<v1::RefreshSessionResponse>> answers(
      kCalls, absl::UnknownError("no answer"));
  std::vector<std::thread> threads;
  for (int i = 0; i < kCalls; ++i) {
    threads.emplace_back([this, &grant, &answers, i] {
      answers[i] = Refresh(grant.refresh_token(), absl::StrCat("call-", i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  int grants = 0;
  int ended = 0;
  int refused = 0;
  std::string token;
  for (const auto& answer : answers) {
    if (!answer.ok()) {
      EXPECT_EQ(answer.status().code(), absl::StatusCode::kPermissionDenied);
      ++refused;
    } else if (answer->session_ended()) {
      ++ended;
    } else {
      ++grants;
      token = answer->grant().refresh_token();
    }
  }
  EXPECT_EQ(grants, 1);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(refused, kCalls - 2);
  ExpectRefused(token);
}

TEST_F(SessionsTest, ChangesNothingForWhoKnowsTheIdAlone) {
  const v1::Grant grant = SignIn();
  const v1::Grant mine = SignIn();
  const std::string& id = grant.session().session_id();
  const auto parts = PartsOf(grant.refresh_token());
  const auto own_parts = PartsOf(mine.refresh_token());
  const std::string zeros(64, '0');
  const size_t events = harness_.AuditEvents().size();
  for (const std::string& forged :
       {absl::StrCat("cfr_", id, "_", zeros, "_", zeros),
        // Secrets of a session of the attacker's own.
        absl::StrCat("cfr_", id, "_", own_parts[2], "_", own_parts[3]),
        // The part of the token without that of its family.
        absl::StrCat("cfr_", id, "_", zeros, "_", parts[3]),
        absl::StrCat("cfr_", id, "_", parts[3], "_", parts[2]),
        absl::StrCat("cfr_", std::string(32, '0'), "_", parts[2], "_",
                     parts[3]),
        absl::StrCat("cfd_", id, "_", parts[2]), std::string("cfr_"),
        std::string(), id}) {
    ExpectRefused(forged);
  }
  EXPECT_EQ(harness_.AuditEvents().size(), events);
  EXPECT_TRUE(IsActive(grant.receipt()));
  EXPECT_TRUE(Refreshes(grant.refresh_token()));
}

TEST_F(SessionsTest, KeepsASessionToItsClientAndAccounts) {
  const v1::Grant grant = SignIn();
  const auto next = Refresh(grant.refresh_token());
  ASSERT_TRUE(next.ok()) << next.status();
  ActAs("other", {v1::SCOPE_VERIFY, v1::SCOPE_ADMIN, v1::SCOPE_ACCOUNTS});
  ExpectRefused(next->grant().refresh_token());
  // Nor can it end the session by a used one.
  ExpectRefused(grant.refresh_token());
  const auto stepped = StepUp(grant.session().session_id(), {Step("webauthn")});
  EXPECT_EQ(ErrorReason(stepped.status()), "SESSION_ENDED");
  // A client of the same name whose accounts were taken away.
  ActAs("web", {v1::SCOPE_VERIFY}, {"zeta"});
  ExpectRefused(next->grant().refresh_token());
  ActAs("web", {v1::SCOPE_VERIFY}, {"acme"});
  EXPECT_TRUE(Refreshes(next->grant().refresh_token()));
}

TEST_F(SessionsTest, StepsASessionUp) {
  PutPolicy(MakePolicy());
  const v1::Grant grant = SignIn();
  Advance(absl::Minutes(10));
  const auto stepped = StepUp(grant.session().session_id(),
                              {Step("password"), Step("webauthn")});
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  const v1::Session& session = stepped->session();
  EXPECT_EQ(session.session_id(), grant.session().session_id());
  EXPECT_EQ(session.acr(), "resistant");
  // The password was proven anew, and counts once.
  EXPECT_EQ(session.steps_size(), 3);
  EXPECT_EQ(ToTime(session.steps(0).time()), harness_.now());
  EXPECT_EQ(ToTime(session.auth_time()), harness_.now());
  EXPECT_EQ(ToTime(session.expire_time()),
            ToTime(grant.session().expire_time()));
  EXPECT_TRUE(Refreshes(stepped->refresh_token()));
}

TEST_F(SessionsTest, LetsNoStepGrowOlder) {
  const record::v1::StepRecord old = Step("password");
  Advance(absl::Minutes(10));
  const v1::Grant grant = SignIn({Step("password"), Step("totp")});
  const auto stepped = StepUp(grant.session().session_id(), {old});
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  EXPECT_EQ(stepped->session().steps_size(), 2);
  EXPECT_EQ(ToTime(stepped->session().steps(0).time()), harness_.now());
}

TEST_F(SessionsTest, FindsOutATokenFromBeforeAStepUp) {
  const v1::Grant before = SignIn();
  auto stepped = StepUp(before.session().session_id(), {Step("webauthn")});
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  stepped = StepUp(before.session().session_id(), {Step("webauthn")});
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  const auto reused = Refresh(before.refresh_token());
  ASSERT_TRUE(reused.ok()) << reused.status();
  EXPECT_TRUE(reused->session_ended());
  ExpectRefused(stepped->refresh_token());
}

TEST_F(SessionsTest, BoundsWhatItKeepsOfManyStepUps) {
  const v1::Grant first = SignIn();
  std::string token;
  for (int i = 0; i < 40; ++i) {
    Advance(absl::Seconds(1));
    const auto stepped =
        StepUp(first.session().session_id(), {Step("webauthn")});
    ASSERT_TRUE(stepped.ok()) << stepped.status();
    token = stepped->refresh_token();
  }
  const auto records = harness_.RawRecords(std::string(kSessionPrefix));
  ASSERT_EQ(records.size(), 1u);
  EXPECT_LT(records[0].record.value.size(), 1'000u);
  EXPECT_TRUE(Refreshes(token));
}

TEST_F(SessionsTest, TakesAProofOnlyOfItsAccount) {
  const v1::Grant grant = SignIn();
  const auto snapshot = harness_.store().GetSnapshot();
  const Caller caller = Caller::Server();
  Plan plan(*snapshot, harness_.now(), caller);
  EXPECT_TRUE(sessions_.OfReceipt(plan, "acme", grant.receipt()).ok());
  EXPECT_EQ(
      ErrorReason(sessions_.OfReceipt(plan, "zeta", grant.receipt()).status()),
      "RECEIPT_REFUSED");
  EXPECT_EQ(ErrorReason(sessions_.OfReceipt(plan, "acme", "a.b.c").status()),
            "RECEIPT_REFUSED");
}

TEST_F(SessionsTest, TakesNoReceiptThatNamesAnotherMemberOrNoSession) {
  const v1::Grant grant = SignIn();
  const auto snapshot = harness_.store().GetSnapshot();
  const Caller caller = Caller::Server();
  Plan plan(*snapshot, harness_.now(), caller);
  Receipt receipt = ReceiptOf(grant.receipt());
  receipt.member_id = "eve";
  auto issued = receipts_.Issue(plan, receipt, absl::Minutes(1));
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(
      ErrorReason(sessions_.OfReceipt(plan, "acme", issued->jwt).status()),
      "RECEIPT_REFUSED");
  // As that of an approval.
  receipt.member_id = "ada";
  receipt.session_id = "";
  issued = receipts_.Issue(plan, receipt, absl::Minutes(1));
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(
      ErrorReason(sessions_.OfReceipt(plan, "acme", issued->jwt).status()),
      "RECEIPT_REFUSED");
}

}  // namespace
}  // namespace cofactor::services
