#include "services/engine/plan.h"

#include <memory>

#include "base/clock.h"
#include "gtest/gtest.h"
#include "services/engine/caller.h"
#include "storage/memory/memory_store.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::AccountRecord;

class PlanTest : public ::testing::Test {
 protected:
  AccountRecord Account(absl::string_view name) {
    AccountRecord account;
    account.set_account_id("acme");
    account.set_display_name(std::string(name));
    return account;
  }
  std::string NameAt(absl::string_view key) {
    const auto stored = plan_.Read<AccountRecord>(key);
    EXPECT_TRUE(stored.ok()) << stored.status();
    return stored->exists() ? stored->record.display_name() : "(none)";
  }

  SystemClock clock_;
  storage::MemoryStore store_{clock_};
  const std::unique_ptr<const storage::Snapshot> snapshot_ =
      store_.GetSnapshot();
  const Caller caller_ = Caller::Server();
  Plan plan_{*snapshot_, absl::UnixEpoch(), caller_};
};

TEST_F(PlanTest, ReadsWhatItWrote) {
  EXPECT_EQ(NameAt("a/acme"), "(none)");
  AccountRecord account = Account("first");
  plan_.Write("a/acme", account);
  EXPECT_EQ(NameAt("a/acme"), "first");
  EXPECT_EQ(NameAt("a/other"), "(none)");
}

TEST_F(PlanTest, KeepsTheLastWriteOfAKey) {
  AccountRecord account = Account("first");
  plan_.Write("a/acme", account);
  account.set_display_name("second");
  plan_.Write("a/acme", account);
  EXPECT_EQ(NameAt("a/acme"), "second");
  const storage::Transaction transaction = plan_.TakeTransaction();
  ASSERT_EQ(transaction.writes().size(), 1u);
  AccountRecord written;
  ASSERT_TRUE(written.ParseFromString(transaction.writes()[0].value));
  EXPECT_EQ(written.display_name(), "second");
}

TEST_F(PlanTest, FindsNothingWhereItDeleted) {
  AccountRecord account = Account("first");
  plan_.Write("a/acme", account);
  plan_.Delete("a/acme");
  EXPECT_EQ(NameAt("a/acme"), "(none)");
  plan_.Write("a/acme", account);
  EXPECT_EQ(NameAt("a/acme"), "first");
  const storage::Transaction transaction = plan_.TakeTransaction();
  ASSERT_EQ(transaction.writes().size(), 1u);
  EXPECT_FALSE(transaction.writes()[0].is_delete);
}

TEST_F(PlanTest, RestsOnWhatTheStoreHeldBeforeItsOwnWrites) {
  NameAt("a/acme");
  AccountRecord account = Account("first");
  plan_.Write("a/acme", account);
  NameAt("a/acme");
  const storage::Transaction transaction = plan_.TakeTransaction();
  ASSERT_EQ(transaction.conditions().size(), 1u);
  EXPECT_EQ(transaction.conditions()[0].version, storage::kAbsent);
}

TEST_F(PlanTest, ComesBackToASavepoint) {
  AccountRecord account = Account("first");
  plan_.Write("a/acme", account);
  plan_.Announce({"acme", "ada", "one"});
  Plan::Savepoint savepoint = plan_.Save();
  account.set_display_name("second");
  plan_.Write("a/acme", account);
  plan_.Write("a/other", account);
  plan_.Announce({"acme", "ada", "two"});
  plan_.audit().set_note("second");
  NameAt("a/third");
  plan_.RollBack(std::move(savepoint));
  EXPECT_EQ(NameAt("a/acme"), "first");
  EXPECT_EQ(NameAt("a/other"), "(none)");
  EXPECT_EQ(plan_.audit().note(), "");
  EXPECT_EQ(plan_.TakeChanges().size(), 1u);
  const storage::Transaction transaction = plan_.TakeTransaction();
  EXPECT_EQ(transaction.writes().size(), 1u);
  // What was read on the way that failed is still what the decision rests on.
  EXPECT_EQ(transaction.conditions().size(), 2u);
}

TEST(WipeSecretsTest, LeavesNoKeyOfReceipts) {
  record::v1::ReceiptKeysRecord keys;
  keys.add_keys()->set_private_key("secret 1");
  keys.add_keys()->set_private_key("secret 2");
  keys.mutable_keys(1)->set_key_id("public");
  WipeSecrets(keys);
  ASSERT_EQ(keys.keys_size(), 2);
  EXPECT_EQ(keys.keys(0).private_key(), "");
  EXPECT_EQ(keys.keys(1).private_key(), "");
  EXPECT_EQ(keys.keys(1).key_id(), "public");
}

}  // namespace
}  // namespace cofactor::services
