#ifndef COFACTOR_SERVICES_ENGINE_SIGN_IN_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_SIGN_IN_ENGINE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/randomness.h"
#include "cofactor/v1/sign_in_service.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/plan.h"
#include "services/engine/sessions.h"
#include "services/engine/sign_in_answers.h"
#include "services/engine/sign_in_progress.h"
#include "services/engine/verification_engine.h"

namespace cofactor::services {

// Decides the calls of SignInService. See the proto for what they mean, and
// MutationRunner for how a plan is committed: what an answer does to a factor,
// to the sign-in and to the session that it ends in is one transaction, so that
// of any number of answers at once one is the last that it takes.
//
// Before the first right step a sign-in to a member that there is not looks as
// that to any other. After it, member, locks and policy are looked at anew at
// each call, and steps of factors that were revoked since count for nothing.
// Thread-safe.
class SignInEngine {
 public:
  // None is owned; all must outlive this.
  SignInEngine(const factors::FactorRegistry& registry,
               const VerificationEngine& verifications,
               const ChallengeEngine& challenges,
               const EnrollmentEngine& enrollments, const Sessions& sessions,
               Randomness& randomness)
      : registry_(registry),
        sessions_(sessions),
        randomness_(randomness),
        answers_(registry, verifications, challenges, enrollments),
        progress_(registry, challenges, sessions, randomness) {}

  absl::Status StartSignIn(Plan& plan, const v1::StartSignInRequest& request,
                           v1::StartSignInResponse& response) const;
  absl::Status ContinueSignIn(Plan& plan,
                              const v1::ContinueSignInRequest& request,
                              v1::ContinueSignInResponse& response) const;
  absl::Status GetSignIn(Plan& plan, const v1::GetSignInRequest& request,
                         v1::GetSignInResponse& response) const;
  absl::Status CancelSignIn(Plan& plan, const v1::CancelSignInRequest& request,
                            v1::CancelSignInResponse& response) const;

 private:
  absl::StatusOr<SignInWork> NewWork(
      Plan& plan, const v1::StartSignInRequest& request) const;
  // With a receipt: takes over what its session has proven.
  absl::Status TakeSession(Plan& plan, const v1::StartSignInRequest& request,
                           SignInWork& work) const;
  // After the password: whether the device is known, if that helps.
  absl::Status TakeDevice(Plan& plan, const std::string& token,
                          SignInWork& work) const;

  // A sign-in that goes on, with all that it rests on as it is now.
  //   FAILED_PRECONDITION, reason SIGN_IN_OVER: the member was suspended,
  //   signed out or replaced since, or the policy has no such level any more.
  absl::StatusOr<SignInWork> Resume(Plan& plan,
                                    record::v1::SignInRecord record) const;
  absl::StatusOr<SignInAnswer> TakeAnswer(
      Plan& plan, const v1::ContinueSignInRequest& request,
      SignInWork& work) const;
  // Counts an answer for the sign-in.
  absl::Status Count(Plan& plan, const SignInAnswer& answer,
                     SignInWork& work) const;
  // Adds a right answer to the steps, and reads the member as it is after it.
  absl::Status AddStep(Plan& plan, const record::v1::StepRecord& step,
                       SignInWork& work) const;
  // Goes on after a step that was added, and notes what the policy that is
  // tried makes of it. factor_type: as for SignInProgress::Advance.
  absl::Status GoOn(Plan& plan, absl::string_view factor_type,
                    SignInWork& work) const;

  const factors::FactorRegistry& registry_;
  const Sessions& sessions_;
  Randomness& randomness_;
  const SignInAnswers answers_;
  const SignInProgress progress_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SIGN_IN_ENGINE_H_
