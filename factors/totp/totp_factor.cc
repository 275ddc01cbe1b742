#include "factors/totp/totp_factor.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/qr_code/qr_code.h"
#include "factors/totp/base32.h"
#include "factors/totp/hotp.h"
#include "factors/totp/key_uri.h"

namespace cofactor::factors::totp {
namespace {

using ::cofactor::record::v1::TotpStateRecord;

constexpr absl::string_view kTypeId = "totp";
constexpr uint32_t kStateVersion = 1;

constexpr uint32_t kMinDigits = 6;
constexpr uint32_t kMaxDigits = 8;
constexpr uint32_t kDefaultDigits = 6;
constexpr int64_t kMinPeriodSeconds = 15;
constexpr int64_t kMaxPeriodSeconds = 120;
constexpr int64_t kDefaultPeriodSeconds = 30;
constexpr size_t kMinSecretBytes = 16;  // RFC 4226, section 4, R6.
constexpr size_t kMaxSecretBytes = 64;
constexpr size_t kMaxNameBytes = 64;

// Steps that an authenticator's clock may come to be off.
constexpr int32_t kMaxDriftSteps = 10;

// The private state of an enrollment. It holds the seed: wiped on destruction.
struct State {
  TotpStateRecord record;

  State() = default;
  State(State&&) = default;
  State& operator=(State&&) = default;
  ~State() { Wipe(*record.mutable_secret()); }

  HashAlgorithm algorithm() const {
    switch (record.algorithm()) {
      case v1::TOTP_ALGORITHM_SHA256:
        return HashAlgorithm::kSha256;
      case v1::TOTP_ALGORITHM_SHA512:
        return HashAlgorithm::kSha512;
      default:
        return HashAlgorithm::kSha1;
    }
  }

  FactorState Encode() const {
    return {kStateVersion, Secret(record.SerializeAsString())};
  }
};

absl::StatusOr<State> Decode(const FactorState& encoded) {
  if (encoded.version != kStateVersion) {
    return UnknownStateVersion(kTypeId, encoded.version);
  }
  State state;
  const absl::string_view bytes = encoded.data.ExposeSecret();
  const TotpStateRecord& record = state.record;
  if (!state.record.ParseFromArray(bytes.data(),
                                   static_cast<int>(bytes.size())) ||
      record.secret().size() < kMinSecretBytes ||
      record.secret().size() > kMaxSecretBytes ||
      record.digits() < kMinDigits || record.digits() > kMaxDigits ||
      record.period_seconds() < kMinPeriodSeconds ||
      record.period_seconds() > kMaxPeriodSeconds ||
      record.algorithm() < v1::TOTP_ALGORITHM_SHA1 ||
      record.algorithm() > v1::TOTP_ALGORITHM_SHA512 ||
      std::abs(record.drift_steps()) > kMaxDriftSteps ||
      std::abs(record.last_offset()) > 1 ||
      (record.strict_window() && record.drift_steps() != 0)) {
    return absl::DataLossError("the state of a totp enrollment is damaged");
  }
  return state;
}

// The time steps whose codes pass (RFC 6238, section 5.2), oldest first.
struct Window {
  int64_t present;  // Of our clock: floor(unix time / period).
  int64_t middle;
  int64_t first;
  int64_t last;
};

Window WindowAt(const TotpStateRecord& state, absl::Time now) {
  const int64_t period = state.period_seconds();
  const int64_t seconds = absl::ToUnixSeconds(now);  // Rounds down.
  const int64_t present =
      (seconds >= 0 ? seconds : seconds - period + 1) / period;
  const int64_t middle = present + state.drift_steps();
  const int64_t reach = state.strict_window() ? 0 : 1;
  return {present, middle, middle - reach, middle + reach};
}

Secret CodeOf(const State& state, int64_t step) {
  return HotpCode(state.algorithm(), state.record.secret(),
                  static_cast<uint64_t>(step),
                  static_cast<int>(state.record.digits()));
}

// Learns from an accepted code how far the authenticator's clock is off (RFC
// 6238, section 6). Returns whether the window has moved.
bool LearnDrift(int64_t offset, TotpStateRecord& state) {
  if (state.strict_window()) return false;
  const auto step = static_cast<int32_t>(offset);
  if (step == 0 || step != state.last_offset()) {
    state.set_last_offset(step);
    return false;
  }
  // The second in a row on the same side of the middle.
  const int32_t drift =
      std::clamp(state.drift_steps() + step, -kMaxDriftSteps, kMaxDriftSteps);
  const bool moved = drift != state.drift_steps();
  state.set_drift_steps(drift);
  state.set_last_offset(0);
  return moved;
}

absl::Status CheckName(absl::string_view field, absl::string_view name) {
  if (name.size() > kMaxNameBytes) {
    return InvalidField(field,
                        absl::StrCat("want at most ", kMaxNameBytes, " bytes"));
  }
  for (const char c : name) {
    if (c == ':' || absl::ascii_iscntrl(c)) {
      return InvalidField(field, "must hold no colon and no control character");
    }
  }
  return absl::OkStatus();
}

// Fills the state from parameters; the seed stays empty unless it is imported.
absl::Status ReadParameters(const v1::TotpParameters& parameters,
                            TotpStateRecord& state) {
  if (!v1::TotpAlgorithm_IsValid(parameters.algorithm())) {
    return InvalidField("parameters.totp.algorithm",
                        "want SHA1, SHA256 or SHA512");
  }
  state.set_algorithm(parameters.algorithm() == v1::TOTP_ALGORITHM_UNSPECIFIED
                          ? v1::TOTP_ALGORITHM_SHA1
                          : parameters.algorithm());
  state.set_digits(parameters.digits() == 0 ? kDefaultDigits
                                            : parameters.digits());
  if (state.digits() < kMinDigits || state.digits() > kMaxDigits) {
    return InvalidField("parameters.totp.digits", "want 6, 7 or 8");
  }
  int64_t period = kDefaultPeriodSeconds;
  if (parameters.has_period()) {
    period = parameters.period().seconds();
    if (parameters.period().nanos() != 0 || period < kMinPeriodSeconds ||
        period > kMaxPeriodSeconds) {
      return InvalidField("parameters.totp.period",
                          "want 15 s to 120 s in whole seconds");
    }
  }
  state.set_period_seconds(static_cast<uint32_t>(period));
  state.set_strict_window(parameters.strict_window());
  const size_t secret_bytes = parameters.secret().size();
  if (secret_bytes != 0 &&
      (secret_bytes < kMinSecretBytes || secret_bytes > kMaxSecretBytes)) {
    return InvalidField("parameters.totp.secret",
                        "want 16 to 64 bytes, or none to have one drawn");
  }
  state.set_secret(parameters.secret());
  RETURN_IF_ERROR(CheckName("parameters.totp.issuer", parameters.issuer()));
  return CheckName("parameters.totp.account_name", parameters.account_name());
}

// As long as the output of the hash: RFC 6238, section 5.1.
size_t SeedBytes(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kSha1:
      return 20;
    case HashAlgorithm::kSha256:
      return 32;
    case HashAlgorithm::kSha512:
      return 64;
  }
  return 64;
}

class TotpFactor final : public Factor {
 public:
  TotpFactor() {
    descriptor_.type_id = std::string(kTypeId);
    descriptor_.kind = v1::FACTOR_KIND_POSSESSION;
    descriptor_.amr = {"otp"};
    descriptor_.replay_guard = ReplayGuard::kCounter;
    descriptor_.identifies_member = true;
    descriptor_.parameters_type = "cofactor.v1.TotpParameters";
    descriptor_.description =
        "A code from an authenticator app, a new one every 30 seconds.";
  }

  const FactorDescriptor& descriptor() const override { return descriptor_; }

  absl::StatusOr<BegunEnrollment> BeginEnrollment(
      const EnrollmentSubject& subject, const v1::FactorParameters& parameters,
      absl::Time now, Randomness& randomness) const override {
    if (parameters.has_custom()) {
      return InvalidField("parameters.custom",
                          "totp takes its parameters in parameters.totp");
    }
    State state;
    RETURN_IF_ERROR(ReadParameters(parameters.totp(), state.record));
    if (state.record.secret().empty()) {
      state.record.set_secret(std::string(
          randomness.DrawSecret(SeedBytes(state.algorithm())).ExposeSecret()));
    }

    const Secret base32 = EncodeBase32(state.record.secret());
    const std::string& issuer = parameters.totp().issuer();
    const std::string& account_name = parameters.totp().account_name();
    KeyUriParameters uri_parameters;
    uri_parameters.issuer = issuer.empty() ? subject.account_id : issuer;
    uri_parameters.account_name =
        account_name.empty() ? subject.member_id : account_name;
    uri_parameters.base32_secret = base32.ExposeSecret();
    uri_parameters.algorithm = state.algorithm();
    uri_parameters.digits = static_cast<int>(state.record.digits());
    uri_parameters.period_seconds =
        static_cast<int>(state.record.period_seconds());
    const Secret uri = MakeKeyUri(uri_parameters);
    ASSIGN_OR_RETURN(QrCode qr, MakeQrCode(uri.ExposeSecret()));

    BegunEnrollment begun;
    begun.state = state.Encode();
    begun.attributes["algorithm"] =
        std::string(AlgorithmName(state.algorithm()));
    begun.attributes["digits"] = absl::StrCat(state.record.digits());
    begun.attributes["period"] =
        absl::StrCat(state.record.period_seconds(), "s");
    begun.attributes["strict_window"] =
        state.record.strict_window() ? "true" : "false";
    v1::TotpActivation& activation = *begun.activation.mutable_totp();
    activation.set_base32_secret(std::string(base32.ExposeSecret()));
    activation.set_key_uri(std::string(uri.ExposeSecret()));
    activation.set_qr_svg(std::move(qr.svg));
    activation.set_qr_png(std::move(qr.png));
    return begun;
  }

  absl::StatusOr<FactorState> DecoyState(
      Randomness& randomness) const override {
    State state;
    RETURN_IF_ERROR(ReadParameters({}, state.record));
    state.record.set_secret(std::string(
        randomness.DrawSecret(SeedBytes(state.algorithm())).ExposeSecret()));
    return state.Encode();
  }

  absl::Status CheckResponse(const v1::FactorResponse& response,
                             absl::string_view code_field) const override {
    const std::string& code = response.code();
    if (code.size() < kMinDigits || code.size() > kMaxDigits ||
        !std::all_of(code.begin(), code.end(), absl::ascii_isdigit)) {
      return InvalidField(code_field,
                          "want the 6 to 8 digits that the app shows, and "
                          "nothing else");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Verdict> ConfirmEnrollment(
      const Attempt& attempt) const override {
    return Verify(attempt);
  }

  absl::StatusOr<Verdict> Verify(const Attempt& attempt) const override {
    ASSIGN_OR_RETURN(State state, Decode(attempt.state));
    RETURN_IF_ERROR(CheckResponse(attempt.response, "response.code"));
    const Window window = WindowAt(state.record, attempt.now);
    // All codes, so that the time tells nothing; the greatest step that fits,
    // so that a code which two steps share is used up for both.
    std::optional<int64_t> fitting;
    for (int64_t step = window.first; step <= window.last; ++step) {
      if (ConstantTimeEquals(CodeOf(state, step).ExposeSecret(),
                             attempt.response.code()) &&
          step >= 0) {
        fitting = step;
      }
    }
    Verdict verdict;
    if (!fitting.has_value()) return verdict;
    verdict.accepted = true;
    verdict.counter = *fitting;
    const int32_t old_offset = state.record.last_offset();
    verdict.acceptable_codes_changed =
        LearnDrift(*fitting - window.middle, state.record);
    // The drift never moves without the last offset.
    if (state.record.last_offset() != old_offset) {
      verdict.new_state = state.Encode();
    }
    return verdict;
  }

  absl::StatusOr<int64_t> HighestAcceptableCounter(
      const FactorState& encoded, absl::Time now) const override {
    ASSIGN_OR_RETURN(const State state, Decode(encoded));
    const Window window = WindowAt(state.record, now);
    if (state.record.strict_window()) return window.last;
    // The drift may have been learned anew since this state was written.
    return window.present + kMaxDriftSteps + 1;
  }

  absl::StatusOr<AcceptableCodes> ListAcceptableCodes(
      const FactorState& encoded, absl::Time now) const override {
    ASSIGN_OR_RETURN(const State state, Decode(encoded));
    const Window window = WindowAt(state.record, now);
    AcceptableCodes acceptable;
    for (int64_t step = std::max<int64_t>(window.first, 0); step <= window.last;
         ++step) {
      acceptable.codes.push_back(CodeOf(state, step));
    }
    acceptable.valid_until = absl::FromUnixSeconds(
        (window.present + 1) * state.record.period_seconds());
    return acceptable;
  }

 private:
  FactorDescriptor descriptor_;
};

}  // namespace

absl::Status RegisterTotp(FactorRegistry::Builder& builder) {
  return builder.Add(std::make_unique<TotpFactor>());
}

}  // namespace cofactor::factors::totp
