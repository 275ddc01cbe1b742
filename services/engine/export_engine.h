#ifndef COFACTOR_SERVICES_ENGINE_EXPORT_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_EXPORT_ENGINE_H_

#include <cstddef>

#include "absl/status/status.h"
#include "base/randomness.h"
#include "cofactor/v1/admin_service.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// A page of an export ends before it is longer, so that a request of
// ImportAccount can hold it. A page of one member may be: with 20 enrollments
// of "totp" it is some 9 kB.
inline constexpr size_t kMaxExportPageBytes = 40'000;

// Decides the calls of AdminService about exports. See the proto for what they
// mean, and MutationRunner for how a plan is committed: ExportAccount needs it
// too, for its event. Thread-safe.
class ExportEngine {
 public:
  // Neither is owned; both must outlive this.
  ExportEngine(const factors::FactorRegistry& registry, Randomness& randomness)
      : registry_(registry), randomness_(randomness) {}

  absl::Status GetImportKey(Plan& plan, const v1::GetImportKeyRequest& request,
                            v1::GetImportKeyResponse& response) const;
  absl::Status ExportAccount(Plan& plan,
                             const v1::ExportAccountRequest& request,
                             v1::ExportAccountResponse& response) const;
  absl::Status ImportAccount(Plan& plan,
                             const v1::ImportAccountRequest& request,
                             v1::ImportAccountResponse& response) const;

 private:
  // What becomes of one member of an import. theirs may be taken apart.
  absl::Status ImportMember(Plan& plan, record::v1::MemberRecord& theirs,
                            v1::ImportAccountResponse& response) const;
  // Whether an enrollment that is not here yet can be judged at all.
  absl::Status CheckState(const factors::Factor& factor,
                          const record::v1::EnrollmentRecord& enrollment,
                          absl::Time now) const;

  const factors::FactorRegistry& registry_;
  Randomness& randomness_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_EXPORT_ENGINE_H_
