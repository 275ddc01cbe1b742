#include "services/engine/account_engine.h"

#include <string>
#include <vector>

#include "base/errors.h"
#include "gtest/gtest.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

class AccountEngineTest : public testing::Test {
 protected:
  absl::Status CreateAccount(const std::string& account_id) {
    v1::CreateAccountRequest request;
    request.mutable_account()->set_account_id(account_id);
    request.mutable_account()->set_display_name("Acme Ltd.");
    return harness_.Call(&AccountEngine::CreateAccount, request).status();
  }

  absl::StatusOr<v1::Member> GetMember(const std::string& member_id) {
    v1::GetMemberRequest request;
    request.set_account_id("acme");
    request.set_member_id(member_id);
    const auto got = harness_.Call(&AccountEngine::GetMember, request);
    if (!got.ok()) return got.status();
    return got->member();
  }

  EngineHarness harness_;
};

TEST_F(AccountEngineTest, CreatesAnAccountOnce) {
  EXPECT_TRUE(CreateAccount("acme").ok());
  EXPECT_EQ(CreateAccount("acme").code(), absl::StatusCode::kAlreadyExists);
  v1::GetAccountRequest request;
  request.set_account_id("acme");
  const auto got = harness_.Call(&AccountEngine::GetAccount, request);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->account().display_name(), "Acme Ltd.");
  EXPECT_EQ(got->account().create_time().seconds(),
            absl::ToUnixSeconds(harness_.now()));
}

TEST_F(AccountEngineTest, RefusesIdsThatCouldBeMistaken) {
  for (const std::string& id :
       {std::string(), std::string("a/b"), std::string("a b"),
        std::string("a\0b", 3), std::string(129, 'a'),
        std::string("\xC3\xA9")}) {
    EXPECT_EQ(CreateAccount(id).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(CreateAccount("Ada.Lovelace_1815@example+x-y").ok());
}

TEST_F(AccountEngineTest, KeepsAccountsApart) {
  harness_.CreateMember("acme", "ada");
  harness_.CreateMember("acme-2", "bob");
  harness_.CreateMember("acm", "eve");
  v1::ListMembersRequest request;
  request.set_account_id("acme");
  const auto list = harness_.Call(&AccountEngine::ListMembers, request);
  ASSERT_EQ(list->members_size(), 1);
  EXPECT_EQ(list->members(0).member_id(), "ada");
}

TEST_F(AccountEngineTest, ListsInPagesAndRefusesForeignTokens) {
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(CreateAccount("a" + std::to_string(i)).ok());
  v1::ListAccountsRequest request;
  request.set_page_size(2);
  std::vector<std::string> ids;
  do {
    const auto page = harness_.Call(&AccountEngine::ListAccounts, request);
    ASSERT_TRUE(page.ok());
    for (const auto& account : page->accounts())
      ids.push_back(account.account_id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(ids, (std::vector<std::string>{"a0", "a1", "a2", "a3", "a4"}));
  request.set_page_token("bS9hMC9hZGE");  // Of a member list.
  EXPECT_EQ(
      harness_.Call(&AccountEngine::ListAccounts, request).status().code(),
      absl::StatusCode::kInvalidArgument);
  request.clear_page_token();
  request.set_page_size(1001);
  EXPECT_FALSE(harness_.Call(&AccountEngine::ListAccounts, request).ok());
}

TEST_F(AccountEngineTest, UpdatesOnlyWhatTheMaskNames) {
  harness_.CreateMember("acme", "ada");
  v1::UpdateMemberRequest request;
  request.mutable_member()->set_account_id("acme");
  request.mutable_member()->set_member_id("ada");
  request.mutable_member()->set_role(v1::MEMBER_ROLE_OWNER);
  request.mutable_member()->set_display_name("Ada");
  request.mutable_update_mask()->add_paths("role");
  ASSERT_TRUE(harness_.Call(&AccountEngine::UpdateMember, request).ok());
  EXPECT_EQ(GetMember("ada")->role(), v1::MEMBER_ROLE_OWNER);
  EXPECT_EQ(GetMember("ada")->display_name(), "");
  request.mutable_update_mask()->set_paths(0, "member_id");
  EXPECT_FALSE(harness_.Call(&AccountEngine::UpdateMember, request).ok());
  request.mutable_update_mask()->set_paths(0, "state");
  request.mutable_member()->set_state(v1::MEMBER_STATE_EXPIRED);
  EXPECT_FALSE(harness_.Call(&AccountEngine::UpdateMember, request).ok());
}

TEST_F(AccountEngineTest, ShowsWhenAGuestHasExpired) {
  harness_.CreateMember("acme", "ada");
  v1::UpdateMemberRequest request;
  request.mutable_member()->set_account_id("acme");
  request.mutable_member()->set_member_id("ada");
  request.mutable_member()->mutable_valid_until()->set_seconds(
      absl::ToUnixSeconds(harness_.now()) + 10);
  request.mutable_update_mask()->add_paths("valid_until");
  ASSERT_TRUE(harness_.Call(&AccountEngine::UpdateMember, request).ok());
  EXPECT_EQ(GetMember("ada")->state(), v1::MEMBER_STATE_ACTIVE);
  harness_.clock().Advance(absl::Seconds(10));
  EXPECT_EQ(GetMember("ada")->state(), v1::MEMBER_STATE_EXPIRED);
}

TEST_F(AccountEngineTest, DeletesAMemberWithItsEnrollmentsAndNobodyElse) {
  harness_.CreateMember("acme", "ada");
  harness_.CreateMember("acme", "bob");
  const auto ada = harness_.EnrollTotp("acme", "ada");
  const auto bob = harness_.EnrollTotp("acme", "bob");
  v1::DeleteMemberRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  ASSERT_TRUE(harness_.Call(&AccountEngine::DeleteMember, request).ok());
  EXPECT_EQ(ErrorReason(GetMember("ada").status()), "MEMBER_NOT_FOUND");
  EXPECT_FALSE(
      harness_.Verify("acme", "ada", ada.authenticator.CodeAt(harness_.now()))
          ->verified());
  EXPECT_TRUE(
      harness_.Verify("acme", "bob", bob.authenticator.CodeAt(harness_.now()))
          ->verified());
}

TEST_F(AccountEngineTest, DeletesOnlyAnEmptyAccount) {
  harness_.CreateMember("acme", "ada");
  v1::DeleteAccountRequest request;
  request.set_account_id("acme");
  EXPECT_EQ(ErrorReason(
                harness_.Call(&AccountEngine::DeleteAccount, request).status()),
            "ACCOUNT_HAS_MEMBERS");
  v1::DeleteMemberRequest leave;
  leave.set_account_id("acme");
  leave.set_member_id("ada");
  ASSERT_TRUE(harness_.Call(&AccountEngine::DeleteMember, leave).ok());
  EXPECT_TRUE(harness_.Call(&AccountEngine::DeleteAccount, request).ok());
  EXPECT_EQ(ErrorReason(
                harness_.Call(&AccountEngine::DeleteAccount, request).status()),
            "ACCOUNT_NOT_FOUND");
  EXPECT_TRUE(CreateAccount("acme").ok());
}

}  // namespace
}  // namespace cofactor::services
