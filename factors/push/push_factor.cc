#include "factors/push/push_factor.h"

#include <openssl/sha.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "factors/drawn_code/drawn_code.h"
#include "factors/push/activation_uri.h"
#include "factors/push/device_info.h"
#include "factors/push/device_key.h"
#include "factors/push/plain_text.h"
#include "factors/push/push_number.h"
#include "factors/push/push_record.h"
#include "factors/push/push_response.h"
#include "factors/push/signed_bytes.h"
#include "factors/qr_code/qr_code.h"

namespace cofactor::factors::push {
namespace {

constexpr size_t kMaxNameBytes = 64;

std::string Sha256(absl::string_view bytes) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         reinterpret_cast<uint8_t*>(hash.data()));
  return hash;
}

absl::Status CheckName(absl::string_view field, absl::string_view name) {
  if (name.size() > kMaxNameBytes || !IsPlainText(name)) {
    return InvalidField(field, absl::StrCat("want at most ", kMaxNameBytes,
                                            " bytes of UTF-8 without control "
                                            "characters"));
  }
  return absl::OkStatus();
}

DeviceIds IdsOf(const EnrollmentSubject& subject) {
  return {subject.account_id, subject.member_id, subject.enrollment_id};
}

class PushFactor final : public Factor {
 public:
  explicit PushFactor(const PushOptions& options)
      : options_(options), key_of_nobody_(KeyOfNobody()) {
    descriptor_.type_id = std::string(kTypeId);
    descriptor_.kind = v1::FACTOR_KIND_POSSESSION;
    // A key in software, for all that a server can know (RFC 8176).
    descriptor_.amr = {"swk"};
    descriptor_.replay_guard = ReplayGuard::kChallenge;
    descriptor_.needs_challenge = true;
    descriptor_.prompts = true;
    descriptor_.parameters_type = "cofactor.v1.PushParameters";
    descriptor_.description =
        "Approve on your phone by typing the number that is shown.";
  }

  const FactorDescriptor& descriptor() const override { return descriptor_; }

  absl::StatusOr<BegunEnrollment> BeginEnrollment(
      const EnrollmentSubject& subject, const v1::FactorParameters& parameters,
      absl::Time now, Randomness& randomness) const override {
    if (parameters.has_custom()) {
      return InvalidField("parameters.custom",
                          "push takes its parameters in parameters.push");
    }
    const v1::PushParameters& push = parameters.push();
    RETURN_IF_ERROR(CheckName("parameters.push.issuer", push.issuer()));
    RETURN_IF_ERROR(
        CheckName("parameters.push.account_name", push.account_name()));

    ActivationUri activation;
    activation.server = options_.device_server;
    activation.account_id = std::string(subject.account_id);
    activation.member_id = std::string(subject.member_id);
    activation.enrollment_id = std::string(subject.enrollment_id);
    activation.ticket = randomness.DrawSecret(kTicketBytes);
    activation.issuer =
        push.issuer().empty() ? activation.account_id : push.issuer();
    activation.account_name = push.account_name().empty() ? activation.member_id
                                                          : push.account_name();
    const Secret uri = MakeActivationUri(activation);
    ASSIGN_OR_RETURN(QrCode qr, MakeQrCode(uri.ExposeSecret()));

    PushState state;
    state.record.set_ticket_hash(Sha256(activation.ticket.ExposeSecret()));
    BegunEnrollment begun;
    begun.state = state.Encode();
    v1::PushActivation& shown = *begun.activation.mutable_push();
    shown.set_activation_uri(std::string(uri.ExposeSecret()));
    shown.set_qr_svg(std::move(qr.svg));
    shown.set_qr_png(std::move(qr.png));
    return begun;
  }

  absl::Status CheckResponse(const v1::FactorResponse& response,
                             absl::string_view code_field) const override {
    return CheckPushResponse(response, code_field);
  }

  absl::StatusOr<Verdict> ConfirmEnrollment(
      const Attempt& attempt) const override {
    ASSIGN_OR_RETURN(PushState state, DecodePushState(attempt.state));
    RETURN_IF_ERROR(CheckPushResponse(attempt.response, "response.code"));
    if (!attempt.response.has_device()) {
      return InvalidField("response.push",
                          "a push enrollment is confirmed by the registration "
                          "of a device");
    }
    const v1::DeviceRegistration& device = attempt.response.device();
    // All is checked before any of it decides. The state of a device that has
    // registered holds no hash, so no ticket has it.
    const bool has_ticket =
        ConstantTimeEquals(Sha256(device.ticket()), state.record.ticket_hash());
    const bool has_key = IsSignedBy(
        device.key(), RegistrationBytes(IdsOf(attempt.subject), device),
        device.signature());
    Verdict verdict;
    verdict.accepted = has_ticket && has_key && !state.record.decoy();
    if (!verdict.accepted) return verdict;
    state.record.clear_ticket_hash();
    state.set_key(device.key());
    state.set_wake_up(device.wake_up());
    verdict.new_state = state.Encode();
    verdict.new_attributes =
        AttributesOf(device.device_name(), device.platform(), device.key(),
                     device.wake_up());
    return verdict;
  }

  // For a decoy too: whoever asks gets a number, and nobody can answer.
  absl::StatusOr<StartedChallenge> StartChallenge(
      const FactorState& encoded, absl::Time now,
      Randomness& randomness) const override {
    RETURN_IF_ERROR(DecodePushState(encoded).status());
    StartedChallenge started;
    started.number = DrawCode(kNumberDigits, randomness);
    started.state = KeepNumber(started.number, randomness);
    return started;
  }

  absl::StatusOr<std::optional<OutgoingMessage>> WakeUp(
      const FactorState& encoded) const override {
    ASSIGN_OR_RETURN(const PushState state, DecodePushState(encoded));
    if (state.record.wake_up().empty()) return std::nullopt;
    return OutgoingMessage{"wake_up", state.record.wake_up(), Secret()};
  }

  absl::StatusOr<Verdict> Verify(const Attempt& attempt) const override {
    ASSIGN_OR_RETURN(const PushState state, DecodePushState(attempt.state));
    RETURN_IF_ERROR(CheckPushResponse(attempt.response, "response.code"));
    if (!attempt.response.has_push()) {
      return InvalidField("response.device",
                          "a push challenge is answered by a signed answer");
    }
    if (attempt.challenge == nullptr) {
      return absl::InternalError("push verifies by a challenge alone");
    }
    const ChallengeContext& challenge = *attempt.challenge;
    ASSIGN_OR_RETURN(const record::v1::PushChallengeRecord kept,
                     DecodeKeptNumber(challenge.state));
    const v1::PushAnswer& answer = attempt.response.push();
    // The bytes are made of what the server knows, so the device has signed
    // this challenge, these details and this deadline, or nothing. The number
    // is looked at whatever the signature is.
    const bool is_genuine =
        IsSignedBy(state.key(),
                   AnswerBytes(IdsOf(attempt.subject),
                               {challenge.challenge_id, challenge.purpose,
                                challenge.details, challenge.expire_time},
                               answer),
                   answer.signature());
    const bool has_number = IsTheNumber(kept, answer.number());
    Verdict verdict;
    if (!is_genuine || !state.is_registered()) return verdict;
    switch (answer.decision()) {
      case v1::PUSH_DECISION_APPROVE:
        verdict.accepted = has_number;
        break;
      case v1::PUSH_DECISION_DENY:
        verdict.refusal = Refusal{.reported = false, .reason = answer.reason()};
        break;
      case v1::PUSH_DECISION_REPORT:
        verdict.refusal = Refusal{.reported = true, .reason = answer.reason()};
        break;
      default:
        break;  // CheckPushResponse lets no other pass.
    }
    return verdict;
  }

  absl::StatusOr<FactorState> DecoyState(
      Randomness& randomness) const override {
    PushState state;
    state.set_key(key_of_nobody_);
    state.record.set_decoy(true);
    return state.Encode();
  }

 private:
  const PushOptions options_;
  const v1::DeviceKey key_of_nobody_;
  FactorDescriptor descriptor_;
};

}  // namespace

absl::Status RegisterPush(FactorRegistry::Builder& builder,
                          const PushOptions& options) {
  if (!options.device_server.empty()) {
    const absl::Status checked = CheckDeviceServer(options.device_server);
    if (!checked.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("device server of push: want https://HOST:PORT: ",
                       checked.message()));
    }
  }
  return builder.Add(std::make_unique<PushFactor>(options));
}

}  // namespace cofactor::factors::push
