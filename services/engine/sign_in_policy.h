#ifndef COFACTOR_SERVICES_ENGINE_SIGN_IN_POLICY_H_
#define COFACTOR_SERVICES_ENGINE_SIGN_IN_POLICY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/policy.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/proofs.h"

namespace cofactor::services {

// What a policy makes of the steps of a sign-in: pure functions. Levels are
// known by their place in Policy.levels; a greater one is stronger.

// Place of no level: nothing that the policy names was reached.
inline constexpr int kNoLevel = -1;

using Steps = google::protobuf::RepeatedPtrField<record::v1::StepRecord>;

// The policy of an account that was never given one.
const v1::Policy& DefaultPolicy();

// The level of that acr, or kNoLevel.
int LevelOf(const v1::Policy& policy, absl::string_view acr);
// Of a level that is none: "".
std::string AcrOf(const v1::Policy& policy, int level);

// The level of sign_in_acr, and of binding_acr.
int SignInLevel(const v1::Policy& policy);
int BindingLevel(const v1::Policy& policy);

// The highest level that these steps reach together. A step of a remembered
// device counts for nothing. not_before: older steps do not count either.
int ReachedLevel(const v1::Policy& policy, const Steps& steps,
                 absl::Time not_before = absl::InfinitePast());

// Whether the steps are enough for a level by help of a remembered device: the
// policy remembers devices, one of the steps is that of the device, the level
// is not above sign_in_acr, and the others make a beginning of one of its
// combinations with something else than a possession. A device is something the
// person has, too: whoever stole it together with a phone has nothing but
// things.
bool IsRememberedEnough(const v1::Policy& policy, const Steps& steps,
                        int level);

// A factor that could be proven.
struct Candidate {
  std::string enrollment_id;
  const factors::Factor* factor = nullptr;
};

// Places in candidates of those that can go on towards a level: there is a
// combination of the level or of a stronger one that the steps and the
// candidates together meet, and this one brings the steps nearer to it. None if
// the steps reach the level. In the order of the candidates.
std::vector<size_t> UsefulNext(const v1::Policy& policy, const Steps& steps,
                               const std::vector<Candidate>& candidates,
                               int level);

// The highest level that these candidates can reach together.
int ReachableLevel(const v1::Policy& policy,
                   const std::vector<Candidate>& candidates);

// The enrollments of a member that can be proven now and that the policy
// allows: active ones that no lock holds. In the order in which they are
// preferred: phishing resistant ones, those that ask by themselves, codes,
// messages, what is known, and codes that are used up (recovery codes) last.
std::vector<Candidate> CandidatesOf(const v1::Policy& policy,
                                    const factors::FactorRegistry& registry,
                                    const record::v1::MemberRecord& member,
                                    absl::Time now);

// All enrollments of a member that were ever confirmed and that the policy
// allows, locked and disabled ones as well. What is asked of a member follows
// from these and never from CandidatesOf: wrong answers lock a factor, so that
// anybody could make the demand smaller.
std::vector<Candidate> ConfirmedOf(const v1::Policy& policy,
                                   const factors::FactorRegistry& registry,
                                   const record::v1::MemberRecord& member);

// "amr" of the steps (RFC 8176): theirs without repetition, and "mfa" if two
// rest on different kinds of factor, never else. A step of a remembered device
// counts for nothing.
std::vector<std::string> AmrOf(const Steps& steps);

// The newest time of a step that is none of a remembered device; InfinitePast
// if there is none.
absl::Time AuthTimeOf(const Steps& steps);

// What a right answer of an enrollment is worth as a step.
record::v1::StepRecord StepOf(absl::string_view enrollment_id,
                              const factors::FactorDescriptor& descriptor,
                              absl::Time now);

// FAILED_PRECONDITION, reason STEP_UP_REQUIRED, with the metadata of
// SessionService.IntrospectSession. max_age: InfiniteDuration if it does not
// count.
absl::Status StepUpRequired(absl::string_view acr, absl::Duration max_age);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SIGN_IN_POLICY_H_
