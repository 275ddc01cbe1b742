#ifndef COFACTOR_SERVICES_ENGINE_CHALLENGE_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_CHALLENGE_ENGINE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/randomness.h"
#include "cofactor/v1/auth_service.pb.h"
#include "factors/factor.h"
#include "factors/factor_registry.h"
#include "services/engine/decoys.h"
#include "services/engine/message_planner.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Decides the calls of AuthService about challenges. See the proto for what
// they mean, and MutationRunner for how a plan is committed. Thread-safe.
class ChallengeEngine {
 public:
  // None is owned; all must outlive this.
  ChallengeEngine(const factors::FactorRegistry& registry, const Decoys& decoys,
                  const MessagePlanner& messages, Randomness& randomness)
      : registry_(registry),
        decoys_(decoys),
        messages_(messages),
        randomness_(randomness) {}

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

 private:
  // For whom a challenge is started.
  struct Challenged {
    std::string enrollment_id;
    std::string factor_type;
    factors::FactorState state;
    // There is nobody, and the caller is not to learn it.
    bool decoy = false;
  };

  absl::StatusOr<Challenged> WhomToAsk(
      Plan& plan, const v1::CreateChallengeRequest& request) const;
  // NOT_FOUND or FAILED_PRECONDITION if there is nobody.
  absl::StatusOr<Challenged> FindWhomToAsk(
      Plan& plan, const v1::CreateChallengeRequest& request) const;
  // Judges the response to an open challenge. An answer that does not belong to
  // it is as wrong as a wrong code. On success the enrollment is in response.
  absl::StatusOr<v1::VerificationReason> Judge(
      Plan& plan, const factors::Factor& factor,
      const record::v1::ChallengeRecord& challenge,
      const v1::VerifyChallengeRequest& request,
      v1::VerifyChallengeResponse& response) const;

  // Starts a challenge, or starts it anew, and plans its message.
  absl::Status StartOn(Plan& plan, const factors::FactorState& state,
                       record::v1::ChallengeRecord& challenge) const;

  const factors::FactorRegistry& registry_;
  const Decoys& decoys_;
  const MessagePlanner& messages_;
  Randomness& randomness_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_CHALLENGE_ENGINE_H_
