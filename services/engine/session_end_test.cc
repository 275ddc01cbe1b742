#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/keys.h"
#include "services/engine/session_fixture.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

// What ends sessions, and that it ends them for good.
class SessionEndTest : public SessionFixture {
 protected:
  void ExpectOver(const v1::Grant& grant) {
    EXPECT_FALSE(IsActive(grant.receipt()));
    const auto refused = Refresh(grant.refresh_token());
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(ErrorReason(refused.status()), "SESSION_ENDED");
    EXPECT_EQ(ErrorReason(StepUp(grant.session().session_id(), {}).status()),
              "SESSION_ENDED");
  }

  // Those that are told of, without the end of receipts in the way.
  int Listed() {
    ActAs("support", {v1::SCOPE_ACCOUNTS});
    const auto list = List();
    ActAs("web");
    EXPECT_TRUE(list.ok()) << list.status();
    return list.ok() ? list->sessions_size() : -1;
  }

  // The account, as an export for this server itself.
  std::string Export() {
    ActAsServer();
    const auto key =
        harness_.Call(&ExportEngine::GetImportKey, v1::GetImportKeyRequest());
    EXPECT_TRUE(key.ok()) << key.status();
    v1::ExportAccountRequest request;
    request.set_account_id("acme");
    request.set_recipient_public_key(key->public_key());
    const auto page = harness_.Call(&ExportEngine::ExportAccount, request);
    EXPECT_TRUE(page.ok()) << page.status();
    ActAs("web");
    return page->sealed_export();
  }

  absl::Status Import(const std::string& page) {
    ActAsServer();
    v1::ImportAccountRequest request;
    request.set_sealed_export(page);
    const absl::Status status =
        harness_.Call(&ExportEngine::ImportAccount, request).status();
    ActAs("web");
    return status;
  }

  std::vector<storage::Entry> Records() {
    auto records = harness_.RawRecords(std::string(kSessionPrefix));
    for (storage::Entry& mark :
         harness_.RawRecords(std::string(kSessionMarkPrefix))) {
      records.push_back(std::move(mark));
    }
    return records;
  }
};

TEST_F(SessionEndTest, EndsWhenItIsNotRefreshedInTime) {
  const v1::Grant grant = SignIn();
  Advance(absl::Hours(12) - absl::Seconds(2));
  EXPECT_EQ(Listed(), 1);
  const auto refreshed = Refresh(grant.refresh_token());
  ASSERT_TRUE(refreshed.ok()) << refreshed.status();
  Advance(absl::Hours(12));
  EXPECT_EQ(Listed(), 0);
  ExpectOver(refreshed->grant());
}

TEST_F(SessionEndTest, EndsAtItsLastDayHoweverOftenItIsRefreshed) {
  v1::Grant grant = SignIn();
  const absl::Time end = harness_.now() + absl::Hours(24 * 7);
  while (harness_.now() + absl::Hours(11) < end) {
    Advance(absl::Hours(11));
    const auto refreshed = Refresh(grant.refresh_token());
    ASSERT_TRUE(refreshed.ok()) << refreshed.status();
    grant = refreshed->grant();
  }
  EXPECT_EQ(ToTime(grant.session().idle_expire_time()), end);
  harness_.clock().Set(end);
  ExpectOver(grant);
}

TEST_F(SessionEndTest, LeavesNothingInTheStoreAtItsEnd) {
  SignIn();
  EXPECT_EQ(Records().size(), 2u);
  Advance(absl::Hours(12));
  EXPECT_TRUE(Records().empty());
}

TEST_F(SessionEndTest, DoesNotTrustTheStoreToForgetInTime) {
  const v1::Grant grant = SignIn();
  auto records = Records();
  Advance(absl::Hours(12));
  for (storage::Entry& entry : records) {
    entry.record.expire_time = absl::InfiniteFuture();
  }
  PutBack(records);
  EXPECT_EQ(Listed(), 0);
  ExpectOver(grant);
}

TEST_F(SessionEndTest, EndsEarlierIfThePolicyComesToSayIt) {
  const v1::Grant grant = SignIn();
  Advance(absl::Hours(2));
  v1::Policy policy = MakePolicy();
  policy.mutable_sessions()->mutable_receipt_lifetime()->set_seconds(3'600);
  PutPolicy(policy);
  const auto refreshed = Refresh(grant.refresh_token());
  ASSERT_TRUE(refreshed.ok()) << refreshed.status();
  Advance(absl::Minutes(2));
  policy.mutable_sessions()->mutable_idle_timeout()->set_seconds(60);
  PutPolicy(policy);
  EXPECT_EQ(Listed(), 0);
  ExpectOver(refreshed->grant());

  policy.mutable_sessions()->clear_idle_timeout();
  policy.mutable_sessions()->mutable_lifetime()->set_seconds(3'600);
  PutPolicy(policy);
  EXPECT_EQ(Listed(), 0);
  ExpectOver(refreshed->grant());
}

TEST_F(SessionEndTest, LastsNoLongerIfThePolicyComesToSayIt) {
  const v1::Grant grant = SignIn();
  v1::Policy policy = MakePolicy();
  policy.mutable_sessions()->mutable_lifetime()->set_seconds(86'400 * 300);
  policy.mutable_sessions()->mutable_idle_timeout()->set_seconds(86'400 * 90);
  PutPolicy(policy);
  const auto refreshed = Refresh(grant.refresh_token());
  ASSERT_TRUE(refreshed.ok()) << refreshed.status();
  EXPECT_EQ(ToTime(refreshed->grant().session().idle_expire_time()),
            ToTime(grant.session().expire_time()));
}

TEST_F(SessionEndTest, TakesTheLevelsOfThePolicyOfNow) {
  const v1::Grant grant = SignIn();
  v1::Policy policy = MakePolicy();
  // What was enough for "multi_factor" is not any more.
  policy.mutable_levels(1)->clear_any_of();
  *policy.mutable_levels(1)->add_any_of() = policy.levels(2).any_of(0);
  policy.mutable_levels()->RemoveLast();
  PutPolicy(policy);
  const auto refreshed = Refresh(grant.refresh_token());
  ASSERT_TRUE(refreshed.ok()) << refreshed.status();
  EXPECT_EQ(refreshed->grant().session().acr(), "single_factor");
}

TEST_F(SessionEndTest, EndsWithASuspensionForGood) {
  const v1::Grant grant = SignIn();
  const auto records = Records();
  ASSERT_TRUE(Suspend(true).ok());
  ExpectOver(grant);
  ASSERT_TRUE(Suspend(false).ok());
  ExpectOver(grant);
  // Whatever becomes of the records, the member's own says that it is over.
  PutBack(records);
  ExpectOver(grant);
  EXPECT_EQ(Listed(), 0);
  EXPECT_TRUE(IsActive(SignIn().receipt()));
}

TEST_F(SessionEndTest, EndsWithTheEndOfTheMemberForGood) {
  const v1::Grant grant = SignIn();
  ASSERT_TRUE(SetValidUntil(harness_.now() + absl::Minutes(1)).ok());
  EXPECT_TRUE(IsActive(grant.receipt()));
  Advance(absl::Minutes(1));
  ExpectOver(grant);
  EXPECT_EQ(Listed(), 0);
  ASSERT_TRUE(SetValidUntil(harness_.now() + absl::Hours(24 * 365)).ok());
  ExpectOver(grant);
  EXPECT_EQ(Listed(), 0);
}

TEST_F(SessionEndTest, OutlivesAChangeThatIsNoEnd) {
  const v1::Grant grant = SignIn();
  v1::UpdateMemberRequest rename;
  rename.mutable_member()->set_account_id("acme");
  rename.mutable_member()->set_member_id("ada");
  rename.mutable_member()->set_display_name("Ada");
  rename.mutable_update_mask()->add_paths("display_name");
  ASSERT_TRUE(harness_.Call(&AccountEngine::UpdateMember, rename).ok());
  ASSERT_TRUE(Suspend(false).ok());
  EXPECT_TRUE(IsActive(grant.receipt()));
  EXPECT_TRUE(Refreshes(grant.refresh_token()));
}

TEST_F(SessionEndTest, DoesNotPassToAnotherMemberOfTheSameId) {
  const v1::Grant grant = SignIn();
  const auto records = Records();
  ASSERT_TRUE(DeleteMember().ok());
  EXPECT_TRUE(Records().empty());
  ExpectOver(grant);
  // In the same moment.
  harness_.CreateMember("acme", "ada");
  ExpectOver(grant);
  ASSERT_TRUE(DeleteMember().ok());
  Advance(absl::Seconds(1));
  harness_.CreateMember("acme", "ada");
  PutBack(records);
  ExpectOver(grant);
  EXPECT_EQ(Listed(), 0);
}

TEST_F(SessionEndTest, DoesNotComeBackWithAnImport) {
  const std::string page = Export();
  const v1::Grant grant = SignIn();
  const auto records = Records();
  ASSERT_TRUE(DeleteMember().ok());
  // As old as before, in the same moment.
  ASSERT_TRUE(Import(page).ok());
  PutBack(records);
  ExpectOver(grant);
  EXPECT_TRUE(IsActive(SignIn().receipt()));
}

TEST_F(SessionEndTest, EndsWithASuspensionThatAnImportBringsForGood) {
  ASSERT_TRUE(Suspend(true).ok());
  const std::string page = Export();
  ASSERT_TRUE(Suspend(false).ok());
  const v1::Grant grant = SignIn();
  ASSERT_TRUE(Import(page).ok());
  ExpectOver(grant);
  ASSERT_TRUE(Suspend(false).ok());
  ExpectOver(grant);
}

TEST_F(SessionEndTest, OutlivesAnImportThatChangesNothing) {
  const std::string page = Export();
  const v1::Grant grant = SignIn();
  ASSERT_TRUE(Import(page).ok());
  EXPECT_TRUE(IsActive(grant.receipt()));
}

TEST_F(SessionEndTest, LeavesOtherMembersAlone) {
  harness_.CreateMember("acme", "ada2");
  const v1::Grant grant = SignIn();
  const v1::Grant other = SignIn({Step("password"), Step("totp")}, "ada2");
  ASSERT_TRUE(DeleteMember().ok());
  ExpectOver(grant);
  EXPECT_TRUE(IsActive(other.receipt()));
  EXPECT_TRUE(Refreshes(other.refresh_token()));
}

TEST_F(SessionEndTest, LivesOnInAnotherServerOfTheStore) {
  const v1::Grant grant = SignIn();
  SeededRandomness randomness(4'711);
  const Receipts receipts("https://id.example", randomness);
  const Sessions sessions(receipts, randomness);
  const SessionEngine engine(sessions);
  v1::RefreshSessionRequest request;
  request.set_refresh_token(grant.refresh_token());
  const auto there =
      harness_.Call(engine, &SessionEngine::RefreshSession, request);
  ASSERT_TRUE(there.ok()) << there.status();
  ASSERT_TRUE(there->has_grant());
  EXPECT_TRUE(IsActive(there->grant().receipt()));
  // What was used there is used here too.
  const auto reused = Refresh(grant.refresh_token());
  ASSERT_TRUE(reused.ok()) << reused.status();
  EXPECT_TRUE(reused->session_ended());
  request.set_refresh_token(there->grant().refresh_token());
  EXPECT_EQ(harness_.Call(engine, &SessionEngine::RefreshSession, request)
                .status()
                .code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(SessionEndTest, LosesNothingWhenTheClockIsSetBack) {
  const v1::Grant grant = SignIn();
  Advance(-absl::Hours(1));
  const auto refreshed = Refresh(grant.refresh_token());
  ASSERT_TRUE(refreshed.ok()) << refreshed.status();
  // And gains nothing.
  EXPECT_LE(ToTime(refreshed->grant().session().expire_time()),
            ToTime(grant.session().expire_time()));
  Advance(absl::Hours(24 * 7 + 1));
  ExpectOver(refreshed->grant());
}

}  // namespace
}  // namespace cofactor::services
