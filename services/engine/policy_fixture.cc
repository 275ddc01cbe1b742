#include "services/engine/policy_fixture.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "factors/factor.h"

namespace cofactor::services {
namespace {

using factors::FactorDescriptor;
using factors::ReplayGuard;

// Says what it is, and does nothing.
class SilentFactor final : public factors::Factor {
 public:
  explicit SilentFactor(FactorDescriptor descriptor)
      : descriptor_(std::move(descriptor)) {}

  const FactorDescriptor& descriptor() const override { return descriptor_; }
  absl::StatusOr<factors::BegunEnrollment> BeginEnrollment(
      const factors::EnrollmentSubject& subject,
      const v1::FactorParameters& parameters, absl::Time now,
      Randomness& randomness) const override {
    return absl::InternalError("silent");
  }
  absl::Status CheckResponse(const v1::FactorResponse& response,
                             absl::string_view code_field) const override {
    return absl::OkStatus();
  }
  absl::StatusOr<factors::Verdict> ConfirmEnrollment(
      const factors::Attempt& attempt) const override {
    return factors::Verdict();
  }
  absl::StatusOr<factors::FactorState> DecoyState(
      Randomness& randomness) const override {
    return factors::FactorState();
  }
  absl::StatusOr<factors::Verdict> Verify(
      const factors::Attempt& attempt) const override {
    return factors::Verdict();
  }

 private:
  const FactorDescriptor descriptor_;
};

FactorDescriptor Describe(absl::string_view type_id, v1::FactorKind kind,
                          absl::string_view amr, ReplayGuard guard) {
  FactorDescriptor descriptor;
  descriptor.type_id = std::string(type_id);
  descriptor.kind = kind;
  descriptor.amr = {std::string(amr)};
  descriptor.replay_guard = guard;
  descriptor.needs_challenge = guard == ReplayGuard::kChallenge;
  descriptor.parameters_type = "google.protobuf.Empty";
  return descriptor;
}

}  // namespace

factors::FactorRegistry MakePolicyRegistry() {
  return MakePolicyRegistry({"password", "totp", "sms", "push", "recovery_code",
                             "webauthn", "fingerprint"});
}

factors::FactorRegistry MakePolicyRegistry(
    std::initializer_list<absl::string_view> factor_types) {
  constexpr v1::FactorKind kHas = v1::FACTOR_KIND_POSSESSION;
  FactorDescriptor password = Describe("password", v1::FACTOR_KIND_KNOWLEDGE,
                                       "pwd", ReplayGuard::kNone);
  password.single = true;
  FactorDescriptor totp = Describe("totp", kHas, "otp", ReplayGuard::kCounter);
  FactorDescriptor sms = Describe("sms", kHas, "sms", ReplayGuard::kChallenge);
  sms.sends_messages = true;
  FactorDescriptor push =
      Describe("push", kHas, "hwk", ReplayGuard::kChallenge);
  push.prompts = true;
  FactorDescriptor recovery_code =
      Describe("recovery_code", kHas, "otp", ReplayGuard::kStateChange);
  recovery_code.single = true;
  FactorDescriptor webauthn =
      Describe("webauthn", kHas, "hwk", ReplayGuard::kChallenge);
  webauthn.phishing_resistant = true;
  FactorDescriptor fingerprint = Describe(
      "fingerprint", v1::FACTOR_KIND_INHERENCE, "fpt", ReplayGuard::kChallenge);
  factors::FactorRegistry::Builder builder;
  for (FactorDescriptor* descriptor :
       {&password, &totp, &sms, &push, &recovery_code, &webauthn,
        &fingerprint}) {
    if (std::find(factor_types.begin(), factor_types.end(),
                  descriptor->type_id) == factor_types.end()) {
      continue;
    }
    if (!builder.Add(std::make_unique<SilentFactor>(std::move(*descriptor)))
             .ok()) {
      std::abort();
    }
  }
  return std::move(builder).Build();
}

v1::PolicyLevel& AddLevel(v1::Policy& policy, absl::string_view acr) {
  v1::PolicyLevel& level = *policy.add_levels();
  level.set_acr(std::string(acr));
  return level;
}

void AddCombination(v1::PolicyLevel& level,
                    std::initializer_list<absl::string_view> demands) {
  v1::FactorCombination& combination = *level.add_any_of();
  for (const absl::string_view wanted : demands) {
    v1::FactorDemand& demand = *combination.add_all_of();
    if (wanted == "knows") {
      demand.set_kind(v1::FACTOR_KIND_KNOWLEDGE);
    } else if (wanted == "has") {
      demand.set_kind(v1::FACTOR_KIND_POSSESSION);
    } else if (wanted == "is") {
      demand.set_kind(v1::FACTOR_KIND_INHERENCE);
    } else if (wanted == "resistant") {
      demand.set_phishing_resistant(true);
    } else {
      demand.set_factor_type(std::string(wanted));
    }
  }
}

}  // namespace cofactor::services
