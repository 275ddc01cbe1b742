#ifndef COFACTOR_SERVICES_ENGINE_SUPPORT_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_SUPPORT_ENGINE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cofactor/v1/auth_service.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/code_index.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Decides the calls of AuthService by which operators and support look at locks
// and budgets and end them. Thread-safe.
class SupportEngine {
 public:
  // Neither is owned; both must outlive this.
  SupportEngine(const factors::FactorRegistry& registry, CodeIndex& code_index)
      : registry_(registry), code_index_(code_index) {}

  absl::Status UnlockEnrollment(Plan& plan,
                                const v1::UnlockEnrollmentRequest& request,
                                v1::UnlockEnrollmentResponse& response) const;
  absl::Status ListLocks(Plan& plan, const v1::ListLocksRequest& request,
                         v1::ListLocksResponse& response) const;
  absl::Status Explain(Plan& plan, const v1::ExplainRequest& request,
                       v1::ExplainResponse& response) const;

 private:
  absl::StatusOr<v1::CodeOnlyExplanation> ExplainCodeOnly(
      Plan& plan, const std::string& account_id,
      const factors::Factor& factor) const;

  const factors::FactorRegistry& registry_;
  CodeIndex& code_index_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SUPPORT_ENGINE_H_
