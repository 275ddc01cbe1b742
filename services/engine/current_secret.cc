#include "services/engine/current_secret.h"

#include <optional>
#include <string>

#include "base/errors.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "services/engine/rules.h"
#include "services/engine/trial.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::MemberRecord;

absl::Status Refused(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason, message);
}

}  // namespace

absl::Status CheckCurrentSecret(Plan& plan, const factors::Factor& factor,
                                const v1::FactorParameters& parameters,
                                bool recovery, MemberRecord& member) {
  const factors::FactorDescriptor& descriptor = factor.descriptor();
  if (recovery || !descriptor.single ||
      descriptor.kind != v1::FACTOR_KIND_KNOWLEDGE ||
      !HasConfirmed(member, descriptor.type_id)) {
    return absl::OkStatus();
  }
  plan.audit().set_factor_type(descriptor.type_id);
  ASSIGN_OR_RETURN(std::optional<v1::FactorResponse> current,
                   factor.CurrentSecret(parameters));
  if (!current.has_value()) {
    return Refused("CURRENT_SECRET_REQUIRED",
                   "the member has one of this factor already: bring it in the "
                   "parameters, as current_password");
  }
  const absl::StatusOr<TrialResult> result =
      TryActive({factor, *current, nullptr, plan.now()}, "", member);
  Wipe(*current->mutable_password());
  RETURN_IF_ERROR(result.status());
  if (result->nothing_to_try) {
    return Refused("CURRENT_SECRET_DISABLED",
                   "what the member has of this factor is disabled and proves "
                   "nothing: delete it first");
  }
  if (!result->verified) {
    WriteTrial(plan, member, *result);
    plan.KeepIfRefused();
    return Refused("CURRENT_SECRET_WRONG",
                   "what was given as the present one is wrong; it was "
                   "counted");
  }
  return absl::OkStatus();
}

}  // namespace cofactor::services
