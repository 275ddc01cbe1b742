#include "services/engine/sign_in_policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "services/engine/lock_rule.h"
#include "services/engine/prompts.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::StepRecord;

void AddCombination(v1::PolicyLevel& level,
                    std::initializer_list<v1::FactorKind> kinds) {
  v1::FactorCombination& combination = *level.add_any_of();
  for (const v1::FactorKind kind : kinds) {
    combination.add_all_of()->set_kind(kind);
  }
}

v1::Policy MakeDefaultPolicy() {
  constexpr v1::FactorKind kKnows = v1::FACTOR_KIND_KNOWLEDGE;
  constexpr v1::FactorKind kHas = v1::FACTOR_KIND_POSSESSION;
  constexpr v1::FactorKind kIs = v1::FACTOR_KIND_INHERENCE;
  v1::Policy policy;
  v1::PolicyLevel& single = *policy.add_levels();
  single.set_acr("single_factor");
  AddCombination(single, {kKnows});
  AddCombination(single, {kHas});
  AddCombination(single, {kIs});
  v1::PolicyLevel& multi = *policy.add_levels();
  multi.set_acr("multi_factor");
  AddCombination(multi, {kKnows, kHas});
  AddCombination(multi, {kKnows, kIs});
  AddCombination(multi, {kHas, kIs});
  policy.set_sign_in_acr("multi_factor");
  policy.mutable_enrollment_grace()->set_seconds(
      absl::ToInt64Seconds(absl::Hours(24 * 7)));
  policy.mutable_recovery()->set_approvals(1);
  return policy;
}

Proofs ProofsOf(const v1::Policy& policy, const Steps& steps) {
  Proofs proofs;
  for (const StepRecord& step : steps) AddProof(policy, step, proofs);
  return proofs;
}

Proofs ProofsOf(const v1::Policy& policy,
                const std::vector<Candidate>& candidates) {
  Proofs proofs;
  for (const Candidate& candidate : candidates) {
    AddProof(policy, candidate.enrollment_id, candidate.factor->descriptor(),
             proofs);
  }
  return proofs;
}

bool IsReached(const v1::PolicyLevel& level, const Proofs& proofs) {
  return std::any_of(level.any_of().begin(), level.any_of().end(),
                     [&proofs](const v1::FactorCombination& combination) {
                       return IsMet(combination, proofs);
                     });
}

int HighestReached(const v1::Policy& policy, const Proofs& proofs) {
  for (int i = policy.levels_size() - 1; i >= 0; --i) {
    if (IsReached(policy.levels(i), proofs)) return i;
  }
  return kNoLevel;
}

// Whether a factor is preferred to another; the less, the more so.
int Preference(const v1::Policy& policy,
               const factors::FactorDescriptor& descriptor) {
  // Its answers are used up: they are kept for the day that all else is lost.
  if (descriptor.replay_guard == factors::ReplayGuard::kStateChange &&
      !descriptor.needs_challenge) {
    return 5;
  }
  if (IsPhishingResistant(policy, descriptor.type_id,
                          descriptor.phishing_resistant)) {
    return 0;
  }
  if (descriptor.prompts) return 1;
  if (descriptor.kind == v1::FACTOR_KIND_KNOWLEDGE) return 4;
  if (descriptor.sends_messages) return 3;
  return 2;
}

template <typename IsWanted>
std::vector<Candidate> Select(const v1::Policy& policy,
                              const factors::FactorRegistry& registry,
                              const MemberRecord& member,
                              const IsWanted& is_wanted) {
  std::vector<Candidate> candidates;
  for (const EnrollmentRecord& enrollment : member.enrollments()) {
    const factors::Factor* factor = registry.Find(enrollment.factor_type());
    if (factor == nullptr || !enrollment.confirmed() ||
        !IsAllowed(policy, enrollment.factor_type()) ||
        !is_wanted(enrollment, factor->descriptor())) {
      continue;
    }
    candidates.push_back({enrollment.enrollment_id(), factor});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&policy](const Candidate& a, const Candidate& b) {
                     return Preference(policy, a.factor->descriptor()) <
                            Preference(policy, b.factor->descriptor());
                   });
  return candidates;
}

}  // namespace

const v1::Policy& DefaultPolicy() {
  static const auto* const policy = new v1::Policy(MakeDefaultPolicy());
  return *policy;
}

int LevelOf(const v1::Policy& policy, absl::string_view acr) {
  for (int i = 0; i < policy.levels_size(); ++i) {
    if (policy.levels(i).acr() == acr) return i;
  }
  return kNoLevel;
}

std::string AcrOf(const v1::Policy& policy, int level) {
  return level >= 0 && level < policy.levels_size() ? policy.levels(level).acr()
                                                    : "";
}

int SignInLevel(const v1::Policy& policy) {
  return LevelOf(policy, policy.sign_in_acr());
}

int BindingLevel(const v1::Policy& policy) {
  return policy.binding_acr().empty() ? SignInLevel(policy)
                                      : LevelOf(policy, policy.binding_acr());
}

int ReachedLevel(const v1::Policy& policy, const Steps& steps,
                 absl::Time not_before) {
  Proofs proofs;
  for (const StepRecord& step : steps) {
    if (absl::FromUnixMicros(step.time_micros()) < not_before) continue;
    AddProof(policy, step, proofs);
  }
  return HighestReached(policy, proofs);
}

bool IsRememberedEnough(const v1::Policy& policy, const Steps& steps,
                        int level) {
  if (!policy.has_remembered_devices() || level < 0 ||
      std::none_of(steps.begin(), steps.end(), [](const StepRecord& step) {
        return !step.remembered_device_id().empty();
      })) {
    return false;
  }
  Proofs beginnings = ProofsOf(policy, steps);
  beginnings.erase(std::remove_if(beginnings.begin(), beginnings.end(),
                                  [](const Proof& proof) {
                                    return proof.kind ==
                                           v1::FACTOR_KIND_POSSESSION;
                                  }),
                   beginnings.end());
  for (int i = level; i <= SignInLevel(policy); ++i) {
    for (const v1::FactorCombination& combination : policy.levels(i).any_of()) {
      if (CountMet(combination, beginnings) > 0) return true;
    }
  }
  return false;
}

std::vector<size_t> UsefulNext(const v1::Policy& policy, const Steps& steps,
                               const std::vector<Candidate>& candidates,
                               int level) {
  std::vector<size_t> useful;
  const Proofs given = ProofsOf(policy, steps);
  if (level < 0 || HighestReached(policy, given) >= level) return useful;
  Proofs all = given;
  for (const Candidate& candidate : candidates) {
    AddProof(policy, candidate.enrollment_id, candidate.factor->descriptor(),
             all);
  }
  // What brings the steps nearer to a combination that all can meet is part of
  // a way to it: sets of proofs that can meet demands at once form a matroid.
  std::vector<const v1::FactorCombination*> possible;
  for (int i = level; i < policy.levels_size(); ++i) {
    for (const v1::FactorCombination& combination : policy.levels(i).any_of()) {
      if (IsMet(combination, all)) possible.push_back(&combination);
    }
  }
  for (size_t i = 0; i < candidates.size(); ++i) {
    Proofs next = given;
    if (!AddProof(policy, candidates[i].enrollment_id,
                  candidates[i].factor->descriptor(), next)) {
      continue;
    }
    if (std::any_of(possible.begin(), possible.end(),
                    [&](const v1::FactorCombination* combination) {
                      return CountMet(*combination, next) >
                             CountMet(*combination, given);
                    })) {
      useful.push_back(i);
    }
  }
  return useful;
}

int ReachableLevel(const v1::Policy& policy,
                   const std::vector<Candidate>& candidates) {
  return HighestReached(policy, ProofsOf(policy, candidates));
}

std::vector<Candidate> CandidatesOf(const v1::Policy& policy,
                                    const factors::FactorRegistry& registry,
                                    const MemberRecord& member,
                                    absl::Time now) {
  return Select(policy, registry, member,
                [&](const EnrollmentRecord& enrollment,
                    const factors::FactorDescriptor& descriptor) {
                  return IsActive(enrollment) &&
                         RemainingLock(enrollment, now) ==
                             absl::ZeroDuration() &&
                         !(descriptor.prompts &&
                           PromptsStopped(member, descriptor.type_id));
                });
}

std::vector<Candidate> ConfirmedOf(const v1::Policy& policy,
                                   const factors::FactorRegistry& registry,
                                   const MemberRecord& member) {
  return Select(policy, registry, member,
                [](const EnrollmentRecord&, const factors::FactorDescriptor&) {
                  return true;
                });
}

std::vector<std::string> AmrOf(const Steps& steps) {
  constexpr absl::string_view kSeveralKinds = "mfa";
  std::vector<std::string> amr;
  uint32_t kind = v1::FACTOR_KIND_UNSPECIFIED;
  bool kinds_differ = false;
  for (const StepRecord& step : steps) {
    if (!step.remembered_device_id().empty()) continue;
    for (const std::string& method : step.amr()) {
      // One factor cannot say it of itself.
      if (method == kSeveralKinds) continue;
      if (std::find(amr.begin(), amr.end(), method) == amr.end()) {
        amr.push_back(method);
      }
    }
    if (step.kind() == v1::FACTOR_KIND_UNSPECIFIED) continue;
    if (kind != v1::FACTOR_KIND_UNSPECIFIED && kind != step.kind()) {
      kinds_differ = true;
    }
    kind = step.kind();
  }
  if (kinds_differ) amr.emplace_back(kSeveralKinds);
  return amr;
}

absl::Time AuthTimeOf(const Steps& steps) {
  absl::Time newest = absl::InfinitePast();
  for (const StepRecord& step : steps) {
    if (!step.remembered_device_id().empty()) continue;
    newest = std::max(newest, absl::FromUnixMicros(step.time_micros()));
  }
  return newest;
}

StepRecord StepOf(absl::string_view enrollment_id,
                  const factors::FactorDescriptor& descriptor, absl::Time now) {
  StepRecord step;
  step.set_enrollment_id(std::string(enrollment_id));
  step.set_factor_type(descriptor.type_id);
  step.set_kind(descriptor.kind);
  for (const std::string& method : descriptor.amr) step.add_amr(method);
  step.set_phishing_resistant(descriptor.phishing_resistant);
  step.set_time_micros(absl::ToUnixMicros(now));
  return step;
}

absl::Status StepUpRequired(absl::string_view acr, absl::Duration max_age) {
  ErrorMetadata metadata;
  if (!acr.empty()) metadata.emplace_back("acr_values", acr);
  if (max_age != absl::InfiniteDuration()) {
    // Whole seconds, rounded down: what is newer than that is new enough.
    metadata.emplace_back("max_age",
                          absl::StrCat(absl::ToInt64Seconds(max_age)));
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "STEP_UP_REQUIRED",
                   "this takes a stronger or a newer proof than the session "
                   "has: call StartSignIn with its receipt and with the acr "
                   "and max_age of the metadata",
                   metadata);
}

}  // namespace cofactor::services
