#ifndef COFACTOR_FACTORS_FACTOR_H_
#define COFACTOR_FACTORS_FACTOR_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/v1/challenge.pb.h"
#include "cofactor/v1/factor.pb.h"

namespace cofactor::factors {

// How it is made sure that one response is accepted once. The host enforces it;
// a verdict that does not bring what its factor promised is refused.
enum class ReplayGuard {
  // Verdicts name a counter; each accepted one must exceed all before it.
  kCounter,
  // Responses are bound to a challenge, and a challenge is accepted once.
  kChallenge,
  // An accepted response changes the state so that it is not accepted again. To
  // confirm is a use of its own: the factor says whether it leaves the response
  // good for Verify.
  kStateChange,
  // None: the response may be used again, as a password.
  kNone,
};

// What a factor is. Constant for the life of the process.
struct FactorDescriptor {
  // Frozen: enrollments are stored under it. 1 to 32 of a-z 0-9 _.
  std::string type_id;
  v1::FactorKind kind = v1::FACTOR_KIND_UNSPECIFIED;
  // Authentication method references (RFC 8176).
  std::vector<std::string> amr;
  ReplayGuard replay_guard = ReplayGuard::kNone;
  bool needs_challenge = false;
  // A challenge appears on the person's devices by itself, and any enrollment
  // of the member may answer it unless it names one. The host bounds how many
  // there are, so that nobody is worn down.
  bool prompts = false;
  // A member has one enrollment of it: one that is confirmed deletes the
  // others. So a guess at a slow one takes the time of one.
  bool single = false;
  // StartChallenge and BeginEnrollment make messages with codes.
  bool sends_messages = false;
  // The host tells the member whenever it is used: it is for an emergency, and
  // the person who has none is being robbed.
  bool notify_on_use = false;
  // A verdict takes so long that it must not hold up others: the host judges it
  // in a pool of its own.
  bool slow = false;
  bool phishing_resistant = false;
  // AcceptableCodes is implemented: a code tells whose it is.
  bool identifies_member = false;
  // Full name of the message that BeginEnrollment takes.
  std::string parameters_type;
  // One sentence for the person who picks a factor.
  std::string description;
};

// Private state of an enrollment, sealed by the host.
struct FactorState {
  // Format of data, owned by the factor.
  uint32_t version = 0;
  Secret data;

  FactorState Clone() const { return {version, data.Clone()}; }
};

// For whom an enrollment is made.
struct EnrollmentSubject {
  absl::string_view account_id;
  absl::string_view member_id;
  absl::string_view enrollment_id;
  // For BeginEnrollment: the account lets people in who prove this factor and
  // no other, so that it has to hold by itself.
  bool suffices_alone = false;
};

// A message that is to reach a person. The host delivers it once the
// transaction of the call that made it is on disk, or refuses the call if it
// may not send.
struct OutgoingMessage {
  // How it goes, as "sms" or "wake_up".
  std::string channel;
  // Where it goes: an E.164 number for "sms", a serialized v1.WakeUpAddress for
  // "wake_up".
  std::string address;
  // What it brings: a code for the person to type. A wake-up brings nothing,
  // nor does a notice, whose words are the host's.
  Secret code;
};

// A new enrollment.
struct BegunEnrollment {
  FactorState state;
  // Public: what a person may see of it.
  std::map<std::string, std::string> attributes;
  // What the person needs to activate it. Given to the caller once.
  v1::FactorActivation activation;
  // What the person has to answer to confirm it.
  std::vector<OutgoingMessage> messages;
};

// A new challenge, or one whose message is sent once more.
struct StartedChallenge {
  // Private state, sealed by the host. It replaces that of an earlier message,
  // whose code is dead from then on.
  Secret state;
  std::vector<OutgoingMessage> messages;
  // Shown where the person signs in; empty if there is nothing to show.
  Secret number;
};

// The challenge that is being answered.
struct ChallengeContext {
  absl::string_view challenge_id;
  absl::string_view purpose;
  const v1::ChallengeDetails& details;
  absl::Time expire_time;
  // What StartChallenge returned.
  const Secret& state;
};

// A response, and what is needed to judge it. Borrowed for the call.
struct Attempt {
  const FactorState& state;
  const v1::FactorResponse& response;
  // Null if the response was given up front.
  const ChallengeContext* challenge = nullptr;
  absl::Time now;
  // Whose enrollment it is tried on.
  EnrollmentSubject subject;
};

// A person's genuine refusal of a challenge.
struct Refusal {
  // The person did not ask for it: somebody else did.
  bool reported = false;
  // In the person's words; may be empty.
  std::string reason;
};

// What a factor says of a response. It counts only once the host committed it.
struct Verdict {
  bool accepted = false;
  // The response refuses the challenge, and it is the person's. Never with
  // accepted.
  std::optional<Refusal> refusal;
  // Which counter the response belongs to. Required if accepted and the replay
  // guard is kCounter. If several fit, the greatest.
  std::optional<int64_t> counter;
  // Replaces the state if accepted. Not set: the state stays.
  std::optional<FactorState> new_state;
  // Replaces what a person may see of the enrollment if accepted.
  std::optional<std::map<std::string, std::string>> new_attributes;
  // AcceptableCodes of new_state differ from those of the old state.
  bool acceptable_codes_changed = false;
  // What the audit log tells besides if accepted, in words of the factor's own;
  // may be empty. No secrets.
  std::string note;
};

// Codes that Verify accepts.
struct AcceptableCodes {
  std::vector<Secret> codes;
  // They are exact until then, if the state stays.
  absl::Time valid_until;
};

// A way to prove presence: a pure function of its arguments.
//
// It keeps nothing, counts nothing, sends nothing and waits for nothing. The
// host owns attempts, expiry, replay, locks, limits, audit and delivery, so no
// plugin can forget them. Thread-safe.
//
// Errors of all methods: INVALID_ARGUMENT, made by InvalidField, for what the
// caller can put right; FAILED_PRECONDITION, reason UNKNOWN_STATE_VERSION, for
// a state that a later version wrote: it is never guessed. A response that is
// merely wrong is no error but a verdict.
class Factor {
 public:
  virtual ~Factor() = default;

  virtual const FactorDescriptor& descriptor() const = 0;

  // Makes the state of a new enrollment. Field names in errors start with
  // "parameters.".
  virtual absl::StatusOr<BegunEnrollment> BeginEnrollment(
      const EnrollmentSubject& subject, const v1::FactorParameters& parameters,
      absl::Time now, Randomness& randomness) const = 0;

  // What the parameters of a new enrollment bring to show that the person knows
  // the secret it is to replace, as a response for Verify; none if they bring
  // none. The host asks before BeginEnrollment if the member has an enrollment
  // of this factor and the factor is single and known. None by default: such a
  // factor can be changed by deletion alone. Field names in errors start with
  // "parameters.".
  virtual absl::StatusOr<std::optional<v1::FactorResponse>> CurrentSecret(
      const v1::FactorParameters& parameters) const;

  // Whether the response could be one of this factor at all, as "6 to 8
  // digits". The host asks before ConfirmEnrollment and Verify. code_field:
  // path of the code in the request, for the error.
  virtual absl::Status CheckResponse(const v1::FactorResponse& response,
                                     absl::string_view code_field) const = 0;

  // Judges the first response, which makes the enrollment active. Field names
  // in errors start with "response.".
  virtual absl::StatusOr<Verdict> ConfirmEnrollment(
      const Attempt& attempt) const = 0;

  // Makes the private state of a challenge, and what is to be sent for it.
  // Empty by default. The host asks again when a message is to be sent once
  // more.
  virtual absl::StatusOr<StartedChallenge> StartChallenge(
      const FactorState& state, absl::Time now, Randomness& randomness) const;

  // The message that tells the device of an enrollment of a new challenge; none
  // by default. Called for each enrollment that may answer a challenge of a
  // factor that prompts.
  virtual absl::StatusOr<std::optional<OutgoingMessage>> WakeUp(
      const FactorState& state) const;

  // Where a text that tells the member of something can go: a message with
  // channel and address alone. None by default.
  virtual absl::StatusOr<std::optional<OutgoingMessage>> NoticeTo(
      const FactorState& state) const;

  // Makes the state of a pending enrollment whose message is to be sent once
  // more, and that message. UNIMPLEMENTED by default, for factors that send
  // nothing.
  virtual absl::StatusOr<BegunEnrollment> ResendEnrollment(
      const FactorState& state, absl::Time now, Randomness& randomness) const;

  // Judges a response. Takes the same time whether it is right or wrong.
  virtual absl::StatusOr<Verdict> Verify(const Attempt& attempt) const = 0;

  // Makes the state of an enrollment that nobody has. The host tries responses
  // on it where there is no enrollment, so that this takes the same work.
  virtual absl::StatusOr<FactorState> DecoyState(
      Randomness& randomness) const = 0;

  // The greatest counter that Verify accepts at a time. Called only if the
  // replay guard is kCounter, after a restore: what was used in a time that the
  // store does not know of has to be used up. UNIMPLEMENTED by default.
  virtual absl::StatusOr<int64_t> HighestAcceptableCounter(
      const FactorState& state, absl::Time now) const;

  // All codes that Verify accepts at a time. Called only if the descriptor says
  // identifies_member. UNIMPLEMENTED by default.
  virtual absl::StatusOr<AcceptableCodes> ListAcceptableCodes(
      const FactorState& state, absl::Time now) const;
};

// The error for a state that a later version wrote.
absl::Status UnknownStateVersion(absl::string_view type_id, uint32_t version);

}  // namespace cofactor::factors

#endif  // COFACTOR_FACTORS_FACTOR_H_
