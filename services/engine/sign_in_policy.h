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

namespace cofactor::services {

// What a policy makes of the steps of a sign-in: pure functions. Levels are
// known by their place in Policy.levels; a greater one is stronger.

// Place of no level: nothing that the policy names was reached.
inline constexpr int kNoLevel = -1;

using Steps = google::protobuf::RepeatedPtrField<record::v1::StepRecord>;

// The policy of an account that was never given one.
const v1::Policy& DefaultPolicy();

// INVALID_ARGUMENT naming the field, as "policy.levels[1].acr". registry: the
// factors that there are.
absl::Status CheckPolicy(const v1::Policy& policy,
                         const factors::FactorRegistry& registry);

// The level of that acr, or kNoLevel.
int LevelOf(const v1::Policy& policy, absl::string_view acr);
// Of a level that is none: "".
std::string AcrOf(const v1::Policy& policy, int level);

// The level of sign_in_acr, and of binding_acr.
int SignInLevel(const v1::Policy& policy);
int BindingLevel(const v1::Policy& policy);

// Whether an answer of the factor counts for anything.
bool IsAllowed(const v1::Policy& policy, absl::string_view factor_type);

// The highest level that these steps reach together. A step of a remembered
// device counts for nothing. not_before: older steps do not count either.
int ReachedLevel(const v1::Policy& policy, const Steps& steps,
                 absl::Time not_before = absl::InfinitePast());

// Whether the steps are enough for a level by help of a remembered device: one
// of them is that of the device, the level is not above sign_in_acr, and the
// others make a beginning of one of its combinations.
bool IsRememberedEnough(const v1::Policy& policy, const Steps& steps,
                        int level);

// A factor that could be proven.
struct Candidate {
  std::string enrollment_id;
  const factors::Factor* factor = nullptr;
};

// Places in candidates of those that can go on towards a level: there is a
// combination of the level or of a stronger one that the steps, this one and
// others of the candidates meet, and the steps alone do not. In the order of
// the candidates.
std::vector<size_t> UsefulNext(const v1::Policy& policy, const Steps& steps,
                               const std::vector<Candidate>& candidates,
                               int level);

// The highest level that these candidates can reach together.
int ReachableLevel(const v1::Policy& policy,
                   const std::vector<Candidate>& candidates);

// The active enrollments of a member that the policy allows, as candidates: in
// the order in which they are preferred (phishing resistant ones first, then
// those that ask by themselves, then codes, recovery codes last).
std::vector<Candidate> CandidatesOf(const v1::Policy& policy,
                                    const factors::FactorRegistry& registry,
                                    record::v1::MemberRecord& member,
                                    absl::Time now);

// "amr" of the steps (RFC 8176): theirs without repetition, and "mfa" if two
// rest on different kinds of factor.
std::vector<std::string> AmrOf(const Steps& steps);

// The newest time of a step; InfinitePast if there is none.
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
