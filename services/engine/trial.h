#ifndef COFACTOR_SERVICES_ENGINE_TRIAL_H_
#define COFACTOR_SERVICES_ENGINE_TRIAL_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/auth_service.pb.h"
#include "factors/factor.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// The heart of the service: tries one response on the enrollments of one member
// and writes into the member's record what follows from it: used counters, new
// factor state, failures, locks. All that a plugin could forget is done here.

// A response on its way.
struct Trial {
  // The factor that judges. Only enrollments of its type take part.
  const factors::Factor& factor;
  const v1::FactorResponse& response;
  // Null if the response was given up front.
  const factors::ChallengeContext* challenge = nullptr;
  absl::Time now;
  // The member may not verify, or was never asked to: whatever the response is,
  // it is judged and counted, and not accepted.
  bool refuse = false;
};

// What came of it.
struct TrialResult {
  bool verified = false;
  v1::VerificationReason reason = v1::VERIFICATION_REASON_UNSPECIFIED;
  // The person refused the challenge by it, which is no failure.
  std::optional<factors::Refusal> refusal;
  // No enrollment could accept it, lock or no lock. Nothing was judged.
  bool nothing_to_try = false;
  // The enrollment that accepted or refused, inside the member's record; else
  // null.
  record::v1::EnrollmentRecord* enrollment = nullptr;
  // The failure locked an enrollment.
  bool lock_began = false;
  // What a person may see of the enrollment that accepted is no longer the
  // same.
  bool attributes_changed = false;
  // What its factor adds for the audit log.
  std::string note;
  // The codes that the member's enrollments accept are no longer the same.
  bool acceptable_codes_changed = false;
};

// Tries a response on the active enrollments of a member.
//
// enrollment_id: the one that has to accept; empty: any of them. A failure
// counts on every active enrollment that is not locked, also when one is named,
// so that more enrollments never mean more guesses, and also when one is named
// that the member does not have. The same code in several
// enrollments, as a seed that was imported twice, is used up in all of them.
//
// RESOURCE_EXHAUSTED with RetryInfo: all that could accept it are locked, or
// the member's budget is used up; the response was not judged, and nothing was
// changed. Other errors: those of the
// factor; nothing may be committed then.
absl::StatusOr<TrialResult> TryActive(const Trial& trial,
                                      absl::string_view enrollment_id,
                                      record::v1::MemberRecord& member);

// Tries the first response of a pending enrollment of the member. A failure
// counts on it alone. enrollment: of this member, not confirmed.
absl::StatusOr<TrialResult> TryPending(const Trial& trial,
                                       record::v1::EnrollmentRecord& enrollment,
                                       record::v1::MemberRecord& member);

// Notes a decision for the audit log, and returns the reason that the caller
// may see: one that may not know members learns nothing but that a response was
// not right.
v1::VerificationReason Decide(Plan& plan, bool verified,
                              v1::VerificationReason reason);

// Adds to a plan what a trial changed.
void WriteTrial(Plan& plan, record::v1::MemberRecord& member,
                const TrialResult& result);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_TRIAL_H_
