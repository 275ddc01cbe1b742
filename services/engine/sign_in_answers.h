#ifndef COFACTOR_SERVICES_ENGINE_SIGN_IN_ANSWERS_H_
#define COFACTOR_SERVICES_ENGINE_SIGN_IN_ANSWERS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/policy.pb.h"
#include "cofactor/v1/sign_in_service.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/plan.h"
#include "services/engine/sign_in_policy.h"
#include "services/engine/verification_engine.h"

namespace cofactor::services {

// What an answer in the course of a sign-in came to.
struct SignInAnswer {
  enum class Kind {
    // Nobody has answered yet.
    kNone,
    kRight,
    kWrong,
    // The person refused.
    kRefused,
    // It was right, and what gave it is no longer good for anything.
    kVoid,
  };
  Kind kind = Kind::kNone;
  // Why it is not right.
  v1::VerificationReason reason = v1::VERIFICATION_REASON_UNSPECIFIED;
  // What a right one is worth.
  record::v1::StepRecord step;
};

// FAILED_PRECONDITION, reason FACTOR_NOT_ALLOWED, unless the policy has the
// factor. It says nothing of a member.
absl::Status CheckAllowed(const v1::Policy& policy,
                          absl::string_view factor_type);

// FAILED_PRECONDITION, reason NOT_AN_OPTION.
absl::Status NotAnOption();

// Takes the answers of a sign-in to where each belongs: to the engines that
// judge and count answers of all calls, in the plan of this one. Errors are
// theirs, as RESOURCE_EXHAUSTED for a lock. Thread-safe.
class SignInAnswers {
 public:
  // None is owned; all must outlive this.
  SignInAnswers(const factors::FactorRegistry& registry,
                const VerificationEngine& verifications,
                const ChallengeEngine& challenges,
                const EnrollmentEngine& enrollments)
      : registry_(registry),
        verifications_(verifications),
        challenges_(challenges),
        enrollments_(enrollments) {}

  // The password of StartSignIn.
  absl::StatusOr<SignInAnswer> TakePassword(Plan& plan,
                                            const v1::Policy& policy,
                                            absl::string_view account_id,
                                            absl::string_view member_id,
                                            const std::string& password) const;

  // The response of ContinueSignIn: to the open challenge if it is one to that,
  // else one that is given up front.
  //
  // answerable: what may answer; null before the first right step: anything
  // that the policy allows.
  //   FAILED_PRECONDITION, reason NOT_AN_OPTION: it is none of these;
  //   NEEDS_CHALLENGE: its factor was not asked yet.
  absl::StatusOr<SignInAnswer> Take(
      Plan& plan, const v1::Policy& policy,
      const v1::ContinueSignInRequest& request,
      const std::vector<Candidate>* answerable,
      const record::v1::SignInRecord& sign_in) const;

  // What was answered on a device. answerable: as for Take. A right answer lets
  // go of its challenge, so that it counts once.
  absl::StatusOr<SignInAnswer> Look(Plan& plan, const v1::Policy& policy,
                                    const std::vector<Candidate>* answerable,
                                    record::v1::SignInRecord& sign_in) const;

  // The first response of an enrollment that was begun for the sign-in.
  absl::StatusOr<SignInAnswer> TakeFirst(
      Plan& plan, const v1::ContinueSignInRequest& request,
      const std::string& enrollment_id,
      const record::v1::SignInRecord& sign_in) const;

 private:
  // An answer on its way.
  struct Addressed;

  absl::StatusOr<Addressed> Address(
      Plan& plan, const v1::Policy& policy,
      const v1::ContinueSignInRequest& request,
      const std::vector<Candidate>* answerable,
      const record::v1::SignInRecord& sign_in) const;
  absl::StatusOr<SignInAnswer> TakeToChallenge(
      Plan& plan, const v1::ContinueSignInRequest& request,
      const Addressed& addressed) const;
  absl::StatusOr<SignInAnswer> TakeUpFront(
      Plan& plan, absl::string_view account_id, absl::string_view member_id,
      absl::string_view enrollment_id, const factors::Factor& factor,
      const v1::FactorResponse& response) const;

  const factors::FactorRegistry& registry_;
  const VerificationEngine& verifications_;
  const ChallengeEngine& challenges_;
  const EnrollmentEngine& enrollments_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SIGN_IN_ANSWERS_H_
