#ifndef COFACTOR_SERVICES_ENGINE_PROOFS_H_
#define COFACTOR_SERVICES_ENGINE_PROOFS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/policy.pb.h"
#include "factors/factor.h"

namespace cofactor::services {

// How the demands of a policy are met: pure functions.

// A right answer that was given, or that could be.
struct Proof {
  // What answers: it meets one demand, however often it is given.
  std::string enrollment_id;
  std::string factor_type;
  v1::FactorKind kind = v1::FACTOR_KIND_UNSPECIFIED;
  // As the policy sees it.
  bool phishing_resistant = false;
};

using Proofs = std::vector<Proof>;

// Whether an answer of the factor counts for anything.
bool IsAllowed(const v1::Policy& policy, absl::string_view factor_type);

// Whether the factor counts as phishing resistant. says_so: the factor says it
// of itself, which counts unless the policy names those that do.
bool IsPhishingResistant(const v1::Policy& policy,
                         absl::string_view factor_type, bool says_so);

// Adds what a step, or an answer of an enrollment, is worth: nothing if the
// policy does not allow the factor, if the proofs have one of the enrollment
// already, or if the step is that of a remembered device. Returns whether it
// was added.
bool AddProof(const v1::Policy& policy, const record::v1::StepRecord& step,
              Proofs& proofs);
bool AddProof(const v1::Policy& policy, absl::string_view enrollment_id,
              const factors::FactorDescriptor& descriptor, Proofs& proofs);

// How many demands of the combination the proofs can meet at once, each by a
// proof of its own.
int CountMet(const v1::FactorCombination& combination, const Proofs& proofs);

// Whether they meet all of them.
bool IsMet(const v1::FactorCombination& combination, const Proofs& proofs);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_PROOFS_H_
