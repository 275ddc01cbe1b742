#include "tests/fuzz/push_input.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "base/errors.h"
#include "base/randomness.h"
#include "cofactor/v1/device_service.pb.h"
#include "factors/factor_registry.h"
#include "factors/push/activation_uri.h"
#include "factors/push/device_key.h"
#include "factors/push/device_signer.h"
#include "factors/push/push_factor.h"
#include "factors/push/push_state.h"
#include "factors/push/signed_bytes.h"

namespace cofactor {
namespace {

using namespace factors;        // NOLINT: only push is meant here.
using namespace factors::push;  // NOLINT

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);
const EnrollmentSubject kSubject{"acme", "ada", "e1"};
const DeviceIds kIds{"acme", "ada", "e1"};

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// A device that registered, and a challenge to it.
class World {
 public:
  World() : registry_(MakeRegistry()), factor(*registry_.Find("push")) {
    SeededRandomness randomness(1);
    auto begun = factor.BeginEnrollment(kSubject, {}, kNow, randomness);
    pending = std::move(begun->state);
    ticket = ParseActivationUri(begun->activation.push().activation_uri())
                 ->ticket.Clone();
    v1::FactorResponse response;
    v1::DeviceRegistration& device = *response.mutable_device();
    device.set_ticket(std::string(ticket.ExposeSecret()));
    device.set_device_name("phone");
    Sign(device);
    auto verdict =
        factor.ConfirmEnrollment({pending, response, nullptr, kNow, kSubject});
    Require(verdict.ok() && verdict->accepted, "the device registers");
    registered = *std::move(verdict->new_state);
    auto started = factor.StartChallenge(registered, kNow, randomness);
    number = std::string(started->number.ExposeSecret());
    challenge_state = std::move(started->state);
    details.set_title("Sign in");
  }

  void Sign(v1::DeviceRegistration& registration) const {
    *registration.mutable_key() = signer.key();
    registration.set_signature(
        *signer.Sign(RegistrationBytes(kIds, registration)));
  }

  std::string BytesOf(const v1::PushAnswer& answer) const {
    return AnswerBytes(kIds, {"c1", "sign-in", details, expire_time}, answer);
  }

  absl::StatusOr<Verdict> Verify(const FactorState& state,
                                 const Secret& challenge_of,
                                 const v1::FactorResponse& response) const {
    const ChallengeContext context{"c1", "sign-in", details, expire_time,
                                   challenge_of};
    return factor.Verify({state, response, &context, kNow, kSubject});
  }

 private:
  static FactorRegistry MakeRegistry() {
    FactorRegistry::Builder builder;
    Require(RegisterPush(builder, {}).ok(), "push can be registered");
    return std::move(builder).Build();
  }

  const FactorRegistry registry_;

 public:
  const DeviceSigner signer = *DeviceSigner::FromPrivateKey(
      v1::DEVICE_KEY_ALGORITHM_ED25519, Secret(std::string(32, 's')));
  const Factor& factor;
  const absl::Time expire_time = kNow + absl::Minutes(2);
  FactorState pending;
  FactorState registered;
  Secret ticket;
  Secret challenge_state;
  std::string number;
  v1::ChallengeDetails details;
};

// As if the device had signed the answer.
void TrySignedAnswer(const World& world, v1::PushAnswer answer) {
  answer.set_signature(*world.signer.Sign(world.BytesOf(answer)));
  v1::FactorResponse response;
  *response.mutable_push() = answer;
  const auto verdict =
      world.Verify(world.registered, world.challenge_state, response);
  if (!verdict.ok()) {
    Require(ErrorReason(verdict.status()) == "INVALID_FIELD",
            "a malformed answer is an error of the caller");
    return;
  }
  Require(!(verdict->accepted && verdict->refusal), "yes is not no");
  Require(
      verdict->accepted == (answer.decision() == v1::PUSH_DECISION_APPROVE &&
                            answer.number() == world.number),
      "it is approved by the number alone");
  Require(verdict->refusal.has_value() ==
              (answer.decision() == v1::PUSH_DECISION_DENY ||
               answer.decision() == v1::PUSH_DECISION_REPORT),
          "it is refused by a refusal");
}

void TryAnswer(const World& world, v1::PushAnswer answer) {
  v1::FactorResponse response;
  *response.mutable_push() = answer;
  const bool is_checked =
      world.factor.CheckResponse(response, "response.code").ok();
  const bool is_genuine =
      IsSignedBy(world.signer.key(), world.BytesOf(answer), answer.signature());
  const auto verdict =
      world.Verify(world.registered, world.challenge_state, response);
  Require(verdict.ok() == is_checked, "what is checked is judged");
  Require(
      !verdict.ok() || is_genuine || (!verdict->accepted && !verdict->refusal),
      "only what the device signed counts");
  TrySignedAnswer(world, answer);
  answer.set_number(world.number);  // Nobody would guess it.
  TrySignedAnswer(world, answer);
}

void TryRegistration(const World& world, v1::DeviceRegistration registration) {
  v1::FactorResponse response;
  *response.mutable_device() = registration;
  const auto confirm = [&] {
    return world.factor.ConfirmEnrollment(
        {world.pending, response, nullptr, kNow, kSubject});
  };
  auto verdict = confirm();
  Require(!verdict.ok() || !verdict->accepted ||
              registration.ticket() == world.ticket.ExposeSecret(),
          "only the ticket registers a device");

  registration.set_ticket(std::string(world.ticket.ExposeSecret()));
  world.Sign(registration);
  *response.mutable_device() = registration;
  verdict = confirm();
  if (!verdict.ok()) {
    Require(ErrorReason(verdict.status()) == "INVALID_FIELD",
            "a malformed registration is an error of the caller");
    return;
  }
  Require(verdict->accepted, "the ticket registers a device");
  Require(DeviceKeyOf(*verdict->new_state).ok(), "the new state is whole");
  Require(verdict->new_state->data.size() < 2'000, "the new state is small");
}

void TryUri(absl::string_view text) {
  const auto uri = ParseActivationUri(text);
  if (!uri.ok()) return;
  const Secret written = MakeActivationUri(*uri);
  const auto again = ParseActivationUri(written.ExposeSecret());
  Require(again.ok(), "what is written is read back");
  Require(MakeActivationUri(*again).ExposeSecret() == written.ExposeSecret(),
          "and is the same");
}

// Bytes where a sealed state should be: as if the store was damaged.
void TryState(const World& world, absl::string_view bytes) {
  v1::FactorResponse response;
  response.mutable_push()->set_decision(v1::PUSH_DECISION_APPROVE);
  response.mutable_push()->set_number(world.number);
  response.mutable_push()->set_signature(std::string(64, 'x'));
  const FactorState state{1, Secret(bytes)};
  auto verdict = world.Verify(state, world.challenge_state, response);
  Require(!verdict.ok() || !verdict->accepted, "no state makes up a signature");
  world.factor.WakeUp(state).IgnoreError();
  WithoutWakeUp(state, bytes).IgnoreError();

  v1::PushAnswer& answer = *response.mutable_push();
  answer.set_signature(*world.signer.Sign(world.BytesOf(answer)));
  verdict = world.Verify(world.registered, Secret(bytes), response);
  Require(!verdict.ok() || !verdict->accepted, "no state makes up a number");
}

}  // namespace

void TryPushInput(absl::string_view input) {
  static const World& world = *new World();
  if (input.empty()) return;
  const char kind = input[0];
  input.remove_prefix(1);
  const int size = static_cast<int>(input.size());
  switch (kind) {
    case 'a': {
      v1::AnswerChallengeRequest request;
      if (!request.ParseFromArray(input.data(), size)) return;
      TryAnswer(world, request.answer());
      return;
    }
    case 'r': {
      v1::FactorResponse response;
      if (!response.ParseFromArray(input.data(), size)) return;
      if (response.has_push()) TryAnswer(world, response.push());
      if (response.has_device()) TryRegistration(world, response.device());
      Require(
          world.factor.CheckResponse(response, "code").ok() ||
              !world.Verify(world.registered, world.challenge_state, response)
                   .ok(),
          "what is not checked is not judged");
      return;
    }
    case 'u':
      TryUri(input);
      return;
    case 's':
      TryState(world, input);
      return;
    default:
      return;
  }
}

}  // namespace cofactor
