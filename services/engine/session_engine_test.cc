#include "services/engine/session_engine.h"

#include <set>
#include <string>

#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/keys.h"
#include "services/engine/session_fixture.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

class SessionEngineTest : public SessionFixture {
 protected:
  absl::Status Revoke(const std::string& session_id,
                      const std::string& member_id = "ada",
                      const std::string& account_id = "acme") {
    v1::RevokeSessionRequest request;
    request.set_account_id(account_id);
    request.set_member_id(member_id);
    request.set_session_id(session_id);
    return harness_.Call(engine_, &SessionEngine::RevokeSession, request)
        .status();
  }

  absl::Status RevokeAll(bool forget_devices) {
    v1::RevokeMemberSessionsRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_forget_devices(forget_devices);
    return harness_.Call(engine_, &SessionEngine::RevokeMemberSessions, request)
        .status();
  }

  absl::StatusOr<v1::ListRememberedDevicesResponse> Devices() {
    v1::ListRememberedDevicesRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    return harness_.Call(engine_, &SessionEngine::ListRememberedDevices,
                         request);
  }

  absl::Status Forget(const std::string& device_id,
                      const std::string& member_id = "ada") {
    v1::RevokeRememberedDeviceRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    request.set_device_id(device_id);
    return harness_
        .Call(engine_, &SessionEngine::RevokeRememberedDevice, request)
        .status();
  }

  static void ExpectStepUp(const absl::Status& status, const std::string& acr,
                           const std::string& max_age) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ErrorReason(status), "STEP_UP_REQUIRED");
    EXPECT_EQ(MetadataOf(status, "acr_values"), acr);
    EXPECT_EQ(MetadataOf(status, "max_age"), max_age);
  }
};

TEST_F(SessionEngineTest, SaysThatASessionLives) {
  const v1::Grant grant = SignIn();
  const auto response = Introspect(grant.receipt());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->active());
  EXPECT_EQ(response->session().SerializeAsString(),
            grant.session().SerializeAsString());
}

TEST_F(SessionEngineTest, SaysNothingOfAReceiptThatIsNotGood) {
  const v1::Grant grant = SignIn();
  std::string changed = grant.receipt();
  changed[changed.size() / 2] ^= 1;
  for (const std::string& receipt :
       {changed, std::string("x"), std::string("a.b.c"), grant.refresh_token(),
        grant.receipt().substr(1)}) {
    const auto response = Introspect(receipt, "no such level");
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_FALSE(response->active());
    EXPECT_FALSE(response->has_session());
  }
  EXPECT_EQ(Introspect("").status().code(), absl::StatusCode::kInvalidArgument);
  // The session lives on, its receipt does not.
  Advance(absl::Minutes(5) + absl::Seconds(61));
  EXPECT_FALSE(IsActive(grant.receipt()));
  EXPECT_TRUE(Refreshes(grant.refresh_token()));
}

TEST_F(SessionEngineTest, AsksForAStepUpToAStrongerLevelAlone) {
  PutPolicy(MakePolicy());
  const v1::Grant grant = SignIn();
  for (const std::string acr : {"", "single_factor", "multi_factor"}) {
    const auto response = Introspect(grant.receipt(), acr);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_TRUE(response->active());
  }
  ExpectStepUp(Introspect(grant.receipt(), "resistant").status(), "resistant",
               "");
  const auto stepped = StepUp(grant.session().session_id(), {Step("webauthn")});
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  EXPECT_TRUE(Introspect(stepped->receipt(), "resistant").ok());
  // What counts is the session and not the receipt.
  EXPECT_TRUE(Introspect(grant.receipt(), "resistant").ok());
}

TEST_F(SessionEngineTest, KnowsNoLevelThatThePolicyDoesNotName) {
  const v1::Grant grant = SignIn();
  EXPECT_EQ(Introspect(grant.receipt(), "platinum").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(SessionEngineTest, AsksForANewerProof) {
  const v1::Grant grant = SignIn();
  Advance(absl::Seconds(60));
  EXPECT_TRUE(Introspect(grant.receipt(), "", absl::Seconds(60)).ok());
  ExpectStepUp(Introspect(grant.receipt(), "", absl::Seconds(59)).status(), "",
               "59");
  ExpectStepUp(
      Introspect(grant.receipt(), "multi_factor", absl::Seconds(59)).status(),
      "multi_factor", "59");
  EXPECT_EQ(Introspect(grant.receipt(), "", -absl::Seconds(1)).status().code(),
            absl::StatusCode::kInvalidArgument);
  // A refresh proves nothing.
  const auto refreshed = Refresh(grant.refresh_token());
  ASSERT_TRUE(refreshed.ok()) << refreshed.status();
  ExpectStepUp(
      Introspect(refreshed->grant().receipt(), "", absl::Seconds(59)).status(),
      "", "59");
  const auto stepped = StepUp(grant.session().session_id(), {Step("totp")});
  ASSERT_TRUE(stepped.ok()) << stepped.status();
  EXPECT_TRUE(Introspect(stepped->receipt(), "", absl::Seconds(59)).ok());
}

TEST_F(SessionEngineTest, AsksForANewerProofWhereThePolicyDoes) {
  v1::Policy policy = MakePolicy();
  for (v1::PolicyLevel& level : *policy.mutable_levels()) {
    if (level.acr() == "multi_factor") level.mutable_max_age()->set_seconds(60);
  }
  PutPolicy(policy);
  const v1::Grant grant = SignIn();
  Advance(absl::Seconds(60));
  EXPECT_TRUE(Introspect(grant.receipt(), "multi_factor").ok());
  Advance(absl::Seconds(1));
  ExpectStepUp(Introspect(grant.receipt(), "multi_factor").status(),
               "multi_factor", "60");
  // A call may ask for less, and for no more.
  ExpectStepUp(
      Introspect(grant.receipt(), "multi_factor", absl::Hours(1)).status(),
      "multi_factor", "60");
  ExpectStepUp(
      Introspect(grant.receipt(), "multi_factor", absl::Seconds(59)).status(),
      "multi_factor", "59");
  // Levels that do not say so are as they were.
  EXPECT_TRUE(Introspect(grant.receipt(), "single_factor").ok());
  EXPECT_TRUE(Introspect(grant.receipt()).ok());
}

TEST_F(SessionEngineTest, TakesNoRememberedDeviceForAProof) {
  PutPolicy(MakePolicy());
  record::v1::StepRecord device;
  device.set_remembered_device_id("laptop");
  device.set_time_micros(absl::ToUnixMicros(harness_.now()));
  const v1::Grant grant = SignIn({Step("password"), device});
  EXPECT_TRUE(IsActive(grant.receipt()));
  ExpectStepUp(Introspect(grant.receipt(), "multi_factor").status(),
               "multi_factor", "");
}

TEST_F(SessionEngineTest, AnswersAnyClientThatMayTouchTheAccount) {
  const v1::Grant grant = SignIn();
  ActAs("shop", {v1::SCOPE_VERIFY}, {"acme", "zeta"});
  EXPECT_TRUE(IsActive(grant.receipt()));
  ActAs("shop", {v1::SCOPE_VERIFY}, {"zeta"});
  const auto response = Introspect(grant.receipt(), "no such level");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_FALSE(response->active());
  EXPECT_FALSE(response->has_session());
}

TEST_F(SessionEngineTest, WritesNothingWhenItIsAsked) {
  const v1::Grant grant = SignIn();
  const size_t records = harness_.RawRecords().size();
  EXPECT_TRUE(IsActive(grant.receipt()));
  EXPECT_FALSE(IsActive("x"));
  EXPECT_EQ(harness_.RawRecords().size(), records);
}

TEST_F(SessionEngineTest, ListsTheSessionsOfAMemberInPages) {
  harness_.CreateMember("acme", "ada2");
  std::set<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.insert(SignIn().session().session_id());
  SignIn({Step("password")}, "ada2");
  ActAs("support", {v1::SCOPE_ACCOUNTS});
  std::set<std::string> listed;
  std::string page_token;
  do {
    const auto page = List("ada", page_token, 2);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->sessions_size(), 2);
    for (const v1::Session& session : page->sessions()) {
      EXPECT_EQ(session.member_id(), "ada");
      listed.insert(session.session_id());
    }
    page_token = page->next_page_token();
  } while (!page_token.empty());
  EXPECT_EQ(listed, ids);
  EXPECT_EQ(List("nobody").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(List("a/b").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(SessionEngineTest, RevokesOneSession) {
  const v1::Grant first = SignIn();
  const v1::Grant second = SignIn();
  const std::string id = first.session().session_id();
  ASSERT_TRUE(Revoke(id).ok());
  const auto event = harness_.AuditEvents().back();
  EXPECT_EQ(event.action(), "RevokeSession");
  EXPECT_EQ(event.member_id(), "ada");
  EXPECT_NE(event.note().find(id), std::string::npos);
  EXPECT_FALSE(IsActive(first.receipt()));
  EXPECT_FALSE(Refreshes(first.refresh_token()));
  EXPECT_TRUE(IsActive(second.receipt()));
  EXPECT_EQ(ErrorReason(Revoke(id)), "SESSION_NOT_FOUND");
  ActAs("support", {v1::SCOPE_ACCOUNTS});
  EXPECT_EQ(List()->sessions_size(), 1);
}

TEST_F(SessionEngineTest, RevokesNoSessionUnderAnotherName) {
  harness_.CreateMember("acme", "eve");
  harness_.CreateMember("zeta", "ada");
  const v1::Grant grant = SignIn();
  const std::string& id = grant.session().session_id();
  ActAs("support", {v1::SCOPE_ACCOUNTS});
  EXPECT_EQ(ErrorReason(Revoke(id, "eve")), "SESSION_NOT_FOUND");
  EXPECT_EQ(ErrorReason(Revoke(id, "ada", "zeta")), "SESSION_NOT_FOUND");
  // To a client that may only verify there are its own sessions alone.
  ActAs("other");
  EXPECT_EQ(ErrorReason(Revoke(id)), "SESSION_NOT_FOUND");
  EXPECT_EQ(Revoke(id).message(), Revoke("0", "nobody").message());
  EXPECT_TRUE(IsActive(grant.receipt()));
  ActAs("support", {v1::SCOPE_ENROLL});
  EXPECT_TRUE(Revoke(id).ok());
  EXPECT_FALSE(IsActive(grant.receipt()));
}

TEST_F(SessionEngineTest, RevokesAllSessionsOfAMember) {
  PutPolicy(MakePolicy());
  harness_.CreateMember("acme", "ada2");
  const v1::Grant other = SignIn({Step("password")}, "ada2");
  const v1::Grant first = SignIn();
  const v1::Grant second = SignIn();
  const std::string device = Remember();
  ActAs("support", {v1::SCOPE_ACCOUNTS});
  ASSERT_TRUE(RevokeAll(/*forget_devices=*/false).ok());
  EXPECT_EQ(List()->sessions_size(), 0);
  ActAs("web");
  for (const v1::Grant& grant : {first, second}) {
    EXPECT_FALSE(IsActive(grant.receipt()));
    EXPECT_FALSE(Refreshes(grant.refresh_token()));
  }
  EXPECT_TRUE(IsActive(other.receipt()));
  EXPECT_NE(UseDevice(device), "");
  const v1::Grant later = SignIn();
  EXPECT_TRUE(IsActive(later.receipt()));

  ActAs("support", {v1::SCOPE_ACCOUNTS});
  ASSERT_TRUE(RevokeAll(/*forget_devices=*/true).ok());
  ActAs("web");
  EXPECT_FALSE(IsActive(later.receipt()));
  EXPECT_EQ(UseDevice(device), "");
}

TEST_F(SessionEngineTest, RevokesMoreSessionsThanOneCommitRemoves) {
  const v1::Grant grant = SignIn();
  const auto sessions = harness_.RawRecords(std::string(kSessionPrefix));
  ASSERT_EQ(sessions.size(), 1u);
  storage::Transaction marks;
  for (int i = 0; i < 1'500; ++i) {
    marks.Put(SessionListKey("acme", "ada", std::to_string(i)), "");
  }
  ASSERT_TRUE(storage::CommitAndWait(harness_.store(), std::move(marks)).ok());
  ActAs("support", {v1::SCOPE_ACCOUNTS});
  ASSERT_TRUE(RevokeAll(false).ok());
  PutBack(sessions);
  ActAs("web");
  EXPECT_FALSE(IsActive(grant.receipt()));
  EXPECT_FALSE(Refreshes(grant.refresh_token()));
  ActAs("support", {v1::SCOPE_ACCOUNTS});
  EXPECT_EQ(List("ada", "", 1'000)->sessions_size(), 0);
}

TEST_F(SessionEngineTest, ListsAndForgetsDevices) {
  PutPolicy(MakePolicy());
  const std::string laptop = Remember("Firefox on Linux");
  Advance(absl::Seconds(1));
  const std::string phone = Remember("Phone");
  const std::string id = UseDevice(laptop);
  ASSERT_NE(id, "");
  ActAs("support", {v1::SCOPE_ENROLL});
  const auto devices = Devices();
  ASSERT_TRUE(devices.ok()) << devices.status();
  ASSERT_EQ(devices->devices_size(), 2);
  const v1::RememberedDevice& device = devices->devices(0);
  EXPECT_EQ(device.device_id(), id);
  EXPECT_EQ(device.account_id(), "acme");
  EXPECT_EQ(device.member_id(), "ada");
  EXPECT_EQ(device.name(), "Firefox on Linux");
  EXPECT_EQ(device.client_id(), "web");
  EXPECT_EQ(ToTime(device.last_use_time()), harness_.now());
  EXPECT_FALSE(devices->devices(1).has_last_use_time());

  ASSERT_TRUE(Forget(id).ok());
  EXPECT_EQ(ErrorReason(Forget(id)), "DEVICE_NOT_FOUND");
  EXPECT_EQ(Devices()->devices_size(), 1);
  ActAs("web");
  EXPECT_EQ(UseDevice(laptop), "");
  EXPECT_NE(UseDevice(phone), "");
}

TEST_F(SessionEngineTest, ForgetsNoDeviceOfAnotherClientUnseen) {
  PutPolicy(MakePolicy());
  harness_.CreateMember("acme", "eve");
  const std::string token = Remember();
  const std::string id = UseDevice(token);
  ActAs("other");
  EXPECT_EQ(ErrorReason(Forget(id)), "DEVICE_NOT_FOUND");
  EXPECT_EQ(Forget(id).message(), Forget(id, "nobody").message());
  EXPECT_EQ(ErrorReason(Forget(id, "eve")), "DEVICE_NOT_FOUND");
  ActAs("web");
  EXPECT_NE(UseDevice(token), "");
  EXPECT_TRUE(Forget(id).ok());
  EXPECT_EQ(UseDevice(token), "");
}

TEST_F(SessionEngineTest, ForgetsADeviceWhileThePolicyRemembersNone) {
  PutPolicy(MakePolicy());
  const std::string token = Remember();
  const std::string id = UseDevice(token);
  v1::Policy none = MakePolicy();
  none.clear_remembered_devices();
  PutPolicy(none);
  EXPECT_EQ(UseDevice(token), "");
  ASSERT_TRUE(Forget(id).ok());
  PutPolicy(MakePolicy());
  EXPECT_EQ(UseDevice(token), "");
}

}  // namespace
}  // namespace cofactor::services
