#include "tests/doubles/signing_factor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "google/protobuf/wrappers.pb.h"

namespace cofactor {
namespace {

constexpr uint32_t kStateVersion = 1;

class SigningFactor final : public factors::Factor {
 public:
  SigningFactor() {
    descriptor_.type_id = "signing_test";
    descriptor_.kind = v1::FACTOR_KIND_POSSESSION;
    descriptor_.amr = {"hwk"};
    descriptor_.replay_guard = factors::ReplayGuard::kChallenge;
    descriptor_.needs_challenge = true;
    descriptor_.parameters_type = "google.protobuf.StringValue";
    descriptor_.description = "Signs challenges, in tests.";
  }

  const factors::FactorDescriptor& descriptor() const override {
    return descriptor_;
  }

  absl::StatusOr<factors::BegunEnrollment> BeginEnrollment(
      const factors::EnrollmentSubject& subject,
      const v1::FactorParameters& parameters, absl::Time now,
      Randomness& randomness) const override {
    const std::string device = UnpackString(parameters.custom());
    if (device.empty()) {
      return InvalidField("parameters.custom", "want the name of the device");
    }
    factors::BegunEnrollment begun;
    begun.state = {kStateVersion, Secret(absl::string_view(device))};
    begun.attributes["device"] = device;
    *begun.activation.mutable_custom() = PackString("plug it in");
    return begun;
  }

  absl::Status CheckResponse(const v1::FactorResponse& response,
                             absl::string_view code_field) const override {
    if (!response.has_custom()) {
      return InvalidField(code_field, "want a signature in response.custom");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<factors::Verdict> ConfirmEnrollment(
      const factors::Attempt& attempt) const override {
    return Judge(attempt, "");
  }

  absl::StatusOr<factors::StartedChallenge> StartChallenge(
      const factors::FactorState& state, absl::Time now,
      Randomness& randomness) const override {
    factors::StartedChallenge started;
    started.state = randomness.DrawSecret(16);
    return started;
  }

  absl::StatusOr<factors::FactorState> DecoyState(
      Randomness& randomness) const override {
    return factors::FactorState{kStateVersion, randomness.DrawSecret(16)};
  }

  absl::StatusOr<factors::Verdict> Verify(
      const factors::Attempt& attempt) const override {
    if (attempt.challenge == nullptr || attempt.challenge->state.size() != 16) {
      return absl::InternalError("the host lost the challenge");
    }
    return Judge(attempt, attempt.challenge->challenge_id);
  }

 private:
  static absl::StatusOr<factors::Verdict> Judge(
      const factors::Attempt& attempt, absl::string_view challenge_id) {
    if (attempt.state.version != kStateVersion) {
      return factors::UnknownStateVersion("signing_test",
                                          attempt.state.version);
    }
    factors::Verdict verdict;
    verdict.accepted = ConstantTimeEquals(
        UnpackString(attempt.response.custom()),
        UnpackString(
            Sign(attempt.state.data.ExposeSecret(), challenge_id).custom()));
    return verdict;
  }

  factors::FactorDescriptor descriptor_;
};

}  // namespace

std::unique_ptr<const factors::Factor> MakeSigningFactor() {
  return std::make_unique<SigningFactor>();
}

v1::FactorResponse Sign(absl::string_view device,
                        absl::string_view challenge_id) {
  v1::FactorResponse response;
  *response.mutable_custom() =
      PackString(absl::StrCat(device, " signs ", challenge_id));
  return response;
}

google::protobuf::Any PackString(absl::string_view text) {
  google::protobuf::StringValue value;
  value.set_value(std::string(text));
  google::protobuf::Any any;
  any.PackFrom(value);
  return any;
}

std::string UnpackString(const google::protobuf::Any& any) {
  google::protobuf::StringValue value;
  return any.UnpackTo(&value) ? value.value() : "";
}

}  // namespace cofactor
