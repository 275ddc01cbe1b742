#ifndef COFACTOR_SERVICES_ENGINE_ENROLLMENT_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_ENROLLMENT_ENGINE_H_

#include "absl/status/status.h"
#include "base/randomness.h"
#include "cofactor/v1/auth_service.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/binding_guard.h"
#include "services/engine/message_planner.h"
#include "services/engine/notices.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Decides the calls of AuthService about factors and enrollments. See the proto
// for what they mean, and MutationRunner for how a plan is committed.
// Thread-safe.
class EnrollmentEngine {
 public:
  // None is owned; all must outlive this. guard, notices: null if no account
  // has a policy: then no proof is asked for, and nobody is told of changes.
  EnrollmentEngine(const factors::FactorRegistry& registry,
                   const MessagePlanner& messages, Randomness& randomness,
                   const BindingGuard* guard = nullptr,
                   const Notices* notices = nullptr)
      : registry_(registry),
        messages_(messages),
        randomness_(randomness),
        guard_(guard),
        notices_(notices) {}

  absl::Status ListFactors(Plan& plan, const v1::ListFactorsRequest& request,
                           v1::ListFactorsResponse& response) const;
  absl::Status BeginEnrollment(Plan& plan,
                               const v1::BeginEnrollmentRequest& request,
                               v1::BeginEnrollmentResponse& response) const;
  absl::Status ConfirmEnrollment(Plan& plan,
                                 const v1::ConfirmEnrollmentRequest& request,
                                 v1::ConfirmEnrollmentResponse& response) const;
  absl::Status ResendEnrollment(Plan& plan,
                                const v1::ResendEnrollmentRequest& request,
                                v1::ResendEnrollmentResponse& response) const;
  absl::Status GetEnrollment(Plan& plan,
                             const v1::GetEnrollmentRequest& request,
                             v1::GetEnrollmentResponse& response) const;
  absl::Status ListEnrollments(Plan& plan,
                               const v1::ListEnrollmentsRequest& request,
                               v1::ListEnrollmentsResponse& response) const;
  absl::Status UpdateEnrollment(Plan& plan,
                                const v1::UpdateEnrollmentRequest& request,
                                v1::UpdateEnrollmentResponse& response) const;
  absl::Status DeleteEnrollment(Plan& plan,
                                const v1::DeleteEnrollmentRequest& request,
                                v1::DeleteEnrollmentResponse& response) const;

 private:
  const factors::FactorRegistry& registry_;
  const MessagePlanner& messages_;
  Randomness& randomness_;
  const BindingGuard* const guard_;
  const Notices* const notices_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_ENROLLMENT_ENGINE_H_
