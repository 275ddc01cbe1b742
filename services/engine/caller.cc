#include "services/engine/caller.h"

#include <utility>

namespace cofactor::services {

ScopeSet ScopeSet::All() {
  ScopeSet all;
  for (int scope = v1::SCOPE_UNSPECIFIED + 1; scope <= v1::Scope_MAX; ++scope) {
    all.Add(static_cast<v1::Scope>(scope));
  }
  return all;
}

Caller Caller::Server() {
  auto permissions = std::make_shared<Permissions>();
  permissions->client_id = "cofactord";
  permissions->scopes = ScopeSet::All();
  return {std::move(permissions), "", ""};
}

bool Caller::MayTouch(absl::string_view account_id) const {
  const auto& account_ids = permissions->account_ids;
  return account_ids.empty() ||
         account_ids.find(account_id) != account_ids.end();
}

bool Caller::MayKnowMembers() const {
  ScopeSet knowing;
  for (const v1::Scope scope : {v1::SCOPE_ENROLL, v1::SCOPE_ACCOUNTS,
                                v1::SCOPE_AUDIT, v1::SCOPE_ADMIN}) {
    knowing.Add(scope);
  }
  return permissions->scopes.HasAnyOf(knowing);
}

}  // namespace cofactor::services
