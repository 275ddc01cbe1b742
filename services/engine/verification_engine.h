#ifndef COFACTOR_SERVICES_ENGINE_VERIFICATION_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_VERIFICATION_ENGINE_H_

#include "absl/status/status.h"
#include "cofactor/v1/auth_service.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/code_index.h"
#include "services/engine/decoys.h"
#include "services/engine/notices.h"
#include "services/engine/plan.h"
#include "services/engine/trial.h"

namespace cofactor::services {

// Decides AuthService.Verify: a code given up front. Thread-safe.
class VerificationEngine {
 public:
  // None is owned; all must outlive this. notices: null if members are told of
  // nothing.
  VerificationEngine(const factors::FactorRegistry& registry,
                     CodeIndex& code_index, const Decoys& decoys,
                     const Notices* notices = nullptr)
      : registry_(registry),
        code_index_(code_index),
        decoys_(decoys),
        notices_(notices) {}

  absl::Status Verify(Plan& plan, const v1::VerifyRequest& request,
                      v1::VerifyResponse& response) const;

 private:
  absl::Status VerifyMember(Plan& plan, const Trial& trial,
                            const v1::VerifyRequest& request,
                            v1::VerifyResponse& response) const;
  absl::Status VerifyByCodeAlone(Plan& plan, const Trial& trial,
                                 const v1::VerifyRequest& request,
                                 v1::VerifyResponse& response) const;
  // Tries the code on the one member it may belong to. Fills the response; a
  // failure is left for the caller to count.
  absl::Status TryOwner(Plan& plan, const Trial& trial,
                        absl::string_view member_id,
                        const v1::VerifyRequest& request,
                        v1::VerifyResponse& response) const;
  // After a right answer.
  absl::Status TellOfUse(Plan& plan, const Trial& trial,
                         const record::v1::MemberRecord& member) const;

  const factors::FactorRegistry& registry_;
  CodeIndex& code_index_;
  const Decoys& decoys_;
  const Notices* const notices_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_VERIFICATION_ENGINE_H_
