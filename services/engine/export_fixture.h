#ifndef COFACTOR_SERVICES_ENGINE_EXPORT_FIXTURE_H_
#define COFACTOR_SERVICES_ENGINE_EXPORT_FIXTURE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/sealed_box.h"
#include "cofactor/v1/account_export.pb.h"
#include "gtest/gtest.h"
#include "services/engine/export_engine.h"
#include "services/engine/keys.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {

inline bool Contains(absl::string_view text, absl::string_view part) {
  return text.find(part) != absl::string_view::npos;
}

// Two servers, and an account that moves from the old to the new one.
class ExportFixture : public testing::Test {
 protected:
  static std::string ImportKeyOf(EngineHarness& server) {
    return server.Call(&ExportEngine::GetImportKey, v1::GetImportKeyRequest())
        ->public_key();
  }

  static absl::StatusOr<v1::ExportAccountResponse> ExportPage(
      EngineHarness& server, const std::string& key,
      const std::string& page_token = "") {
    v1::ExportAccountRequest request;
    request.set_account_id("acme");
    request.set_recipient_public_key(key);
    request.set_page_token(page_token);
    return server.Call(&ExportEngine::ExportAccount, request);
  }

  static absl::StatusOr<v1::ImportAccountResponse> Import(
      EngineHarness& server, const std::string& sealed) {
    v1::ImportAccountRequest request;
    request.set_sealed_export(sealed);
    return server.Call(&ExportEngine::ImportAccount, request);
  }

  // A page of the old server that the new one can open.
  std::string Export() {
    const auto page = ExportPage(old_, ImportKeyOf(new_));
    EXPECT_TRUE(page.ok()) << page.status();
    return page->sealed_export();
  }

  v1::ImportAccountResponse Move() {
    const auto imported = Import(new_, Export());
    EXPECT_TRUE(imported.ok()) << imported.status();
    return *imported;
  }

  // What a page holds, for its recipient.
  v1::AccountExport Open(const v1::ExportAccountResponse& page) const {
    v1::AccountExport opened;
    const auto bytes = OpenSealed(own_key_, page.sealed_export());
    EXPECT_TRUE(bytes.ok());
    EXPECT_TRUE(opened.ParseFromString(std::string(bytes->ExposeSecret())));
    return opened;
  }

  std::string SealForNew(const v1::AccountExport& page) {
    return *SealToKey(ImportKeyOf(new_), page.SerializeAsString());
  }

  // A page as the old server makes it, to be changed.
  v1::AccountExport ClearPage() {
    return Open(*ExportPage(old_, BoxPublicKey(own_key_)));
  }

  static record::v1::MemberRecord RecordOf(EngineHarness& server,
                                           const std::string& member_id) {
    record::v1::MemberRecord record;
    EXPECT_TRUE(record.ParseFromString(server.store()
                                           .GetSnapshot()
                                           ->Get(MemberKey("acme", member_id))
                                           ->value));
    return record;
  }

  static void Write(EngineHarness& server, record::v1::MemberRecord record) {
    record.set_version(kRecordVersion);
    storage::Transaction transaction;
    transaction.Put(MemberKey(record.account_id(), record.member_id()),
                    record.SerializeAsString());
    EXPECT_TRUE(
        storage::CommitAndWait(server.store(), std::move(transaction)).ok());
  }

  // Keys and versions of all that a server knows but its log.
  static std::vector<std::pair<std::string, storage::Version>> Contents(
      EngineHarness& server) {
    std::vector<std::pair<std::string, storage::Version>> contents;
    const auto entries = server.store().GetSnapshot()->Scan("", "", 100'000);
    for (const storage::Entry& entry : *entries) {
      if (Contains(entry.key, kAuditLog)) continue;
      contents.emplace_back(entry.key, entry.record.version);
    }
    return contents;
  }

  static bool Verifies(EngineHarness& server, const std::string& member_id,
                       const std::string& code) {
    const auto response = server.Verify("acme", member_id, code);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() && response->verified();
  }

  // Gives a member of the old server 20 enrollments, as long as they can be.
  void Fill(const std::string& member_id) {
    record::v1::MemberRecord record = RecordOf(old_, member_id);
    record.set_display_name(std::string(128, 'n'));
    const record::v1::EnrollmentRecord first = record.enrollments(0);
    record.clear_enrollments();
    for (int i = 0; i < 20; ++i) {
      auto& enrollment = *record.add_enrollments();
      enrollment = first;
      enrollment.set_enrollment_id(absl::StrCat(std::string(30, 'e'), 10 + i));
      enrollment.set_label(std::string(128, 'l'));
      enrollment.set_consecutive_failures(99);
      enrollment.set_lock_until_micros(absl::ToUnixMicros(old_.now()) + 1);
      enrollment.set_last_verify_micros(absl::ToUnixMicros(old_.now()) + 1);
    }
    auto& failures = *record.add_failures();
    failures.set_factor_type("totp");
    for (int day = 0; day < 31; ++day) {
      auto& count = *failures.add_counts();
      count.set_span(19'000 + day);
      count.set_failures(100);
    }
    Write(old_, record);
  }

  EngineHarness old_{1};
  EngineHarness new_{2};
  SeededRandomness randomness_{3};
  // Of somebody who has no server of ours.
  const Secret own_key_ = randomness_.DrawSecret(kBoxKeyBytes);
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_EXPORT_FIXTURE_H_
