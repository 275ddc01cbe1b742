#ifndef COFACTOR_FACTORS_FACTOR_REGISTRY_H_
#define COFACTOR_FACTORS_FACTOR_REGISTRY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "factors/factor.h"

namespace cofactor::factors {

// The factors of a server. Immutable, so thread-safe.
class FactorRegistry {
 public:
  // Collects factors. Move-only; thread-compatible.
  class Builder {
   public:
    // ALREADY_EXISTS: a factor with this type id was added before.
    // INVALID_ARGUMENT: the descriptor contradicts the rules of its fields.
    absl::Status Add(std::unique_ptr<const Factor> factor);

    FactorRegistry Build() &&;

   private:
    std::map<std::string, std::unique_ptr<const Factor>, std::less<>> factors_;
  };

  // The factor, or null if the server has none of this type id.
  const Factor* Find(absl::string_view type_id) const;

  // All factors in the order of their type ids.
  std::vector<const Factor*> All() const;

 private:
  using Map = std::map<std::string, std::unique_ptr<const Factor>, std::less<>>;

  explicit FactorRegistry(Map factors) : factors_(std::move(factors)) {}

  Map factors_;
};

}  // namespace cofactor::factors

#endif  // COFACTOR_FACTORS_FACTOR_REGISTRY_H_
