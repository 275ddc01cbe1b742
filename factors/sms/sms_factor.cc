#include "factors/sms/sms_factor.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/drawn_code/drawn_code.h"
#include "factors/sms/phone_number.h"
#include "factors/sms/sms_code.h"

namespace cofactor::factors::sms {
namespace {

using ::cofactor::record::v1::SmsChallengeRecord;
using ::cofactor::record::v1::SmsCodeRecord;
using ::cofactor::record::v1::SmsStateRecord;

constexpr absl::string_view kTypeId = "sms";
constexpr uint32_t kStateVersion = 1;
constexpr uint32_t kChallengeVersion = 1;

constexpr int kMinDigits = 4;
constexpr int kMaxDigits = 10;

// No country code starts with 0 (ITU-T E.164), so this is nobody's number. As
// long as many that are.
constexpr absl::string_view kNobodyPrefix = "+0";
constexpr absl::string_view kNobody = "+0000000000000";

// The private state of an enrollment: wiped on destruction.
struct State {
  SmsStateRecord record;

  State() = default;
  State(State&&) = default;
  State& operator=(State&&) = default;
  ~State() {
    cofactor::Wipe(*record.mutable_e164());
    DropPendingCode();
  }

  void DropPendingCode() {
    if (record.has_pending_code()) Wipe(*record.mutable_pending_code());
    record.clear_pending_code();
  }

  FactorState Encode() const {
    return {kStateVersion, Secret(record.SerializeAsString())};
  }
};

// What is kept of a challenge: wiped on destruction.
struct Challenge {
  SmsChallengeRecord record;

  Challenge() = default;
  Challenge(Challenge&&) = default;
  Challenge& operator=(Challenge&&) = default;
  ~Challenge() { Wipe(*record.mutable_code()); }
};

template <typename Record>
bool Parse(const Secret& encoded, Record& record) {
  const absl::string_view bytes = encoded.ExposeSecret();
  return record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

bool IsE164(absl::string_view number) {
  // Longer than E.164 has them, as some countries have them.
  constexpr size_t kMaxBytes = 21;
  return number.size() >= 2 && number.size() <= kMaxBytes && number[0] == '+' &&
         std::all_of(number.begin() + 1, number.end(), absl::ascii_isdigit);
}

absl::StatusOr<State> Decode(const FactorState& encoded) {
  if (encoded.version != kStateVersion) {
    return UnknownStateVersion(kTypeId, encoded.version);
  }
  State state;
  const SmsStateRecord& record = state.record;
  if (!Parse(encoded.data, state.record) || !IsE164(record.e164()) ||
      absl::StartsWith(record.e164(), kNobodyPrefix) != record.decoy() ||
      (record.has_pending_code() && !IsWhole(record.pending_code()))) {
    return absl::DataLossError("the state of a sms enrollment is damaged");
  }
  return state;
}

absl::StatusOr<Challenge> DecodeChallenge(const Secret& encoded) {
  Challenge challenge;
  const SmsChallengeRecord& record = challenge.record;
  const bool parsed = Parse(encoded, challenge.record);
  if (parsed && record.version() > kChallengeVersion) {
    return UnknownStateVersion(kTypeId, record.version());
  }
  if (!parsed || record.version() != kChallengeVersion ||
      !IsWhole(record.code())) {
    return absl::DataLossError("the state of a sms challenge is damaged");
  }
  return challenge;
}

class SmsFactor final : public Factor {
 public:
  explicit SmsFactor(const SmsOptions& options) : options_(options) {
    descriptor_.type_id = std::string(kTypeId);
    descriptor_.kind = v1::FACTOR_KIND_POSSESSION;
    descriptor_.amr = {"sms"};
    descriptor_.replay_guard = ReplayGuard::kChallenge;
    descriptor_.needs_challenge = true;
    descriptor_.sends_messages = true;
    descriptor_.parameters_type = "cofactor.v1.SmsParameters";
    descriptor_.description = "A code in a text message to your phone.";
  }

  const FactorDescriptor& descriptor() const override { return descriptor_; }

  absl::StatusOr<BegunEnrollment> BeginEnrollment(
      const EnrollmentSubject& subject, const v1::FactorParameters& parameters,
      absl::Time now, Randomness& randomness) const override {
    if (parameters.has_custom()) {
      return InvalidField("parameters.custom",
                          "sms takes its parameters in parameters.sms");
    }
    ASSIGN_OR_RETURN(const PhoneNumber number,
                     numbers_.Parse(parameters.sms().phone_number(),
                                    parameters.sms().region(),
                                    {.number = "parameters.sms.phone_number",
                                     .region = "parameters.sms.region"}));
    State state;
    state.record.set_e164(number.e164());
    BegunEnrollment begun = AskToConfirm(std::move(state), now, randomness);
    begun.attributes["phone_number"] = number.masked();
    begun.attributes["country"] = number.region();
    return begun;
  }

  // Only the state and the message are new: the attributes stay as they are.
  absl::StatusOr<BegunEnrollment> ResendEnrollment(
      const FactorState& encoded, absl::Time now,
      Randomness& randomness) const override {
    ASSIGN_OR_RETURN(State state, Decode(encoded));
    return AskToConfirm(std::move(state), now, randomness);
  }

  absl::Status CheckResponse(const v1::FactorResponse& response,
                             absl::string_view code_field) const override {
    const std::string& code = response.code();
    if (code.size() != static_cast<size_t>(options_.code_digits) ||
        !std::all_of(code.begin(), code.end(), absl::ascii_isdigit)) {
      return InvalidField(code_field,
                          absl::StrCat("want the ", options_.code_digits,
                                       " digits of the message, and nothing "
                                       "else"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Verdict> ConfirmEnrollment(
      const Attempt& attempt) const override {
    ASSIGN_OR_RETURN(State state, Decode(attempt.state));
    RETURN_IF_ERROR(CheckResponse(attempt.response, "response.code"));
    Verdict verdict;
    verdict.accepted = Fits(state.record.pending_code(),
                            attempt.response.code(), attempt.now) &&
                       !state.record.decoy();
    if (!verdict.accepted) return verdict;
    state.DropPendingCode();
    verdict.new_state = state.Encode();
    return verdict;
  }

  absl::StatusOr<StartedChallenge> StartChallenge(
      const FactorState& encoded, absl::Time now,
      Randomness& randomness) const override {
    ASSIGN_OR_RETURN(const State state, Decode(encoded));
    StartedChallenge started;
    Challenge challenge;
    challenge.record.set_version(kChallengeVersion);
    *challenge.record.mutable_code() =
        SendCode(state, now, randomness, started.messages);
    started.state = Secret(challenge.record.SerializeAsString());
    return started;
  }

  absl::StatusOr<std::optional<OutgoingMessage>> NoticeTo(
      const FactorState& encoded) const override {
    ASSIGN_OR_RETURN(const State state, Decode(encoded));
    if (state.record.decoy()) return std::nullopt;
    return OutgoingMessage{std::string(kTypeId), state.record.e164(), Secret()};
  }

  absl::StatusOr<Verdict> Verify(const Attempt& attempt) const override {
    ASSIGN_OR_RETURN(const State state, Decode(attempt.state));
    RETURN_IF_ERROR(CheckResponse(attempt.response, "response.code"));
    if (attempt.challenge == nullptr) {
      return absl::InternalError("sms verifies by a challenge alone");
    }
    ASSIGN_OR_RETURN(const Challenge challenge,
                     DecodeChallenge(attempt.challenge->state));
    Verdict verdict;
    verdict.accepted =
        Fits(challenge.record.code(), attempt.response.code(), attempt.now) &&
        !state.record.decoy();
    return verdict;
  }

  absl::StatusOr<FactorState> DecoyState(
      Randomness& randomness) const override {
    State state;
    state.record.set_e164(std::string(kNobody));
    state.record.set_decoy(true);
    return state.Encode();
  }

 private:
  // Draws a code, puts it into messages and returns what is kept of it. For a
  // decoy the work is the same, but nothing is sent.
  SmsCodeRecord SendCode(const State& state, absl::Time now,
                         Randomness& randomness,
                         std::vector<OutgoingMessage>& messages) const {
    Secret code = DrawCode(options_.code_digits, randomness);
    if (state.record.decoy()) return KeepDeadCode(code, now, randomness);
    SmsCodeRecord kept = KeepCode(code, now, randomness);
    messages.push_back(
        {std::string(kTypeId), state.record.e164(), std::move(code)});
    return kept;
  }

  // Replaces the code that confirms an enrollment.
  BegunEnrollment AskToConfirm(State state, absl::Time now,
                               Randomness& randomness) const {
    BegunEnrollment begun;
    state.DropPendingCode();
    *state.record.mutable_pending_code() =
        SendCode(state, now, randomness, begun.messages);
    begun.state = state.Encode();
    return begun;
  }

  const SmsOptions options_;
  const PhoneNumbers numbers_;
  FactorDescriptor descriptor_;
};

}  // namespace

absl::Status RegisterSms(FactorRegistry::Builder& builder,
                         const SmsOptions& options) {
  if (options.code_digits < kMinDigits || options.code_digits > kMaxDigits) {
    return absl::InvalidArgumentError(
        absl::StrCat("codes of sms: want ", kMinDigits, " to ", kMaxDigits,
                     " digits, not ", options.code_digits));
  }
  return builder.Add(std::make_unique<SmsFactor>(options));
}

}  // namespace cofactor::factors::sms
