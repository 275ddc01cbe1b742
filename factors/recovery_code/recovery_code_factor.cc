#include "factors/recovery_code/recovery_code_factor.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/recovery_code/recovery_code.h"

namespace cofactor::factors::recovery_code {
namespace {

using ::cofactor::record::v1::RecoveryCodeStateRecord;

constexpr absl::string_view kTypeId = "recovery_code";
constexpr uint32_t kStateVersion = 1;
constexpr int kCodes = 10;

// The private state of an enrollment: wiped on destruction.
struct State {
  RecoveryCodeStateRecord record;

  State() = default;
  State(State&&) = default;
  State& operator=(State&&) = default;
  ~State() {
    Wipe(*record.mutable_salt());
    for (std::string& hash : *record.mutable_hashes()) Wipe(hash);
  }

  HashCost cost() const {
    return {.memory_kib = record.memory_kib(), .passes = record.passes()};
  }

  FactorState Encode() const {
    return {kStateVersion, Secret(record.SerializeAsString())};
  }
};

State NewState(Randomness& randomness) {
  State state;
  state.record.set_salt(
      std::string(randomness.DrawSecret(kSaltBytes).ExposeSecret()));
  state.record.set_memory_kib(kHashCost.memory_kib);
  state.record.set_passes(kHashCost.passes);
  return state;
}

bool IsWhole(const State& state) {
  const RecoveryCodeStateRecord& record = state.record;
  return record.salt().size() == kSaltBytes && IsValid(state.cost()) &&
         record.hashes_size() <= kCodes &&
         std::all_of(
             record.hashes().begin(), record.hashes().end(),
             [](const std::string& hash) { return hash.size() == kHashBytes; });
}

absl::StatusOr<State> Decode(const FactorState& encoded) {
  if (encoded.version != kStateVersion) {
    return UnknownStateVersion(kTypeId, encoded.version);
  }
  State state;
  const absl::string_view bytes = encoded.data.ExposeSecret();
  if (!state.record.ParseFromArray(bytes.data(),
                                   static_cast<int>(bytes.size())) ||
      !IsWhole(state)) {
    return absl::DataLossError(
        "the state of a recovery_code enrollment is damaged");
  }
  return state;
}

// Which of the hashes is that of the typed code; none if none is.
absl::StatusOr<std::optional<int>> Find(const State& state,
                                        const v1::FactorResponse& response) {
  const std::optional<Secret> plain = ReadCode(response.code());
  if (!plain.has_value()) {  // CheckResponse has refused it.
    return InvalidField("response.code", "is no recovery code");
  }
  ASSIGN_OR_RETURN(const Secret hash,
                   HashCode(*plain, state.record.salt(), state.cost()));
  std::optional<int> found;
  // All of them, so that the time does not tell which.
  for (int i = 0; i < state.record.hashes_size(); ++i) {
    if (ConstantTimeEquals(hash.ExposeSecret(), state.record.hashes(i))) {
      found = i;
    }
  }
  return found;
}

std::map<std::string, std::string> AttributesOf(const State& state) {
  return {{"remaining", absl::StrCat(state.record.hashes_size())}};
}

// Says that the response was right and what it has made of the state.
Verdict Accept(const State& state) {
  Verdict verdict;
  verdict.accepted = true;
  verdict.new_state = state.Encode();
  verdict.new_attributes = AttributesOf(state);
  verdict.note =
      absl::StrCat("recovery codes that remain: ", state.record.hashes_size());
  return verdict;
}

class RecoveryCodeFactor final : public Factor {
 public:
  RecoveryCodeFactor() {
    descriptor_.type_id = std::string(kTypeId);
    descriptor_.kind = v1::FACTOR_KIND_POSSESSION;
    descriptor_.amr = {"otp"};
    descriptor_.replay_guard = ReplayGuard::kStateChange;
    descriptor_.single = true;
    descriptor_.notify_on_use = true;
    descriptor_.slow = true;
    descriptor_.parameters_type = "cofactor.v1.RecoveryCodeParameters";
    descriptor_.description =
        "Ten codes to write down, each good once, for when you have lost all "
        "else.";
  }

  const FactorDescriptor& descriptor() const override { return descriptor_; }

  absl::StatusOr<BegunEnrollment> BeginEnrollment(
      const EnrollmentSubject& subject, const v1::FactorParameters& parameters,
      absl::Time now, Randomness& randomness) const override {
    if (parameters.parameters_case() !=
            v1::FactorParameters::PARAMETERS_NOT_SET &&
        !parameters.has_recovery_code()) {
      return InvalidField("parameters",
                          "recovery_code takes no parameters, or an empty "
                          "parameters.recovery_code");
    }
    State state = NewState(randomness);
    BegunEnrollment begun;
    for (int i = 0; i < kCodes; ++i) {
      const Secret code = DrawCode(randomness);
      ASSIGN_OR_RETURN(const Secret hash,
                       HashCode(code, state.record.salt(), state.cost()));
      state.record.add_hashes(std::string(hash.ExposeSecret()));
      begun.activation.mutable_recovery_code()->add_codes(Spell(code));
    }
    begun.state = state.Encode();
    begun.attributes = AttributesOf(state);
    return begun;
  }

  absl::Status CheckResponse(const v1::FactorResponse& response,
                             absl::string_view code_field) const override {
    if (ReadCode(response.code()).has_value()) return absl::OkStatus();
    return InvalidField(code_field,
                        "want a recovery code as it was shown, four groups of "
                        "four letters and digits with hyphens between them, or "
                        "all without hyphens");
  }

  absl::StatusOr<Verdict> ConfirmEnrollment(
      const Attempt& attempt) const override {
    ASSIGN_OR_RETURN(State state, Decode(attempt.state));
    ASSIGN_OR_RETURN(const std::optional<int> found,
                     Find(state, attempt.response));
    if (!found.has_value() || state.record.confirmed()) return Verdict();
    state.record.set_confirmed(true);
    return Accept(state);
  }

  absl::StatusOr<Verdict> Verify(const Attempt& attempt) const override {
    ASSIGN_OR_RETURN(State state, Decode(attempt.state));
    ASSIGN_OR_RETURN(const std::optional<int> found,
                     Find(state, attempt.response));
    if (!found.has_value() || !state.record.confirmed()) return Verdict();
    auto& hashes = *state.record.mutable_hashes();
    Wipe(hashes[*found]);
    hashes.DeleteSubrange(*found, 1);
    return Accept(state);
  }

  // Ten hashes of nothing.
  absl::StatusOr<FactorState> DecoyState(
      Randomness& randomness) const override {
    State state = NewState(randomness);
    for (int i = 0; i < kCodes; ++i) {
      state.record.add_hashes(
          std::string(randomness.DrawSecret(kHashBytes).ExposeSecret()));
    }
    state.record.set_confirmed(true);
    return state.Encode();
  }

 private:
  FactorDescriptor descriptor_;
};

}  // namespace

absl::Status RegisterRecoveryCode(FactorRegistry::Builder& builder) {
  return builder.Add(std::make_unique<RecoveryCodeFactor>());
}

}  // namespace cofactor::factors::recovery_code
