#include "services/engine/enrollment_secrets.h"

#include "base/status_macros.h"
#include "cofactor/v1/auth_service.pb.h"
#include "services/engine/mutation_runner.h"

namespace cofactor::services {

factors::FactorState FactorStateOf(
    const record::v1::EnrollmentRecord& enrollment) {
  return {enrollment.factor_state_version(),
          Secret(absl::string_view(enrollment.factor_state()))};
}

void SetFactorState(const factors::FactorState& state,
                    record::v1::EnrollmentRecord& enrollment) {
  enrollment.set_factor_state_version(state.version);
  Wipe(*enrollment.mutable_factor_state());
  enrollment.set_factor_state(std::string(state.data.ExposeSecret()));
}

absl::Status ForgetActivation(Plan& plan,
                              const record::v1::EnrollmentRecord& enrollment) {
  const std::string& key = enrollment.begin_idempotency_key();
  if (key.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(auto stored, plan.Read<record::v1::IdempotencyRecord>(key));
  if (!stored.exists()) return absl::OkStatus();
  v1::BeginEnrollmentResponse begun;
  if (!begun.ParseFromString(stored.record.response())) {
    return absl::DataLossError("a stored response is damaged");
  }
  begun.clear_activation();
  Wipe(*stored.record.mutable_response());
  begun.SerializeToString(stored.record.mutable_response());
  plan.Write(
      key, stored.record,
      absl::FromUnixMicros(enrollment.create_micros()) + kIdempotencyRetention);
  return absl::OkStatus();
}

}  // namespace cofactor::services
