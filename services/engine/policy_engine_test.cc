#include "services/engine/policy_engine.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/keys.h"
#include "services/engine/policies.h"
#include "services/engine/policy_fixture.h"
#include "services/engine/shadow_policy.h"
#include "services/engine/sign_in_policy.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

// Lets a test write what the sign-ins of an account would have noted.
class DifferenceWriter {
 public:
  absl::Status Write(Plan& plan, const v1::GetPolicyRequest& request,
                     v1::GetPolicyResponse& response) const {
    auto policies = ReadPolicies(plan, request.account_id());
    if (!policies.ok()) return policies.status();
    SignInDecision decision;
    decision.sign_in_id = "sign-in";
    decision.member_id = "ada";
    decision.complete = true;
    NoteShadowDifference(plan, *policies, Steps(), decision);
    return absl::OkStatus();
  }
};

class PolicyEngineTest : public testing::Test {
 protected:
  PolicyEngineTest() { harness_.CreateMember("acme", "ada"); }

  v1::SetPolicyRequest SetRequest(uint32_t version, v1::PolicyMode mode) {
    v1::SetPolicyRequest request;
    request.set_account_id("acme");
    *request.mutable_policy() = policy_;
    request.mutable_policy()->set_version(version);
    request.set_mode(mode);
    return request;
  }
  absl::StatusOr<v1::Policy> Set(
      uint32_t version, v1::PolicyMode mode = v1::POLICY_MODE_ENFORCED) {
    return Set(SetRequest(version, mode));
  }
  absl::StatusOr<v1::Policy> Set(const v1::SetPolicyRequest& request) {
    const auto response =
        harness_.Call(engine_, &PolicyEngine::SetPolicy, request);
    if (!response.ok()) return response.status();
    return response->policy();
  }
  absl::StatusOr<v1::GetPolicyResponse> Get(const std::string& id = "acme") {
    v1::GetPolicyRequest request;
    request.set_account_id(id);
    return harness_.Call(engine_, &PolicyEngine::GetPolicy, request);
  }
  absl::Status ClearShadow() {
    v1::ClearShadowPolicyRequest request;
    request.set_account_id("acme");
    return harness_.Call(engine_, &PolicyEngine::ClearShadowPolicy, request)
        .status();
  }
  std::vector<uint32_t> Versions() {
    v1::ListPolicyVersionsRequest request;
    request.set_account_id("acme");
    request.set_page_size(2);
    std::vector<uint32_t> versions;
    do {
      const auto page =
          harness_.Call(engine_, &PolicyEngine::ListPolicyVersions, request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const v1::Policy& policy : page->policies()) {
        versions.push_back(policy.version());
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return versions;
  }
  std::vector<v1::ShadowDifference> Differences() {
    v1::ListShadowDifferencesRequest request;
    request.set_account_id("acme");
    request.set_page_size(2);
    std::vector<v1::ShadowDifference> differences;
    do {
      const auto page =
          harness_.Call(engine_, &PolicyEngine::ListShadowDifferences, request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const auto& difference : page->differences()) {
        differences.push_back(difference);
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return differences;
  }
  void WriteDifference() {
    v1::GetPolicyRequest request;
    request.set_account_id("acme");
    ASSERT_TRUE(
        harness_.Call(DifferenceWriter(), &DifferenceWriter::Write, request)
            .ok());
  }
  void ReplaceAccount() {
    v1::DeleteMemberRequest member;
    member.set_account_id("acme");
    member.set_member_id("ada");
    ASSERT_TRUE(harness_.Call(&AccountEngine::DeleteMember, member).ok());
    v1::DeleteAccountRequest account;
    account.set_account_id("acme");
    ASSERT_TRUE(harness_.Call(&AccountEngine::DeleteAccount, account).ok());
    harness_.clock().Advance(absl::Seconds(1));
    harness_.CreateMember("acme", "ada");
  }

  EngineHarness harness_;
  const factors::FactorRegistry registry_ = MakePolicyRegistry();
  const PolicyEngine engine_{registry_};
  v1::Policy policy_ = DefaultPolicy();
};

TEST_F(PolicyEngineTest, HasTheDefaultAtFirst) {
  const auto got = Get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->policy().account_id(), "acme");
  EXPECT_EQ(got->policy().version(), 0u);
  EXPECT_EQ(got->policy().sign_in_acr(), "multi_factor");
  EXPECT_FALSE(got->has_shadow());
  EXPECT_TRUE(Versions().empty());
}

// What is read can be changed in one place and set.
TEST_F(PolicyEngineTest, TakesBackWhatItGave) {
  policy_ = Get()->policy();
  policy_.set_sign_in_acr("single_factor");
  const auto set = Set(0);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->version(), 1u);
  EXPECT_EQ(set->account_id(), "acme");
  EXPECT_EQ(set->create_time().seconds(), absl::ToUnixSeconds(harness_.now()));
  EXPECT_EQ(Get()->policy().sign_in_acr(), "single_factor");
  policy_ = Get()->policy();
  EXPECT_EQ(Set(policy_.version())->version(), 2u);
}

TEST_F(PolicyEngineTest, RefusesAChangeThatRestsOnAnEarlierVersion) {
  ASSERT_TRUE(Set(0).ok());
  policy_.set_sign_in_acr("single_factor");
  for (const uint32_t version : {0, 2}) {
    for (const v1::PolicyMode mode :
         {v1::POLICY_MODE_ENFORCED, v1::POLICY_MODE_SHADOW}) {
      const absl::Status status = Set(version, mode).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_EQ(ErrorReason(status), "POLICY_CHANGED");
    }
  }
  EXPECT_EQ(Get()->policy().sign_in_acr(), "multi_factor");
  EXPECT_FALSE(Get()->has_shadow());
}

TEST_F(PolicyEngineTest, SaysWhoSetIt) {
  Permissions permissions;
  permissions.client_id = "panel";
  permissions.scopes = ScopeSet::All();
  Caller caller = Caller::Server();
  caller.permissions =
      std::make_shared<const Permissions>(std::move(permissions));
  harness_.ActAs(caller);
  policy_.set_client_id("somebody");
  policy_.mutable_create_time()->set_seconds(1);
  const auto set = Set(0);
  EXPECT_EQ(set->client_id(), "panel");
  EXPECT_EQ(set->create_time().seconds(), absl::ToUnixSeconds(harness_.now()));
  const auto event = harness_.AuditEvents().back();
  EXPECT_EQ(event.account_id(), "acme");
  EXPECT_EQ(event.client_id(), "panel");
  EXPECT_EQ(event.note(), "policy version 1");
}

TEST_F(PolicyEngineTest, ListsVersionsTheNewestFirst) {
  for (uint32_t version = 0; version < 5; ++version) {
    ASSERT_TRUE(Set(version).ok());
  }
  EXPECT_EQ(Versions(), (std::vector<uint32_t>{5, 4, 3, 2, 1}));
}

TEST_F(PolicyEngineTest, ForgetsVersionsOfLongAgo) {
  for (uint32_t version = 0; version <= kMaxPolicyVersions; ++version) {
    ASSERT_TRUE(Set(version).ok());
  }
  const std::vector<uint32_t> versions = Versions();
  EXPECT_EQ(versions.size(), kMaxPolicyVersions);
  EXPECT_EQ(versions.front(), kMaxPolicyVersions + 1);
  EXPECT_EQ(versions.back(), 2u);
}

TEST_F(PolicyEngineTest, TriesOneInTheShadow) {
  ASSERT_TRUE(Set(0).ok());
  policy_.set_sign_in_acr("single_factor");
  const auto shadow = Set(1, v1::POLICY_MODE_SHADOW);
  ASSERT_TRUE(shadow.ok()) << shadow.status();
  EXPECT_EQ(shadow->version(), 1u);
  EXPECT_EQ(harness_.AuditEvents().back().note(),
            "shadow policy, beside version 1");
  EXPECT_EQ(Get()->policy().sign_in_acr(), "multi_factor");
  EXPECT_EQ(Get()->policy().version(), 1u);
  EXPECT_EQ(Get()->shadow().sign_in_acr(), "single_factor");
  EXPECT_EQ(Versions(), std::vector<uint32_t>{1});
  ASSERT_TRUE(ClearShadow().ok());
  EXPECT_FALSE(Get()->has_shadow());
  EXPECT_EQ(Get()->policy().version(), 1u);
  EXPECT_TRUE(ClearShadow().ok());
}

TEST_F(PolicyEngineTest, TriesOneBesideTheDefault) {
  policy_.set_sign_in_acr("single_factor");
  ASSERT_TRUE(Set(0, v1::POLICY_MODE_SHADOW).ok());
  EXPECT_EQ(Get()->policy().version(), 0u);
  EXPECT_EQ(Get()->policy().sign_in_acr(), "multi_factor");
  EXPECT_TRUE(Get()->has_shadow());
  ASSERT_TRUE(ClearShadow().ok());
  EXPECT_EQ(Get()->policy().sign_in_acr(), "multi_factor");
}

TEST_F(PolicyEngineTest, EndsTheTrialWithWhatItRestedOn) {
  ASSERT_TRUE(Set(0, v1::POLICY_MODE_SHADOW).ok());
  ASSERT_TRUE(Set(0).ok());
  EXPECT_FALSE(Get()->has_shadow());
}

TEST_F(PolicyEngineTest, RefusesWhatMakesNoSense) {
  const auto field_of = [this](const v1::SetPolicyRequest& request) {
    const absl::Status status = Set(request).status();
    EXPECT_EQ(ErrorReason(status), "INVALID_FIELD") << status;
    return std::string(status.message().substr(0, status.message().find(':')));
  };
  v1::SetPolicyRequest request = SetRequest(0, v1::POLICY_MODE_ENFORCED);
  request.mutable_policy()->clear_sign_in_acr();
  EXPECT_EQ(field_of(request), "policy.sign_in_acr");
  request = SetRequest(0, v1::POLICY_MODE_ENFORCED);
  request.mutable_policy()->set_account_id("other");
  EXPECT_EQ(field_of(request), "policy.account_id");
  request.clear_policy();
  EXPECT_EQ(field_of(request), "policy");
  request = SetRequest(0, static_cast<v1::PolicyMode>(9));
  EXPECT_EQ(field_of(request), "mode");
  request = SetRequest(0, v1::POLICY_MODE_ENFORCED);
  request.clear_account_id();
  EXPECT_EQ(field_of(request), "account_id");
  EXPECT_EQ(Get()->policy().version(), 0u);
}

TEST_F(PolicyEngineTest, KnowsNoPolicyOfNoAccount) {
  EXPECT_EQ(ErrorReason(Get("nobody").status()), "ACCOUNT_NOT_FOUND");
  v1::SetPolicyRequest request = SetRequest(0, v1::POLICY_MODE_ENFORCED);
  request.set_account_id("nobody");
  EXPECT_EQ(ErrorReason(Set(request).status()), "ACCOUNT_NOT_FOUND");
  EXPECT_TRUE(harness_.RawRecords(PolicyKey("nobody")).empty());
}

TEST_F(PolicyEngineTest, KeepsPoliciesOfAccountsApart) {
  harness_.CreateMember("acme-2", "ada");
  policy_.set_sign_in_acr("single_factor");
  ASSERT_TRUE(Set(0).ok());
  EXPECT_EQ(Get("acme-2")->policy().sign_in_acr(), "multi_factor");
}

// Requirement 28: a retry is no second change.
TEST_F(PolicyEngineTest, SetsOnceForARequestId) {
  v1::SetPolicyRequest request = SetRequest(0, v1::POLICY_MODE_ENFORCED);
  request.set_request_id("once");
  EXPECT_EQ(Set(request)->version(), 1u);
  EXPECT_EQ(Set(request)->version(), 1u);
  EXPECT_EQ(Get()->policy().version(), 1u);
}

TEST_F(PolicyEngineTest, LeavesNoPolicyToTheNextAccountOfTheId) {
  policy_.set_sign_in_acr("single_factor");
  ASSERT_TRUE(Set(0).ok());
  ASSERT_TRUE(Set(1).ok());
  ASSERT_TRUE(Set(2, v1::POLICY_MODE_SHADOW).ok());
  ReplaceAccount();
  EXPECT_EQ(Get()->policy().version(), 0u);
  EXPECT_EQ(Get()->policy().sign_in_acr(), "multi_factor");
  EXPECT_FALSE(Get()->has_shadow());
  EXPECT_TRUE(Versions().empty());
  ASSERT_TRUE(Set(0).ok());
  EXPECT_EQ(Versions(), std::vector<uint32_t>{1});
}

TEST_F(PolicyEngineTest, ListsDifferencesOfTheAccountTheNewestFirst) {
  ASSERT_TRUE(Set(0, v1::POLICY_MODE_SHADOW).ok());
  for (int i = 0; i < 3; ++i) {
    WriteDifference();
    harness_.clock().Advance(absl::Seconds(1));
  }
  std::vector<v1::ShadowDifference> differences = Differences();
  ASSERT_EQ(differences.size(), 3u);
  EXPECT_GT(differences[0].time().seconds(), differences[1].time().seconds());
  EXPECT_GT(differences[1].time().seconds(), differences[2].time().seconds());
  ReplaceAccount();
  EXPECT_TRUE(Differences().empty());
  ASSERT_TRUE(Set(0, v1::POLICY_MODE_SHADOW).ok());
  WriteDifference();
  EXPECT_EQ(Differences().size(), 1u);
  harness_.clock().Advance(absl::Hours(24 * 30));
  EXPECT_TRUE(Differences().empty());
}

}  // namespace
}  // namespace cofactor::services
