#ifndef COFACTOR_SERVICES_ENGINE_EXPORT_FORMAT_H_
#define COFACTOR_SERVICES_ENGINE_EXPORT_FORMAT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/account_export.pb.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Records to exports and back.

// The format that is written, and the only one that is read.
inline constexpr uint32_t kExportFormatVersion = 1;

// Most members of a page.
inline constexpr int kMaxExportedMembers = 100;

// A page, in the clear. It holds seeds: wiped on destruction. Move-only.
struct ClearExport {
  v1::AccountExport page;

  ClearExport() = default;
  ClearExport(ClearExport&&) = default;
  ClearExport& operator=(ClearExport&&) = default;
  ~ClearExport();
};

// Overwrites the seeds in a member that does not leave the server.
void WipeSecrets(v1::MemberExport& member);

// Fills an empty message from a record. Pending enrollments are left out.
// DATA_LOSS: the attributes of an enrollment are damaged.
absl::Status ToExport(const record::v1::MemberRecord& member,
                      v1::MemberExport& exported);
void ToExport(const record::v1::AccountRecord& account,
              const record::v1::CodeOnlyRecord& code_only,
              v1::AccountExport& exported);

// The opposite: makes records of one page of an export, and takes everything in
// it by the rules of the API, for anybody may have sealed it.
// INVALID_ARGUMENT on sealed_export, saying what is wrong, with nothing of the
// content but ids that were checked.
absl::StatusOr<ClearExport> ParseExport(const Secret& serialized);
absl::StatusOr<record::v1::AccountRecord> AccountOf(
    const v1::AccountExport& exported);
absl::StatusOr<record::v1::CodeOnlyRecord> CodeOnlyOf(
    const v1::AccountExport& exported);
absl::StatusOr<Stored<record::v1::MemberRecord>> MemberOf(
    absl::string_view account_id, const v1::MemberExport& exported);

// INVALID_ARGUMENT on sealed_export: it is damaged, and what is wrong with it.
absl::Status DamagedExport(absl::string_view what);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_EXPORT_FORMAT_H_
