#include "services/engine/export_engine.h"

#include <set>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "services/engine/export_fixture.h"
#include "services/transport/limits.h"

namespace cofactor::services {
namespace {

constexpr char kSeed[] = "12345678901234567890";
// Of a request, beside the page.
constexpr size_t kRequestRest = 1'000;

using ExportEngineTest = ExportFixture;

TEST_F(ExportEngineTest, LeavesOutPendingEnrollments) {
  old_.CreateMember("acme", "ada");
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id("acme");
  begin.set_member_id("ada");
  begin.set_factor_type("totp");
  ASSERT_TRUE(old_.Call(&EnrollmentEngine::BeginEnrollment, begin).ok());
  EXPECT_EQ(Move().enrollments_created(), 0u);
  EXPECT_EQ(RecordOf(new_, "ada").enrollments_size(), 0);
}

TEST_F(ExportEngineTest, ShowsSeedsToTheRecipientAlone) {
  old_.CreateMember("acme", "ada");
  old_.EnrollTotp("acme", "ada", kSeed);
  const auto page = ExportPage(old_, BoxPublicKey(own_key_));
  ASSERT_TRUE(page.ok());
  // What "totp" keeps, as account_export.proto documents it.
  const v1::AccountExport opened = Open(*page);
  EXPECT_EQ(opened.format_version(), 1u);
  EXPECT_EQ(opened.export_time().seconds(), absl::ToUnixSeconds(old_.now()));
  const v1::EnrollmentExport& enrollment = opened.members(0).enrollments(0);
  EXPECT_EQ(enrollment.factor_type(), "totp");
  EXPECT_EQ(enrollment.factor_state_version(), 1u);
  EXPECT_TRUE(enrollment.has_accepted_counter());
  record::v1::TotpStateRecord state;
  ASSERT_TRUE(state.ParseFromString(enrollment.factor_state()));
  EXPECT_EQ(state.secret(), kSeed);
  EXPECT_EQ(state.digits(), 6u);
  EXPECT_EQ(state.period_seconds(), 30u);

  const std::string seed = kSeed;
  for (const std::string& form :
       {seed, absl::BytesToHexString(seed), absl::Base64Escape(seed),
        absl::WebSafeBase64Escape(seed),
        std::string("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), std::string("totp"),
        std::string("ada"), std::string("acme")}) {
    EXPECT_FALSE(Contains(page->SerializeAsString(), form)) << form;
  }
  // The search finds what is there.
  EXPECT_TRUE(Contains(opened.SerializeAsString(), seed));
}

TEST_F(ExportEngineTest, RefusesRecipientKeysThatAreNone) {
  old_.CreateMember("acme", "ada");
  for (const std::string& key : {std::string(), std::string(31, 'k'),
                                 std::string(33, 'k'), std::string(32, 0)}) {
    EXPECT_EQ(ExportPage(old_, key).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(
      ExportPage(old_, BoxPublicKey(own_key_), "bS9hMC9hZGE").status().code(),
      absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(ExportPage(new_, BoxPublicKey(own_key_)).status()),
            "ACCOUNT_NOT_FOUND");
}

TEST_F(ExportEngineTest, KeepsItsImportKey) {
  const std::string key = ImportKeyOf(new_);
  EXPECT_EQ(key.size(), kBoxKeyBytes);
  EXPECT_EQ(ImportKeyOf(new_), key);
  EXPECT_NE(ImportKeyOf(old_), key);
}

TEST_F(ExportEngineTest, ExportsBigAccountsInPagesThatCanBeImported) {
  constexpr int kMembers = 250;
  for (int i = 0; i < kMembers; ++i) {
    const std::string member_id = absl::StrCat("m", 1'000 + i);
    old_.CreateMember("acme", member_id);
    if (i % 50 == 0) old_.EnrollTotp("acme", member_id);
  }
  std::set<std::string> seen;
  std::string token;
  int pages = 0;
  do {
    const auto page = ExportPage(old_, BoxPublicKey(own_key_), token);
    ASSERT_TRUE(page.ok()) << page.status();
    const v1::AccountExport opened = Open(*page);
    EXPECT_GT(opened.members_size(), 0);
    EXPECT_LE(opened.members_size(), 100);
    for (const auto& member : opened.members()) {
      EXPECT_TRUE(seen.insert(member.member_id()).second);
    }
    ASSERT_TRUE(Import(new_, SealForNew(opened)).ok());
    token = page->next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(seen.size(), size_t{kMembers});
  EXPECT_EQ(
      new_.store().GetSnapshot()->Scan(MemberPrefix("acme"), "", 1'000)->size(),
      size_t{kMembers});
}

TEST_F(ExportEngineTest, KeepsPagesBelowWhatARequestMayHold) {
  const std::string seed(64, 's');
  for (int i = 0; i < 9; ++i) {
    const std::string member_id = absl::StrCat(std::string(127, 'm'), i);
    old_.CreateMember("acme", member_id);
    old_.EnrollTotp("acme", member_id, seed);
    Fill(member_id);
  }
  const std::string key = ImportKeyOf(new_);
  std::string token;
  uint32_t members = 0;
  int pages = 0;
  do {
    const auto page = ExportPage(old_, key, token);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->sealed_export().size(),
              kMaxExportPageBytes + kSealOverheadBytes);
    EXPECT_LT(page->sealed_export().size() + kRequestRest,
              size_t{kMaxRequestBytes});
    const auto imported = Import(new_, page->sealed_export());
    ASSERT_TRUE(imported.ok()) << imported.status();
    members += imported->members_created();
    token = page->next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(members, 9u);
  EXPECT_GT(pages, 1);
}

TEST_F(ExportEngineTest, ExportsAMemberWhoFillsMoreThanAPage) {
  old_.CreateMember("acme", "ada");
  old_.CreateMember("acme", "bob");
  old_.EnrollTotp("acme", "ada");
  record::v1::MemberRecord record = RecordOf(old_, "ada");
  record.mutable_enrollments(0)->set_factor_state(
      std::string(2 * kMaxExportPageBytes, 's'));
  Write(old_, record);
  auto page = ExportPage(old_, BoxPublicKey(own_key_));
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(Open(*page).members_size(), 1);
  page = ExportPage(old_, BoxPublicKey(own_key_), page->next_page_token());
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(Open(*page).members(0).member_id(), "bob");
  EXPECT_TRUE(page->next_page_token().empty());
}

TEST_F(ExportEngineTest, TellsTheAuditLogOfEveryPage) {
  old_.CreateMember("acme", "ada");
  const size_t events = old_.AuditEvents().size();
  const std::string page = Export();
  ASSERT_EQ(old_.AuditEvents().size(), events + 1);
  const record::v1::AuditRecord exported = old_.AuditEvents().back();
  EXPECT_EQ(exported.action(), "ExportAccount");
  EXPECT_EQ(exported.account_id(), "acme");
  EXPECT_EQ(exported.result(), v1::AUDIT_RESULT_DONE);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Import(new_, page).ok());
    const record::v1::AuditRecord imported = new_.AuditEvents().back();
    EXPECT_EQ(imported.action(), "ImportAccount");
    EXPECT_EQ(imported.account_id(), "acme");
    EXPECT_EQ(imported.member_id(), "");
    EXPECT_EQ(imported.result(), v1::AUDIT_RESULT_DONE);
  }
  // One for the key, and one for each import.
  EXPECT_EQ(new_.AuditEvents().size(), 3u);
}

TEST_F(ExportEngineTest, KeepsNoExportForARetry) {
  old_.CreateMember("acme", "ada");
  const auto before = Contents(old_);
  Export();
  EXPECT_EQ(Contents(old_), before);
}

}  // namespace
}  // namespace cofactor::services
