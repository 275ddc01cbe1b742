#include "factors/factor.h"

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace cofactor::factors {

absl::StatusOr<std::optional<v1::FactorResponse>> Factor::CurrentSecret(
    const v1::FactorParameters& parameters) const {
  return std::nullopt;
}

absl::StatusOr<StartedChallenge> Factor::StartChallenge(
    const FactorState& state, absl::Time now, Randomness& randomness) const {
  return StartedChallenge();
}

absl::StatusOr<std::optional<OutgoingMessage>> Factor::WakeUp(
    const FactorState& state) const {
  return std::nullopt;
}

absl::StatusOr<std::optional<OutgoingMessage>> Factor::NoticeTo(
    const FactorState& state) const {
  return std::nullopt;
}

absl::StatusOr<BegunEnrollment> Factor::ResendEnrollment(
    const FactorState& state, absl::Time now, Randomness& randomness) const {
  return absl::UnimplementedError("the factor sends nothing");
}

absl::StatusOr<int64_t> Factor::HighestAcceptableCounter(
    const FactorState& state, absl::Time now) const {
  return absl::UnimplementedError("the factor has no counters");
}

absl::StatusOr<AcceptableCodes> Factor::ListAcceptableCodes(
    const FactorState& state, absl::Time now) const {
  return absl::UnimplementedError(
      absl::StrCat("codes of ", descriptor().type_id, " do not tell a member"));
}

absl::Status UnknownStateVersion(absl::string_view type_id, uint32_t version) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "UNKNOWN_STATE_VERSION",
      absl::StrCat("the enrollment was written by a later version of ", type_id,
                   " (state version ", version,
                   "): start that version, or delete the enrollment"));
}

}  // namespace cofactor::factors
