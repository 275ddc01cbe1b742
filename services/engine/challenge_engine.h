#ifndef COFACTOR_SERVICES_ENGINE_CHALLENGE_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_CHALLENGE_ENGINE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/v1/auth_service.pb.h"
#include "cofactor/v1/device_service.pb.h"
#include "factors/factor.h"
#include "factors/factor_registry.h"
#include "services/engine/decoys.h"
#include "services/engine/message_planner.h"
#include "services/engine/notices.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Decides the calls of AuthService about challenges. See the proto for what
// they mean, and MutationRunner for how a plan is committed. Thread-safe.
class ChallengeEngine {
 public:
  // None is owned; all must outlive this. notices: null if members are told of
  // nothing.
  ChallengeEngine(const factors::FactorRegistry& registry, const Decoys& decoys,
                  const MessagePlanner& messages, Randomness& randomness,
                  const Notices* notices = nullptr)
      : registry_(registry),
        decoys_(decoys),
        messages_(messages),
        randomness_(randomness),
        notices_(notices) {}

  absl::Status CreateChallenge(Plan& plan,
                               const v1::CreateChallengeRequest& request,
                               v1::CreateChallengeResponse& response) const;
  absl::Status ResendChallenge(Plan& plan,
                               const v1::ResendChallengeRequest& request,
                               v1::ResendChallengeResponse& response) const;
  absl::Status GetChallenge(Plan& plan, const v1::GetChallengeRequest& request,
                            v1::GetChallengeResponse& response) const;
  absl::Status ListChallenges(Plan& plan,
                              const v1::ListChallengesRequest& request,
                              v1::ListChallengesResponse& response) const;
  absl::Status CancelChallenge(Plan& plan,
                               const v1::CancelChallengeRequest& request,
                               v1::CancelChallengeResponse& response) const;
  absl::Status VerifyChallenge(Plan& plan,
                               const v1::VerifyChallengeRequest& request,
                               v1::VerifyChallengeResponse& response) const;
  // Whether it is told that there is nobody to ask. If not, a challenge is
  // started that nobody can answer and that looks like any other.
  enum class Disclosure {
    // To callers who may know members.
    kByScope,
    // To nobody.
    kNever,
    // To everybody: the caller has shown to speak for the member.
    kAlways,
  };
  // As CreateChallenge, for other engines.
  absl::Status StartChallenge(Plan& plan,
                              const v1::CreateChallengeRequest& request,
                              Disclosure disclosure,
                              v1::CreateChallengeResponse& response) const;

  // Of DeviceService: the answer of a device to a challenge of "push".
  absl::Status AnswerChallenge(Plan& plan,
                               const v1::AnswerChallengeRequest& request,
                               v1::AnswerChallengeResponse& response) const;

 private:
  // For whom a challenge is started.
  struct Challenged {
    std::string enrollment_id;
    std::string factor_type;
    factors::FactorState state;
    // There is nobody, and the caller is not to learn it.
    bool decoy = false;
    // Unless there is nobody.
    Stored<record::v1::MemberRecord> member;
  };

  // An answer, and what it says that it is for. Borrowed.
  struct Answer {
    absl::string_view account_id;
    absl::string_view member_id;
    // Empty: any.
    absl::string_view enrollment_id;
    absl::string_view purpose;
    const v1::FactorResponse& response;
    // Path of the code in the request.
    absl::string_view code_field;
  };

  struct Outcome {
    bool verified = false;
    // The person refused.
    bool refused = false;
    // Why it is not verified.
    v1::VerificationReason reason = v1::VERIFICATION_REASON_UNSPECIFIED;
    // What answered, if it is verified or refused.
    v1::Enrollment enrollment;
  };

  // told: whether it is told that there is nobody.
  absl::StatusOr<Challenged> WhomToAsk(
      Plan& plan, const v1::CreateChallengeRequest& request, bool told) const;
  // NOT_FOUND or FAILED_PRECONDITION if there is nobody.
  absl::StatusOr<Challenged> FindWhomToAsk(
      Plan& plan, const v1::CreateChallengeRequest& request, bool told) const;

  // Starts a challenge, or starts it anew, and plans its message. Returns the
  // number to show, if there is any.
  absl::StatusOr<Secret> StartOn(Plan& plan, const factors::FactorState& state,
                                 record::v1::ChallengeRecord& challenge) const;
  // Makes a new challenge the one of the member, in the place of the one
  // before. RESOURCE_EXHAUSTED as TakePrompt.
  absl::Status Prompt(Plan& plan, const factors::Factor& factor,
                      const record::v1::ChallengeRecord& challenge,
                      Challenged& challenged) const;
  // Wakes up the devices that may answer.
  absl::Status WakeUp(Plan& plan, const factors::Factor& factor,
                      const record::v1::ChallengeRecord& challenge,
                      const record::v1::MemberRecord& member) const;

  // Takes an answer to a challenge: judges it, and writes what follows.
  absl::StatusOr<Outcome> Take(Plan& plan, const Answer& answer,
                               record::v1::ChallengeRecord& challenge) const;
  // Judges an answer that belongs to an open challenge.
  absl::StatusOr<Outcome> Judge(Plan& plan, const factors::Factor& factor,
                                const record::v1::ChallengeRecord& challenge,
                                const Answer& answer) const;

  const factors::FactorRegistry& registry_;
  const Decoys& decoys_;
  const MessagePlanner& messages_;
  Randomness& randomness_;
  const Notices* const notices_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_CHALLENGE_ENGINE_H_
