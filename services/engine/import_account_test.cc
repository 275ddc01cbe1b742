// What comes of an export on the server that takes it.

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "factors/standard_factors.h"
#include "services/engine/export_fixture.h"
#include "tests/doubles/signing_factor.h"

namespace cofactor::services {
namespace {

constexpr char kSeed[] = "12345678901234567890";

using ImportAccountTest = ExportFixture;

TEST_F(ImportAccountTest, MovesSeedsSoThatTheyVerify) {
  old_.CreateMember("acme", "ada");
  old_.CreateMember("acme", "bob");
  const auto ada = old_.EnrollTotp("acme", "ada");
  const auto bob = old_.EnrollTotp("acme", "bob");
  const auto moved = Move();
  EXPECT_EQ(moved.account_id(), "acme");
  EXPECT_TRUE(moved.account_created());
  EXPECT_EQ(moved.members_created(), 2u);
  EXPECT_EQ(moved.members_updated(), 0u);
  EXPECT_EQ(moved.enrollments_created(), 2u);
  EXPECT_EQ(moved.enrollments_updated(), 0u);
  EXPECT_TRUE(Verifies(new_, "ada", ada.authenticator.CodeAt(new_.now())));
  EXPECT_TRUE(Verifies(new_, "bob", bob.authenticator.CodeAt(new_.now())));
  EXPECT_FALSE(Verifies(new_, "bob", WrongCode(bob.authenticator, new_.now())));
}

TEST_F(ImportAccountTest, MovesAllThatIsKnownOfAMember) {
  old_.CreateMember("acme", "ada");
  old_.EnrollTotp("acme", "ada", kSeed);
  record::v1::MemberRecord record = RecordOf(old_, "ada");
  record.set_display_name("Ada");
  record.set_role(v1::MEMBER_ROLE_OWNER);
  record.set_suspended(true);
  record.set_valid_until_micros(1'900'000'000'123'456);
  record.mutable_enrollments(0)->set_label("phone");
  record.mutable_enrollments(0)->set_disabled(true);
  record.mutable_enrollments(0)->set_consecutive_failures(100);
  record.mutable_enrollments(0)->set_lock_until_micros(1'800'000'000'000'001);
  record.mutable_enrollments(0)->set_last_verify_micros(1'700'000'000'000'001);
  auto& failures = *record.add_failures();
  failures.set_factor_type("totp");
  failures.add_counts()->set_span(19'675);
  failures.mutable_counts(0)->set_failures(7);
  Write(old_, record);
  Move();
  record::v1::MemberRecord want = RecordOf(old_, "ada");
  record::v1::MemberRecord moved = RecordOf(new_, "ada");
  // Nothing that was granted to whoever had this id here before may fit.
  EXPECT_GT(moved.session_generation(), want.session_generation());
  EXPECT_GT(moved.device_generation(), want.device_generation());
  moved.clear_session_generation();
  moved.clear_device_generation();
  // A map has no order of its own.
  want.mutable_enrollments(0)->clear_attributes();
  moved.mutable_enrollments(0)->clear_attributes();
  EXPECT_EQ(moved.SerializeAsString(), want.SerializeAsString());
  const auto seen = [&](EngineHarness& server) {
    return server
        .GetEnrollment("acme", "ada", want.enrollments(0).enrollment_id())
        .attributes()
        .at("digits");
  };
  EXPECT_EQ(seen(new_), seen(old_));
}

TEST_F(ImportAccountTest, DoesNotAcceptACodeThatWasUsedOnTheOldServer) {
  old_.CreateMember("acme", "ada");
  const auto ada = old_.EnrollTotp("acme", "ada");
  const std::string code = ada.authenticator.CodeAt(old_.now());
  ASSERT_TRUE(Verifies(old_, "ada", code));
  Move();
  EXPECT_EQ(new_.Verify("acme", "ada", code)->reason(),
            v1::VERIFICATION_REASON_REPLAYED);
  EXPECT_TRUE(Verifies(new_, "ada", ada.authenticator.CodeAt(new_.now(), 1)));
}

TEST_F(ImportAccountTest, TakesUpWhatWasUsedSinceTheFirstExport) {
  old_.CreateMember("acme", "ada");
  const auto ada = old_.EnrollTotp("acme", "ada");
  Move();
  const std::string code = ada.authenticator.CodeAt(old_.now());
  ASSERT_TRUE(Verifies(old_, "ada", code));
  const auto again = Move();
  EXPECT_EQ(again.members_updated(), 1u);
  EXPECT_EQ(again.enrollments_updated(), 1u);
  EXPECT_EQ(again.enrollments_created(), 0u);
  EXPECT_FALSE(Verifies(new_, "ada", code));
}

TEST_F(ImportAccountTest, AnOlderExportArmsNothingThatWasUsedSince) {
  old_.CreateMember("acme", "ada");
  const auto ada = old_.EnrollTotp("acme", "ada");
  const std::string page = Export();
  ASSERT_TRUE(Import(new_, page).ok());
  const std::string code = ada.authenticator.CodeAt(new_.now());
  ASSERT_TRUE(Verifies(new_, "ada", code));
  ASSERT_TRUE(Import(new_, page).ok());
  EXPECT_EQ(new_.Verify("acme", "ada", code)->reason(),
            v1::VERIFICATION_REASON_REPLAYED);
}

TEST_F(ImportAccountTest, KeepsLocksOfEitherSide) {
  old_.CreateMember("acme", "ada");
  const auto ada = old_.EnrollTotp("acme", "ada");
  const std::string before = Export();
  const std::string wrong = WrongCode(ada.authenticator, old_.now());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Verifies(old_, "ada", wrong));
  Move();
  const std::string code = ada.authenticator.CodeAt(new_.now());
  EXPECT_EQ(ErrorReason(new_.Verify("acme", "ada", code).status()), "LOCKED");
  // Neither does an export from before the lock end it.
  ASSERT_TRUE(Import(new_, before).ok());
  EXPECT_EQ(ErrorReason(new_.Verify("acme", "ada", code).status()), "LOCKED");
  EXPECT_EQ(RecordOf(new_, "ada").enrollments(0).consecutive_failures(), 5u);
  new_.clock().Advance(absl::Seconds(30));
  EXPECT_TRUE(Verifies(new_, "ada", ada.authenticator.CodeAt(new_.now())));
}

TEST_F(ImportAccountTest, KeepsTheBudgetOfWrongCodes) {
  old_.CreateMember("acme", "ada");
  const auto ada = old_.EnrollTotp("acme", "ada");
  record::v1::MemberRecord record = RecordOf(old_, "ada");
  auto& failures = *record.add_failures();
  failures.set_factor_type("totp");
  failures.add_counts()->set_span(absl::ToUnixSeconds(old_.now()) / 86'400);
  failures.mutable_counts(0)->set_failures(100);
  Write(old_, record);
  Move();
  EXPECT_EQ(ErrorReason(
                new_.Verify("acme", "ada", ada.authenticator.CodeAt(new_.now()))
                    .status()),
            "BUDGET_EXHAUSTED");
}

TEST_F(ImportAccountTest, KeepsTheLockOfCodesWithoutAMember) {
  old_.CreateMember("acme", "ada");
  const auto ada = old_.EnrollTotp("acme", "ada");
  const std::string wrong = WrongCode(ada.authenticator, old_.now());
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(Verifies(old_, "", wrong));
  Move();
  EXPECT_EQ(
      ErrorReason(new_.Verify("acme", "", ada.authenticator.CodeAt(new_.now()))
                      .status()),
      "LOCKED");
  const auto failures = [](EngineHarness& server) {
    record::v1::CodeOnlyRecord record;
    EXPECT_TRUE(record.ParseFromString(
        server.store().GetSnapshot()->Get(CodeOnlyKey("acme"))->value));
    return record.counts_size() == 1 ? record.counts(0).failures() : 0;
  };
  EXPECT_EQ(failures(old_), 10u);
  EXPECT_EQ(failures(new_), 10u);
}

TEST_F(ImportAccountTest, ShowsImportedCodesToVerificationWithoutAMember) {
  new_.CreateMember("acme", "bob");
  const auto bob = new_.EnrollTotp("acme", "bob");
  // The index of the account's codes is made by this.
  EXPECT_TRUE(Verifies(new_, "", bob.authenticator.CodeAt(new_.now())));
  old_.CreateMember("acme", "ada");
  const auto ada = old_.EnrollTotp("acme", "ada");
  Move();
  const auto found =
      new_.Verify("acme", "", ada.authenticator.CodeAt(new_.now()));
  ASSERT_TRUE(found.ok() && found->verified());
  EXPECT_EQ(found->member_id(), "ada");
}

TEST_F(ImportAccountTest, TheSamePageTwiceChangesNothing) {
  old_.CreateMember("acme", "ada");
  const auto ada = old_.EnrollTotp("acme", "ada");
  EXPECT_FALSE(Verifies(old_, "ada", WrongCode(ada.authenticator, old_.now())));
  EXPECT_FALSE(Verifies(old_, "", WrongCode(ada.authenticator, old_.now())));
  const std::string page = Export();
  ASSERT_TRUE(Import(new_, page).ok());
  const auto before = Contents(new_);
  const auto again = Import(new_, page);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->account_created());
  EXPECT_EQ(again->members_created() + again->members_updated() +
                again->enrollments_created() + again->enrollments_updated(),
            0u);
  EXPECT_EQ(Contents(new_), before);
}

TEST_F(ImportAccountTest, SuspensionStaysIfEitherSideHasIt) {
  old_.CreateMember("acme", "ada");
  const auto ada = old_.EnrollTotp("acme", "ada");
  const std::string active = Export();
  record::v1::MemberRecord record = RecordOf(old_, "ada");
  record.set_suspended(true);
  Write(old_, record);
  ASSERT_TRUE(Import(new_, active).ok());
  EXPECT_EQ(Move().members_updated(), 1u);
  EXPECT_TRUE(RecordOf(new_, "ada").suspended());
  ASSERT_TRUE(Import(new_, active).ok());
  EXPECT_TRUE(RecordOf(new_, "ada").suspended());
  EXPECT_FALSE(Verifies(new_, "ada", ada.authenticator.CodeAt(new_.now())));
}

TEST_F(ImportAccountTest, LeavesNamesRolesAndOtherEnrollmentsAsTheyAre) {
  old_.CreateMember("acme", "ada");
  old_.EnrollTotp("acme", "ada");
  new_.CreateMember("acme", "ada");
  const auto own = new_.EnrollTotp("acme", "ada");
  record::v1::MemberRecord record = RecordOf(old_, "ada");
  record.set_role(v1::MEMBER_ROLE_OWNER);
  record.set_display_name("Eve");
  Write(old_, record);
  const auto moved = Move();
  EXPECT_FALSE(moved.account_created());
  EXPECT_EQ(moved.members_created(), 0u);
  EXPECT_EQ(moved.members_updated(), 1u);
  EXPECT_EQ(moved.enrollments_created(), 1u);
  EXPECT_EQ(RecordOf(new_, "ada").role(), v1::MEMBER_ROLE_MEMBER);
  EXPECT_EQ(RecordOf(new_, "ada").display_name(), "");
  EXPECT_EQ(RecordOf(new_, "ada").enrollments_size(), 2);
  EXPECT_TRUE(Verifies(new_, "ada", own.authenticator.CodeAt(new_.now())));
}

TEST_F(ImportAccountTest, RefusesBytesThatAreNoExportForIt) {
  old_.CreateMember("acme", "ada");
  old_.EnrollTotp("acme", "ada");
  const std::string page = Export();
  std::string flipped = page;
  flipped[flipped.size() / 2] ^= 1;
  v1::AccountExport later = ClearPage();
  later.set_format_version(2);
  const struct {
    std::string sealed;
    std::string reason;
  } cases[] = {
      {"", "is required"},
      {"x", "damaged"},
      {std::string(10'000, 'x'), "not sealed to this server's import key"},
      {flipped, "not sealed to this server's import key"},
      {page.substr(0, page.size() - 1), "not sealed to this server's"},
      {page.substr(1), "not sealed to this server's import key"},
      {ExportPage(old_, BoxPublicKey(own_key_))->sealed_export(),
       "not sealed to this server's import key"},
      {*SealToKey(ImportKeyOf(new_), ""), "damaged"},
      {*SealToKey(ImportKeyOf(new_), "\xff\xff\xff"), "damaged"},
      {SealForNew(later), "later version"},
  };
  const auto before = Contents(new_);
  for (const auto& c : cases) {
    const absl::Status status = Import(new_, c.sealed).status();
    EXPECT_EQ(ErrorReason(status), "INVALID_FIELD") << status;
    EXPECT_TRUE(Contains(status.message(), "sealed_export")) << status;
    EXPECT_TRUE(Contains(status.message(), c.reason)) << status;
  }
  EXPECT_EQ(Contents(new_), before);
  // A server that never made a key was sealed nothing.
  EngineHarness third(4);
  EXPECT_EQ(ErrorReason(Import(third, page).status()), "INVALID_FIELD");
  EXPECT_TRUE(Import(new_, page).ok());
}

TEST_F(ImportAccountTest, RefusesContentThatBreaksTheRules) {
  old_.CreateMember("acme", "ada");
  old_.EnrollTotp("acme", "ada");
  const auto refused = [&](auto change) {
    v1::AccountExport page = ClearPage();
    change(page, *page.mutable_members(0),
           *page.mutable_members(0)->mutable_enrollments(0));
    const absl::Status status = Import(new_, SealForNew(page)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return Contains(status.message(), "damaged");
  };
  using Page = v1::AccountExport;
  using Member = v1::MemberExport;
  using Enrollment = v1::EnrollmentExport;
  EXPECT_TRUE(
      refused([](Page& p, Member&, Enrollment&) { p.set_account_id("a/b"); }));
  EXPECT_TRUE(refused(
      [](Page& p, Member&, Enrollment&) { p.set_display_name("a\nb"); }));
  EXPECT_TRUE(refused([](Page& p, Member& m, Enrollment&) {
    Member copy = m;
    *p.add_members() = copy;
  }));
  EXPECT_TRUE(refused([](Page& p, Member& m, Enrollment&) {
    const Member copy = m;
    for (int i = 0; i < 100; ++i) {
      *p.add_members() = copy;
      p.mutable_members(i + 1)->set_member_id(absl::StrCat("m", i));
    }
  }));
  EXPECT_TRUE(
      refused([](Page&, Member& m, Enrollment&) { m.clear_member_id(); }));
  EXPECT_TRUE(refused([](Page&, Member& m, Enrollment&) { m.clear_role(); }));
  EXPECT_TRUE(refused([](Page&, Member& m, Enrollment&) {
    m.mutable_valid_until()->set_seconds(-1);
  }));
  EXPECT_TRUE(refused([](Page&, Member& m, Enrollment& e) {
    const Enrollment copy = e;
    *m.add_enrollments() = copy;
  }));
  EXPECT_TRUE(refused([](Page&, Member& m, Enrollment&) {
    auto& failures = *m.add_failures();
    failures.set_factor_type("totp");
    failures.add_failed_days()->set_span(2);
    failures.add_failed_days()->set_span(1);
  }));
  EXPECT_TRUE(refused([](Page&, Member&, Enrollment& e) {
    e.set_label(std::string(129, 'l'));
  }));
  EXPECT_TRUE(refused(
      [](Page&, Member&, Enrollment& e) { e.set_enrollment_id("a b"); }));
  // It would keep all of the account from verifying by code alone.
  EXPECT_TRUE(refused(
      [](Page&, Member&, Enrollment& e) { e.set_factor_state("\x0a"); }));
  EXPECT_TRUE(Import(new_, SealForNew(ClearPage())).ok());
}

TEST_F(ImportAccountTest, RefusesFactorsAndStatesThatItCannotVerifyWith) {
  factors::FactorRegistry::Builder builder;
  ASSERT_TRUE(factors::RegisterStandardFactors(builder).ok());
  ASSERT_TRUE(builder.Add(MakeSigningFactor()).ok());
  EngineHarness third(std::move(builder).Build(), 4);
  old_.CreateMember("acme", "ada");
  old_.EnrollTotp("acme", "ada");
  v1::AccountExport page = ClearPage();
  auto& enrollment = *page.mutable_members(0)->mutable_enrollments(0);
  const std::string type = MakeSigningFactor()->descriptor().type_id;
  enrollment.set_factor_type(type);
  enrollment.set_factor_state("device");
  const absl::Status status = Import(new_, SealForNew(page)).status();
  EXPECT_EQ(ErrorReason(status), "UNKNOWN_FACTOR");
  EXPECT_TRUE(Contains(status.message(), type)) << status;
  EXPECT_TRUE(
      Import(third, *SealToKey(ImportKeyOf(third), page.SerializeAsString()))
          .ok());
  page = ClearPage();
  page.mutable_members(0)->mutable_enrollments(0)->set_factor_state_version(9);
  EXPECT_EQ(ErrorReason(Import(new_, SealForNew(page)).status()),
            "UNKNOWN_STATE_VERSION");
}

TEST_F(ImportAccountTest, TakesAllOfAPageOrNothing) {
  for (const char* member_id : {"ada", "bob", "eve"}) {
    old_.CreateMember("acme", member_id);
    old_.EnrollTotp("acme", member_id);
  }
  // bob has one of his own on the new server: 21 in all.
  Fill("bob");
  new_.CreateMember("acme", "bob");
  new_.EnrollTotp("acme", "bob");
  const std::string page = Export();
  const auto before = Contents(new_);
  const absl::Status status = Import(new_, page).status();
  EXPECT_EQ(ErrorReason(status), "TOO_MANY_ENROLLMENTS");
  EXPECT_TRUE(Contains(status.message(), "bob")) << status;
  EXPECT_EQ(Contents(new_), before);
}

TEST_F(ImportAccountTest, RefusesAnotherFactorUnderTheSameId) {
  factors::FactorRegistry::Builder builder;
  ASSERT_TRUE(factors::RegisterStandardFactors(builder).ok());
  ASSERT_TRUE(builder.Add(MakeSigningFactor()).ok());
  EngineHarness third(std::move(builder).Build(), 4);
  old_.CreateMember("acme", "ada");
  old_.EnrollTotp("acme", "ada");
  v1::AccountExport page = ClearPage();
  const std::string key = ImportKeyOf(third);
  ASSERT_TRUE(Import(third, *SealToKey(key, page.SerializeAsString())).ok());
  page.mutable_members(0)->mutable_enrollments(0)->set_factor_type(
      MakeSigningFactor()->descriptor().type_id);
  EXPECT_EQ(
      ErrorReason(
          Import(third, *SealToKey(key, page.SerializeAsString())).status()),
      "ENROLLMENT_CONFLICT");
}

TEST_F(ImportAccountTest, KeepsLimitedClientsToTheirAccounts) {
  old_.CreateMember("acme", "ada");
  const std::string page = Export();
  auto permissions = std::make_shared<Permissions>();
  permissions->client_id = "tester";
  permissions->scopes.Add(v1::SCOPE_ADMIN);
  permissions->account_ids = {"other"};
  new_.ActAs({permissions, "", ""});
  EXPECT_EQ(ErrorReason(Import(new_, page).status()), "ACCOUNT_NOT_ALLOWED");
  permissions = std::make_shared<Permissions>(*permissions);
  permissions->account_ids.insert("acme");
  new_.ActAs({permissions, "", ""});
  EXPECT_TRUE(Import(new_, page).ok());
}

}  // namespace
}  // namespace cofactor::services
