#include "services/engine/policy_check.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/input.h"
#include "services/engine/proofs.h"
#include "services/engine/sign_in_policy.h"

namespace cofactor::services {
namespace {

constexpr int kMaxLevels = 8;
constexpr int kMaxCombinations = 16;
constexpr int kMaxDemands = 4;
constexpr size_t kMaxAcrBytes = 64;
constexpr uint32_t kMaxRememberedDevices = 20;
constexpr uint32_t kMaxApprovals = 2;
constexpr absl::Duration kDay = absl::Hours(24);

absl::Status CheckFactorType(absl::string_view field,
                             absl::string_view factor_type,
                             const factors::FactorRegistry& registry) {
  if (registry.Find(factor_type) != nullptr) return absl::OkStatus();
  return InvalidField(field, "this server has no such factor: see ListFactors");
}

absl::Status CheckFactorTypes(
    absl::string_view field,
    const google::protobuf::RepeatedPtrField<std::string>& factor_types,
    const factors::FactorRegistry& registry) {
  std::set<absl::string_view> seen;
  for (int i = 0; i < factor_types.size(); ++i) {
    const std::string path = absl::StrCat(field, "[", i, "]");
    RETURN_IF_ERROR(CheckFactorType(path, factor_types[i], registry));
    if (!seen.insert(factor_types[i]).second) {
      return InvalidField(path, "is named before");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCount(absl::string_view field, int count, int most) {
  if (count >= 1 && count <= most) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("want 1 to ", most));
}

absl::Status CheckRange(absl::string_view field,
                        const google::protobuf::Duration& duration,
                        absl::Duration shortest, absl::Duration longest) {
  ASSIGN_OR_RETURN(const absl::Duration value, ToDuration(field, duration));
  if (value >= shortest && value <= longest) return absl::OkStatus();
  return InvalidField(
      field, absl::StrCat("want ", absl::ToInt64Seconds(shortest), "s to ",
                          absl::ToInt64Seconds(longest), "s"));
}

absl::Status CheckDemand(absl::string_view field,
                         const v1::FactorDemand& demand,
                         const factors::FactorRegistry& registry) {
  switch (demand.demand_case()) {
    case v1::FactorDemand::kFactorType:
      return CheckFactorType(absl::StrCat(field, ".factor_type"),
                             demand.factor_type(), registry);
    case v1::FactorDemand::kKind:
      if (demand.kind() == v1::FACTOR_KIND_KNOWLEDGE ||
          demand.kind() == v1::FACTOR_KIND_POSSESSION ||
          demand.kind() == v1::FACTOR_KIND_INHERENCE) {
        return absl::OkStatus();
      }
      return InvalidField(absl::StrCat(field, ".kind"),
                          "want FACTOR_KIND_KNOWLEDGE, FACTOR_KIND_POSSESSION "
                          "or FACTOR_KIND_INHERENCE");
    case v1::FactorDemand::kPhishingResistant:
      if (demand.phishing_resistant()) return absl::OkStatus();
      return InvalidField(absl::StrCat(field, ".phishing_resistant"),
                          "want true, or another demand");
    case v1::FactorDemand::DEMAND_NOT_SET:
      break;
  }
  return InvalidField(field,
                      "want one of factor_type, kind and phishing_resistant");
}

// All that a member could prove: each allowed factor as often as a combination
// can demand it, one that a member has once just once.
Proofs AllProofs(const v1::Policy& policy,
                 const factors::FactorRegistry& registry) {
  Proofs proofs;
  for (const factors::Factor* factor : registry.All()) {
    const factors::FactorDescriptor& descriptor = factor->descriptor();
    const int times = descriptor.single ? 1 : kMaxDemands;
    for (int i = 0; i < times; ++i) {
      AddProof(policy, absl::StrCat(descriptor.type_id, "/", i), descriptor,
               proofs);
    }
  }
  return proofs;
}

// Adds what factors of the kinds that the server lacks would prove.
void AddLackingKinds(const factors::FactorRegistry& registry, Proofs& proofs) {
  for (const v1::FactorKind kind :
       {v1::FACTOR_KIND_KNOWLEDGE, v1::FACTOR_KIND_POSSESSION,
        v1::FACTOR_KIND_INHERENCE}) {
    const auto all = registry.All();
    if (std::any_of(all.begin(), all.end(), [kind](const auto* factor) {
          return factor->descriptor().kind == kind;
        })) {
      continue;
    }
    Proof proof;
    proof.kind = kind;
    proofs.insert(proofs.end(), kMaxDemands, proof);
  }
}

absl::Status CheckLevel(const std::string& field, const v1::PolicyLevel& level,
                        const v1::Policy& policy,
                        const factors::FactorRegistry& registry) {
  if (level.acr().empty() || level.acr().size() > kMaxAcrBytes ||
      !std::all_of(level.acr().begin(), level.acr().end(), [](char c) {
        return absl::ascii_isalnum(c) || absl::StrContains("._:-", c);
      })) {
    return InvalidField(
        absl::StrCat(field, ".acr"),
        absl::StrCat("want 1 to ", kMaxAcrBytes, " of A-Z a-z 0-9 . _ : -"));
  }
  if (level.has_max_age()) {
    RETURN_IF_ERROR(CheckRange(absl::StrCat(field, ".max_age"), level.max_age(),
                               absl::Minutes(1), 366 * kDay));
  }
  RETURN_IF_ERROR(CheckCount(absl::StrCat(field, ".any_of"),
                             level.any_of_size(), kMaxCombinations));
  const Proofs provable = AllProofs(policy, registry);
  Proofs conceivable = provable;
  AddLackingKinds(registry, conceivable);
  bool can_be_reached = false;
  for (int i = 0; i < level.any_of_size(); ++i) {
    const v1::FactorCombination& combination = level.any_of(i);
    const std::string path = absl::StrCat(field, ".any_of[", i, "]");
    RETURN_IF_ERROR(CheckCount(absl::StrCat(path, ".all_of"),
                               combination.all_of_size(), kMaxDemands));
    for (int j = 0; j < combination.all_of_size(); ++j) {
      RETURN_IF_ERROR(CheckDemand(absl::StrCat(path, ".all_of[", j, "]"),
                                  combination.all_of(j), registry));
    }
    if (!IsMet(combination, conceivable)) {
      return InvalidField(path,
                          "the allowed factors cannot meet this, as each "
                          "demand takes an enrollment of its own: allow more "
                          "factors or demand others");
    }
    can_be_reached = can_be_reached || IsMet(combination, provable);
  }
  if (can_be_reached) return absl::OkStatus();
  return InvalidField(absl::StrCat(field, ".any_of"),
                      "no factors of this server reach the level: add a "
                      "combination that they can meet");
}

absl::Status CheckLevels(const v1::Policy& policy,
                         const factors::FactorRegistry& registry) {
  RETURN_IF_ERROR(
      CheckCount("policy.levels", policy.levels_size(), kMaxLevels));
  for (int i = 0; i < policy.levels_size(); ++i) {
    const std::string field = absl::StrCat("policy.levels[", i, "]");
    RETURN_IF_ERROR(CheckLevel(field, policy.levels(i), policy, registry));
    if (LevelOf(policy, policy.levels(i).acr()) != i) {
      return InvalidField(absl::StrCat(field, ".acr"),
                          "a weaker level has this name");
    }
  }
  if (SignInLevel(policy) == kNoLevel) {
    return InvalidField("policy.sign_in_acr", "want the acr of a level");
  }
  if (BindingLevel(policy) == kNoLevel) {
    return InvalidField("policy.binding_acr",
                        "want the acr of a level, or nothing");
  }
  return absl::OkStatus();
}

absl::Status CheckDurations(const v1::Policy& policy) {
  if (policy.has_binding_max_age()) {
    RETURN_IF_ERROR(CheckRange("policy.binding_max_age",
                               policy.binding_max_age(), absl::Minutes(1),
                               kDay));
  }
  if (policy.has_enrollment_grace()) {
    RETURN_IF_ERROR(CheckRange("policy.enrollment_grace",
                               policy.enrollment_grace(), absl::ZeroDuration(),
                               366 * kDay));
  }
  const v1::SessionRules& sessions = policy.sessions();
  if (sessions.has_receipt_lifetime()) {
    RETURN_IF_ERROR(CheckRange("policy.sessions.receipt_lifetime",
                               sessions.receipt_lifetime(), absl::Seconds(30),
                               absl::Hours(1)));
  }
  if (sessions.has_idle_timeout()) {
    RETURN_IF_ERROR(CheckRange("policy.sessions.idle_timeout",
                               sessions.idle_timeout(), absl::Minutes(1),
                               90 * kDay));
  }
  if (sessions.has_lifetime()) {
    RETURN_IF_ERROR(CheckRange("policy.sessions.lifetime", sessions.lifetime(),
                               absl::Minutes(1), 366 * kDay));
  }
  return absl::OkStatus();
}

absl::Status CheckRememberedDevices(const v1::Policy& policy) {
  if (!policy.has_remembered_devices()) return absl::OkStatus();
  const v1::RememberedDeviceRules& rules = policy.remembered_devices();
  if (!rules.has_lifetime()) {
    return InvalidField("policy.remembered_devices.lifetime", "is required");
  }
  RETURN_IF_ERROR(CheckRange("policy.remembered_devices.lifetime",
                             rules.lifetime(), absl::Hours(1), 90 * kDay));
  if (rules.max_devices() > kMaxRememberedDevices) {
    return InvalidField(
        "policy.remembered_devices.max_devices",
        absl::StrCat("want 1 to ", kMaxRememberedDevices, ", or 0 for 5"));
  }
  return absl::OkStatus();
}

absl::Status CheckRecovery(const v1::Policy& policy) {
  const v1::RecoveryRules& rules = policy.recovery();
  if (rules.approvals() > kMaxApprovals) {
    return InvalidField(
        "policy.recovery.approvals",
        absl::StrCat("want 1 to ", kMaxApprovals, ", or 0 for 1"));
  }
  if (rules.has_delay()) {
    RETURN_IF_ERROR(CheckRange("policy.recovery.delay", rules.delay(),
                               absl::ZeroDuration(), 7 * kDay));
  }
  if (rules.has_ticket_lifetime()) {
    RETURN_IF_ERROR(CheckRange("policy.recovery.ticket_lifetime",
                               rules.ticket_lifetime(), absl::Minutes(1),
                               kDay));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPolicy(const v1::Policy& policy,
                         const factors::FactorRegistry& registry) {
  RETURN_IF_ERROR(CheckFactorTypes("policy.allowed_factor_types",
                                   policy.allowed_factor_types(), registry));
  RETURN_IF_ERROR(CheckFactorTypes("policy.phishing_resistant_factor_types",
                                   policy.phishing_resistant_factor_types(),
                                   registry));
  RETURN_IF_ERROR(CheckLevels(policy, registry));
  RETURN_IF_ERROR(CheckDurations(policy));
  RETURN_IF_ERROR(CheckRememberedDevices(policy));
  return CheckRecovery(policy);
}

}  // namespace cofactor::services
