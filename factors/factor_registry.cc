#include "factors/factor_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace cofactor::factors {
namespace {

constexpr size_t kMaxTypeIdBytes = 32;

bool IsTypeId(absl::string_view id) {
  return !id.empty() && id.size() <= kMaxTypeIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

}  // namespace

absl::Status FactorRegistry::Builder::Add(
    std::unique_ptr<const Factor> factor) {
  const FactorDescriptor& descriptor = factor->descriptor();
  const std::string& id = descriptor.type_id;
  if (!IsTypeId(id)) {
    return absl::InvalidArgumentError(
        absl::StrCat("factor type id '", id, "': want 1 to ", kMaxTypeIdBytes,
                     " of a-z 0-9 _"));
  }
  if (descriptor.kind == v1::FACTOR_KIND_UNSPECIFIED ||
      descriptor.amr.empty() || descriptor.parameters_type.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "factor ", id, ": kind, amr and parameters_type are required"));
  }
  if (descriptor.replay_guard == ReplayGuard::kChallenge &&
      !descriptor.needs_challenge) {
    return absl::InvalidArgumentError(absl::StrCat(
        "factor ", id, ": a guard by challenge needs a challenge"));
  }
  if (descriptor.prompts && !descriptor.needs_challenge) {
    return absl::InvalidArgumentError(
        absl::StrCat("factor ", id, ": a prompt is a challenge"));
  }
  if (descriptor.replay_guard == ReplayGuard::kNone &&
      descriptor.kind != v1::FACTOR_KIND_KNOWLEDGE) {
    return absl::InvalidArgumentError(
        absl::StrCat("factor ", id,
                     ": only a knowledge factor may go without replay guard"));
  }
  if (factors_.count(id) > 0) {
    return absl::AlreadyExistsError(
        absl::StrCat("factor ", id, " is registered already"));
  }
  factors_.emplace(id, std::move(factor));
  return absl::OkStatus();
}

FactorRegistry FactorRegistry::Builder::Build() && {
  return FactorRegistry(std::move(factors_));
}

const Factor* FactorRegistry::Find(absl::string_view type_id) const {
  const auto found = factors_.find(std::string(type_id));
  return found == factors_.end() ? nullptr : found->second.get();
}

std::vector<const Factor*> FactorRegistry::All() const {
  std::vector<const Factor*> all;
  all.reserve(factors_.size());
  for (const auto& [id, factor] : factors_) all.push_back(factor.get());
  return all;
}

}  // namespace cofactor::factors
