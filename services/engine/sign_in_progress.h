#ifndef COFACTOR_SERVICES_ENGINE_SIGN_IN_PROGRESS_H_
#define COFACTOR_SERVICES_ENGINE_SIGN_IN_PROGRESS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/session.pb.h"
#include "cofactor/v1/sign_in.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/plan.h"
#include "services/engine/policies.h"
#include "services/engine/sessions.h"
#include "services/engine/sign_in_ways.h"

namespace cofactor::services {

// A sign-in while a call works on it. Move-only.
struct SignInWork {
  record::v1::SignInRecord record;
  // As they are now.
  Policies policies;
  // The level that it has to reach by them.
  int level = kNoLevel;
  // As it is now. Read once the sign-in is begun (IsBegun).
  Stored<record::v1::MemberRecord> member;

  // What this call brought besides: the number to show for a challenge that it
  // started, and what a finished sign-in ended in.
  Secret number;
  std::optional<v1::Grant> grant;
};

// The level of a sign-in: that of its acr, and at least that of the policy.
// kNoLevel: the policy does not name the acr.
int LevelOfSignIn(const v1::Policy& policy, absl::string_view acr);

// Takes sign-ins on: asks what comes next, and ends them in sessions.
// Thread-safe.
class SignInProgress {
 public:
  // None is owned; all must outlive this.
  SignInProgress(const factors::FactorRegistry& registry,
                 const ChallengeEngine& challenges, const Sessions& sessions,
                 Randomness& randomness)
      : registry_(registry),
        challenges_(challenges),
        sessions_(sessions),
        randomness_(randomness) {}

  // Goes on after what was proven, in a sign-in that is begun: ends it if that
  // is enough, else starts the challenge of the preferred factor, and if that
  // may not be, as it sent too many messages, that of the next one.
  // factor_type: the preferred one; may be empty, or none that helps.
  //   FAILED_PRECONDITION, reason NO_FACTOR_LEFT: nothing leads to the level.
  //   Others as Finish.
  absl::Status Advance(Plan& plan, absl::string_view factor_type,
                       SignInWork& work) const;

  // Asks what the caller names, in the place of what was asked before. One of
  // them may be empty.
  //   FAILED_PRECONDITION, reason NOT_AN_OPTION; others as CreateChallenge.
  absl::Status Ask(Plan& plan, absl::string_view enrollment_id,
                   absl::string_view factor_type, SignInWork& work) const;

  // The same before the first right step: nobody learns whether there is
  // somebody to ask.
  //   INVALID_ARGUMENT: factor_type is empty.
  absl::Status AskUnknown(Plan& plan, absl::string_view enrollment_id,
                          absl::string_view factor_type,
                          SignInWork& work) const;

  // What the caller sees of it.
  absl::StatusOr<v1::SignIn> ViewOf(Plan& plan, const SignInWork& work) const;

  SignInScene SceneOf(const Plan& plan, const SignInWork& work) const;

 private:
  // Ends a sign-in in a session.
  //   FAILED_PRECONDITION, reason NOTHING_TO_STEP_UP: nothing was proven since
  //   the session. A receipt alone, which others see, brings no new tokens.
  absl::Status Finish(Plan& plan, SignInWork& work) const;
  absl::Status Start(Plan& plan, absl::string_view enrollment_id,
                     absl::string_view factor_type,
                     ChallengeEngine::Disclosure disclosure,
                     SignInWork& work) const;
  // Starts the challenge of an enrollment, or of all of its factor if devices
  // are asked.
  absl::Status StartOf(Plan& plan, const Candidate& candidate,
                       SignInWork& work) const;

  const factors::FactorRegistry& registry_;
  const ChallengeEngine& challenges_;
  const Sessions& sessions_;
  Randomness& randomness_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SIGN_IN_PROGRESS_H_
