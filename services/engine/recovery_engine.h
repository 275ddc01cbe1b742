#ifndef COFACTOR_SERVICES_ENGINE_RECOVERY_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_RECOVERY_ENGINE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/randomness.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/recovery_service.pb.h"
#include "services/engine/binding_guard.h"
#include "services/engine/notices.h"
#include "services/engine/plan.h"
#include "services/engine/recovery_records.h"

namespace cofactor::services {

// Decides the calls of RecoveryService. See the proto for what they mean, and
// MutationRunner for how a plan is committed. Thread-safe.
//
// An approval counts as long as whoever gave it may give one: those who were
// suspended, demoted or replaced by another member of their id are dropped
// whenever a recovery is read, up to the moment when its ticket is drawn.
class RecoveryEngine {
 public:
  // None is owned; all must outlive this.
  RecoveryEngine(const BindingGuard& guard, const Notices& notices,
                 Randomness& randomness)
      : guard_(guard), notices_(notices), randomness_(randomness) {}

  absl::Status StartRecovery(Plan& plan,
                             const v1::StartRecoveryRequest& request,
                             v1::StartRecoveryResponse& response) const;
  absl::Status ApproveRecovery(Plan& plan,
                               const v1::ApproveRecoveryRequest& request,
                               v1::ApproveRecoveryResponse& response) const;
  absl::Status IssueEnrollmentTicket(
      Plan& plan, const v1::IssueEnrollmentTicketRequest& request,
      v1::IssueEnrollmentTicketResponse& response) const;
  absl::Status CancelRecovery(Plan& plan,
                              const v1::CancelRecoveryRequest& request,
                              v1::CancelRecoveryResponse& response) const;
  absl::Status GetRecovery(Plan& plan, const v1::GetRecoveryRequest& request,
                           v1::GetRecoveryResponse& response) const;
  absl::Status ListRecoveries(Plan& plan,
                              const v1::ListRecoveriesRequest& request,
                              v1::ListRecoveriesResponse& response) const;

 private:
  // Adds an approval. With the last that it takes the delay begins.
  absl::Status Approve(Plan& plan, const BindingGuard::Recoverer& recoverer,
                       record::v1::RecoveryRecord& recovery) const;

  const BindingGuard& guard_;
  const Notices& notices_;
  Randomness& randomness_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_RECOVERY_ENGINE_H_
