#include "services/engine/proofs.h"

#include <algorithm>
#include <utility>

namespace cofactor::services {
namespace {

bool Contains(const google::protobuf::RepeatedPtrField<std::string>& types,
              absl::string_view factor_type) {
  return std::find(types.begin(), types.end(), factor_type) != types.end();
}

bool Add(const v1::Policy& policy, Proof proof, Proofs& proofs) {
  if (!IsAllowed(policy, proof.factor_type)) return false;
  for (const Proof& other : proofs) {
    if (other.enrollment_id == proof.enrollment_id) return false;
  }
  proofs.push_back(std::move(proof));
  return true;
}

bool Meets(const v1::FactorDemand& demand, const Proof& proof) {
  switch (demand.demand_case()) {
    case v1::FactorDemand::kFactorType:
      return demand.factor_type() == proof.factor_type;
    case v1::FactorDemand::kKind:
      return demand.kind() != v1::FACTOR_KIND_UNSPECIFIED &&
             demand.kind() == proof.kind;
    case v1::FactorDemand::kPhishingResistant:
      return demand.phishing_resistant() && proof.phishing_resistant;
    case v1::FactorDemand::DEMAND_NOT_SET:
      return false;
  }
  return false;
}

// Finds proofs for demands, each demand one of its own: a maximum matching by
// augmenting paths, so that many demands and enrollments cost little.
class Matching {
 public:
  Matching(const v1::FactorCombination& combination, const Proofs& proofs)
      : combination_(combination), proofs_(proofs), met_by_(proofs.size(), -1) {
    for (int i = 0; i < combination.all_of_size(); ++i) {
      std::vector<bool> seen(proofs.size());
      if (Find(i, seen)) ++size_;
    }
  }

  int size() const { return size_; }

 private:
  // Finds a proof for the demand; one that is taken if its demand can do with
  // another that was not seen yet.
  bool Find(int demand, std::vector<bool>& seen) {
    for (size_t i = 0; i < proofs_.size(); ++i) {
      if (seen[i] || !Meets(combination_.all_of(demand), proofs_[i])) continue;
      seen[i] = true;
      if (met_by_[i] == -1 || Find(met_by_[i], seen)) {
        met_by_[i] = demand;
        return true;
      }
    }
    return false;
  }

  const v1::FactorCombination& combination_;
  const Proofs& proofs_;
  // Which demand each proof meets; -1: none.
  std::vector<int> met_by_;
  int size_ = 0;
};

}  // namespace

bool IsAllowed(const v1::Policy& policy, absl::string_view factor_type) {
  return !factor_type.empty() &&
         (policy.allowed_factor_types().empty() ||
          Contains(policy.allowed_factor_types(), factor_type));
}

bool IsPhishingResistant(const v1::Policy& policy,
                         absl::string_view factor_type, bool says_so) {
  return policy.phishing_resistant_factor_types().empty()
             ? says_so
             : Contains(policy.phishing_resistant_factor_types(), factor_type);
}

bool AddProof(const v1::Policy& policy, const record::v1::StepRecord& step,
              Proofs& proofs) {
  if (!step.remembered_device_id().empty()) return false;
  return Add(policy,
             {step.enrollment_id(), step.factor_type(),
              static_cast<v1::FactorKind>(step.kind()),
              IsPhishingResistant(policy, step.factor_type(),
                                  step.phishing_resistant())},
             proofs);
}

bool AddProof(const v1::Policy& policy, absl::string_view enrollment_id,
              const factors::FactorDescriptor& descriptor, Proofs& proofs) {
  return Add(policy,
             {std::string(enrollment_id), descriptor.type_id, descriptor.kind,
              IsPhishingResistant(policy, descriptor.type_id,
                                  descriptor.phishing_resistant)},
             proofs);
}

int CountMet(const v1::FactorCombination& combination, const Proofs& proofs) {
  return Matching(combination, proofs).size();
}

bool IsMet(const v1::FactorCombination& combination, const Proofs& proofs) {
  return combination.all_of_size() > 0 &&
         CountMet(combination, proofs) == combination.all_of_size();
}

}  // namespace cofactor::services
