#include "services/engine/audit_engine.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/client_engine.h"
#include "services/engine/support_engine.h"
#include "services/engine/verification_engine.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

class AuditEngineTest : public testing::Test {
 protected:
  AuditEngineTest() {
    harness_.CreateMember("acme", "ada");
    ada_ = harness_.EnrollTotp("acme", "ada");
  }

  static Caller Client(const std::string& client_id,
                       std::set<std::string, std::less<>> account_ids = {}) {
    auto permissions = std::make_shared<Permissions>();
    permissions->client_id = client_id;
    permissions->scopes = ScopeSet::All();
    permissions->account_ids = std::move(account_ids);
    return {std::move(permissions), "ipv4:192.0.2.7:4711",
            "4bf92f3577b34da6a3ce929d0e0e4736"};
  }

  std::string RightCode() { return ada_.authenticator.CodeAt(harness_.now()); }
  std::string Wrong() { return WrongCode(ada_.authenticator, harness_.now()); }

  absl::StatusOr<v1::VerifyResponse> VerifyAs(const std::string& request_id,
                                              const std::string& code) {
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_code(code);
    request.set_request_id(request_id);
    return harness_.Call(&VerificationEngine::Verify, request);
  }

  v1::ListAuditEventsResponse List(const v1::ListAuditEventsRequest& request) {
    const auto response = harness_.Call(&AuditEngine::ListAuditEvents, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::ListAuditEventsResponse());
  }

  // All pages.
  std::vector<v1::AuditEvent> ListAll(v1::ListAuditEventsRequest request = {}) {
    std::vector<v1::AuditEvent> events;
    do {
      const v1::ListAuditEventsResponse page = List(request);
      events.insert(events.end(), page.events().begin(), page.events().end());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return events;
  }

  std::vector<v1::AuditEvent> Filtered(const v1::AuditFilter& filter) {
    v1::ListAuditEventsRequest request;
    *request.mutable_filter() = filter;
    return ListAll(request);
  }

  // The event of the only decision since there were so many.
  v1::AuditEvent OnlyEventSince(size_t count) {
    const std::vector<v1::AuditEvent> events = ListAll();
    EXPECT_EQ(events.size(), count + 1);
    return events.back();
  }

  size_t Count() { return harness_.AuditEvents().size(); }

  EngineHarness harness_;
  EngineHarness::Enrolled ada_;
};

TEST_F(AuditEngineTest, TellsWhoVerifiedWhomAndFromWhere) {
  harness_.ActAs(Client("login"));
  const size_t before = Count();
  ASSERT_TRUE(VerifyAs("r-1", RightCode())->verified());
  const v1::AuditEvent event = OnlyEventSince(before);
  EXPECT_EQ(event.sequence(), before + 1);
  EXPECT_EQ(event.link().size(), 32u);
  EXPECT_EQ(event.time().seconds(), absl::ToUnixSeconds(harness_.now()));
  EXPECT_EQ(event.action(), "Verify");
  EXPECT_EQ(event.account_id(), "acme");
  EXPECT_EQ(event.member_id(), "ada");
  EXPECT_EQ(event.enrollment_id(), ada_.enrollment_id);
  EXPECT_EQ(event.factor_type(), "totp");
  EXPECT_EQ(event.result(), v1::AUDIT_RESULT_VERIFIED);
  EXPECT_EQ(event.reason(), "");
  EXPECT_EQ(event.client_id(), "login");
  EXPECT_EQ(event.peer(), "ipv4:192.0.2.7:4711");
  EXPECT_EQ(event.request_id(), "r-1");
  EXPECT_EQ(event.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_FALSE(event.lock_began());
}

TEST_F(AuditEngineTest, TellsWhoseACodeWithoutAMemberIdWas) {
  ASSERT_TRUE(harness_.Verify("acme", "", RightCode())->verified());
  const v1::AuditEvent right = ListAll().back();
  EXPECT_EQ(right.member_id(), "ada");
  EXPECT_EQ(right.enrollment_id(), ada_.enrollment_id);
  ASSERT_FALSE(harness_.Verify("acme", "", Wrong())->verified());
  const v1::AuditEvent wrong = ListAll().back();
  EXPECT_EQ(wrong.account_id(), "acme");
  EXPECT_EQ(wrong.member_id(), "");
  EXPECT_EQ(wrong.reason(), "VERIFICATION_REASON_WRONG_CODE");
}

TEST_F(AuditEngineTest, TellsOfEachWrongCodeOfTheLockAndOfEachRefusalByIt) {
  const size_t before = Count();
  for (int i = 0; i < 7; ++i) (void)VerifyAs("", Wrong());
  const std::vector<v1::AuditEvent> events = ListAll();
  ASSERT_EQ(events.size(), before + 7);
  for (int i = 0; i < 7; ++i) {
    const v1::AuditEvent& event = events[before + i];
    EXPECT_EQ(event.member_id(), "ada");
    EXPECT_EQ(event.factor_type(), "totp");
    EXPECT_EQ(event.lock_began(), i == 4) << i;
    EXPECT_EQ(event.result(),
              i < 5 ? v1::AUDIT_RESULT_NOT_VERIFIED : v1::AUDIT_RESULT_REFUSED);
    EXPECT_EQ(event.reason(),
              i < 5 ? "VERIFICATION_REASON_WRONG_CODE" : "LOCKED");
  }
}

TEST_F(AuditEngineTest, TellsOfAReplay) {
  const std::string code = RightCode();
  ASSERT_TRUE(VerifyAs("", code)->verified());
  ASSERT_FALSE(VerifyAs("", code)->verified());
  EXPECT_EQ(ListAll().back().reason(), "VERIFICATION_REASON_REPLAYED");
}

TEST_F(AuditEngineTest, TellsOfAChallengeFromItsBeginToItsEnd) {
  const size_t before = Count();
  v1::CreateChallengeRequest create;
  create.set_account_id("acme");
  create.set_member_id("ada");
  create.set_factor_type("totp");
  create.set_purpose("sign-in");
  const auto created = harness_.Call(&ChallengeEngine::CreateChallenge, create);
  ASSERT_TRUE(created.ok());
  v1::VerifyChallengeRequest answer;
  answer.set_challenge_id(created->challenge().challenge_id());
  answer.set_account_id("acme");
  answer.set_member_id("ada");
  answer.set_purpose("sign-in");
  answer.mutable_response()->set_code(RightCode());
  ASSERT_TRUE(
      harness_.Call(&ChallengeEngine::VerifyChallenge, answer)->verified());
  EXPECT_FALSE(harness_.Call(&ChallengeEngine::VerifyChallenge, answer).ok());
  const std::vector<v1::AuditEvent> events = ListAll();
  ASSERT_EQ(events.size(), before + 3);
  for (size_t i = before; i < events.size(); ++i) {
    EXPECT_EQ(events[i].challenge_id(), created->challenge().challenge_id());
    EXPECT_EQ(events[i].account_id(), "acme");
    EXPECT_EQ(events[i].member_id(), "ada");
    EXPECT_EQ(events[i].factor_type(), "totp");
  }
  EXPECT_EQ(events[before].result(), v1::AUDIT_RESULT_DONE);
  EXPECT_EQ(events[before + 1].result(), v1::AUDIT_RESULT_VERIFIED);
  EXPECT_EQ(events[before + 1].enrollment_id(), ada_.enrollment_id);
  EXPECT_EQ(events[before + 2].result(), v1::AUDIT_RESULT_REFUSED);
  EXPECT_EQ(events[before + 2].reason(), "CHALLENGE_FINAL");
}

TEST_F(AuditEngineTest, TellsOfEachChangeOnceAndInItsOrder) {
  EngineHarness harness;
  harness.ActAs(Client("back office"));
  harness.CreateMember("beta", "bob");
  const auto bob = harness.EnrollTotp("beta", "bob");
  v1::UpdateEnrollmentRequest label;
  label.mutable_enrollment()->set_account_id("beta");
  label.mutable_enrollment()->set_member_id("bob");
  label.mutable_enrollment()->set_enrollment_id(bob.enrollment_id);
  label.mutable_update_mask()->add_paths("label");
  ASSERT_TRUE(harness.Call(&EnrollmentEngine::UpdateEnrollment, label).ok());
  v1::UnlockEnrollmentRequest unlock;
  unlock.set_account_id("beta");
  unlock.set_member_id("bob");
  unlock.set_enrollment_id(bob.enrollment_id);
  ASSERT_TRUE(harness.Call(&SupportEngine::UnlockEnrollment, unlock).ok());
  harness.SuspendMember("beta", "bob");
  harness.DeleteEnrollment("beta", "bob", bob.enrollment_id);
  v1::DeleteMemberRequest leave;
  leave.set_account_id("beta");
  leave.set_member_id("bob");
  ASSERT_TRUE(harness.Call(&AccountEngine::DeleteMember, leave).ok());
  v1::CreateClientRequest client;
  client.mutable_client()->set_client_id("web");
  client.mutable_client()->add_scopes(v1::SCOPE_VERIFY);
  ASSERT_TRUE(harness.Call(&ClientEngine::CreateClient, client).ok());

  const std::vector<std::string> actions = {
      "CreateAccount",     "CreateMember",     "BeginEnrollment",
      "ConfirmEnrollment", "UpdateEnrollment", "UnlockEnrollment",
      "UpdateMember",      "DeleteEnrollment", "DeleteMember",
      "CreateClient"};
  const auto events = harness.AuditEvents();
  ASSERT_EQ(events.size(), actions.size());
  for (size_t i = 0; i < events.size(); ++i) {
    const record::v1::AuditRecord& event = events[i];
    EXPECT_EQ(event.action(), actions[i]);
    EXPECT_EQ(event.client_id(), "back office");
    EXPECT_EQ(event.result(),
              static_cast<uint32_t>(event.action() == "ConfirmEnrollment"
                                        ? v1::AUDIT_RESULT_VERIFIED
                                        : v1::AUDIT_RESULT_DONE));
    if (i < 9) {
      EXPECT_EQ(event.account_id(), "beta");
      EXPECT_EQ(event.member_id(), i == 0 ? "" : "bob") << event.action();
    }
    if (event.action().find("Enrollment") != std::string::npos) {
      EXPECT_EQ(event.enrollment_id(), bob.enrollment_id) << event.action();
      EXPECT_EQ(event.factor_type(), "totp") << event.action();
    }
  }
}

TEST_F(AuditEngineTest, TellsNothingOfReadsErrorsOfInputAndRetries) {
  ASSERT_TRUE(VerifyAs("r-1", RightCode())->verified());
  const size_t before = Count();
  ASSERT_TRUE(VerifyAs("r-1", RightCode())->verified());
  (void)VerifyAs("r-1", Wrong());  // The id of another call.
  (void)VerifyAs("", "no code");   // Malformed.
  v1::GetMemberRequest member;
  member.set_account_id("acme");
  member.set_member_id("ada");
  ASSERT_TRUE(harness_.Call(&AccountEngine::GetMember, member).ok());
  member.set_member_id("eve");
  EXPECT_FALSE(harness_.Call(&AccountEngine::GetMember, member).ok());
  harness_.GetEnrollment("acme", "ada", ada_.enrollment_id);
  v1::ExplainRequest explain;
  explain.set_account_id("acme");
  explain.set_member_id("ada");
  ASSERT_TRUE(harness_.Call(&SupportEngine::Explain, explain).ok());
  ListAll();
  EXPECT_EQ(Count(), before);
}

TEST_F(AuditEngineTest, FiltersByWhatTheEventTells) {
  harness_.CreateMember("acme", "bob");
  harness_.CreateMember("beta", "ada");
  harness_.ActAs(Client("login"));
  (void)VerifyAs("", Wrong());
  ASSERT_TRUE(VerifyAs("", RightCode())->verified());
  const auto count_if = [this](auto passes) {
    const auto all = ListAll();
    return static_cast<size_t>(
        std::count_if(all.begin(), all.end(), std::move(passes)));
  };
  v1::AuditFilter filter;
  filter.set_account_id("acme");
  EXPECT_EQ(Filtered(filter).size(), count_if([](const auto& event) {
              return event.account_id() == "acme";
            }));
  filter.set_member_id("ada");
  EXPECT_EQ(Filtered(filter).size(), 5u);
  filter.set_action("Verify");
  EXPECT_EQ(Filtered(filter).size(), 2u);
  filter.set_result(v1::AUDIT_RESULT_NOT_VERIFIED);
  EXPECT_EQ(Filtered(filter).size(), 1u);
  filter.set_client_id("cofactord");
  EXPECT_TRUE(Filtered(filter).empty());
  v1::AuditFilter by_client;
  by_client.set_client_id("login");
  EXPECT_EQ(Filtered(by_client).size(), 2u);
}

TEST_F(AuditEngineTest, FiltersByTimeFromTheStartAndBeforeTheEnd) {
  const size_t before = Count();
  const int64_t start = absl::ToUnixSeconds(harness_.now());
  for (int i = 1; i <= 20; ++i) {
    harness_.clock().Advance(absl::Hours(1));
    (void)VerifyAs("", RightCode());
  }
  v1::AuditFilter filter;
  for (int hour = 1; hour <= 20; ++hour) {
    filter.mutable_start_time()->set_seconds(start + hour * 3600);
    const std::vector<v1::AuditEvent> events = Filtered(filter);
    ASSERT_EQ(events.size(), static_cast<size_t>(21 - hour));
    EXPECT_EQ(events[0].sequence(), before + hour);
  }
  filter.mutable_start_time()->set_seconds(start + 5 * 3600);
  filter.mutable_end_time()->set_seconds(start + 8 * 3600);
  EXPECT_EQ(Filtered(filter).size(), 3u);
  filter.mutable_start_time()->set_nanos(1);
  EXPECT_EQ(Filtered(filter).size(), 2u);
  filter.Clear();
  filter.mutable_start_time()->set_seconds(start + 21 * 3600);
  EXPECT_TRUE(Filtered(filter).empty());
}

TEST_F(AuditEngineTest, ListsInPagesThatMissAndRepeatNothing) {
  for (int i = 0; i < 20; ++i) (void)VerifyAs("", Wrong());
  for (const int size : {1, 3, 7, 1000}) {
    v1::ListAuditEventsRequest request;
    request.set_page_size(size);
    const std::vector<v1::AuditEvent> events = ListAll(request);
    ASSERT_EQ(events.size(), Count()) << size;
    for (size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i].sequence(), i + 1);
    }
    EXPECT_LE(List(request).events_size(), size);
  }
}

TEST_F(AuditEngineTest, RefusesAFilterOrATokenThatIsNone) {
  const auto reason_of = [this](const v1::ListAuditEventsRequest& request) {
    return ErrorReason(
        harness_.Call(&AuditEngine::ListAuditEvents, request).status());
  };
  v1::ListAuditEventsRequest request;
  request.mutable_filter()->set_member_id("ada");
  EXPECT_EQ(reason_of(request), "INVALID_FIELD");
  request.Clear();
  request.mutable_filter()->set_account_id("a/b");
  EXPECT_EQ(reason_of(request), "INVALID_FIELD");
  request.Clear();
  request.mutable_filter()->set_result(static_cast<v1::AuditResult>(99));
  EXPECT_EQ(reason_of(request), "INVALID_FIELD");
  request.Clear();
  request.set_page_token("x");
  EXPECT_EQ(reason_of(request), "INVALID_FIELD");
  request.Clear();
  request.set_page_size(1001);
  EXPECT_EQ(reason_of(request), "INVALID_FIELD");
}

TEST_F(AuditEngineTest, ShowsALimitedClientTheEventsOfItsAccountsAlone) {
  harness_.CreateMember("beta", "bob");
  v1::CreateClientRequest client;
  client.mutable_client()->set_client_id("web");
  client.mutable_client()->add_scopes(v1::SCOPE_VERIFY);
  ASSERT_TRUE(harness_.Call(&ClientEngine::CreateClient, client).ok());
  harness_.ActAs(Client("beta support", {"beta"}));
  const std::vector<v1::AuditEvent> events = ListAll();
  EXPECT_EQ(events.size(), 2u);
  for (const v1::AuditEvent& event : events) {
    EXPECT_EQ(event.account_id(), "beta");
  }
  v1::AuditFilter others;
  others.set_account_id("acme");
  EXPECT_TRUE(Filtered(others).empty());
}

}  // namespace
}  // namespace cofactor::services
