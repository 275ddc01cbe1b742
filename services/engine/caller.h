#ifndef COFACTOR_SERVICES_ENGINE_CALLER_H_
#define COFACTOR_SERVICES_ENGINE_CALLER_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "cofactor/v1/access.pb.h"

namespace cofactor::services {

// A set of scopes. A value type.
class ScopeSet {
 public:
  ScopeSet() = default;
  // All scopes that there are.
  static ScopeSet All();

  void Add(v1::Scope scope) { bits_ |= uint32_t{1} << scope; }
  bool Has(v1::Scope scope) const {
    return scope != v1::SCOPE_UNSPECIFIED && (bits_ >> scope & 1) != 0;
  }
  bool HasAnyOf(ScopeSet others) const { return (bits_ & others.bits_) != 0; }
  bool empty() const { return bits_ == 0; }

 private:
  uint32_t bits_ = 0;
};

// What a client may do.
struct Permissions {
  std::string client_id;
  ScopeSet scopes;
  // Empty: all accounts.
  std::set<std::string, std::less<>> account_ids;
};

// Who makes a call, and from where. Immutable.
struct Caller {
  // Never null.
  std::shared_ptr<const Permissions> permissions;
  // Network address, as gRPC writes it.
  std::string peer;
  // Of the W3C trace context that the call came with; empty if there is none.
  std::string trace_id;

  // The server itself, as at its start. May do everything.
  static Caller Server();

  const std::string& client_id() const { return permissions->client_id; }
  // Whether the account is one that the client may touch.
  bool MayTouch(absl::string_view account_id) const;
  bool LimitedToAccounts() const { return !permissions->account_ids.empty(); }
  // Whether the client may know which members and enrollments there are, and
  // in which state. Others learn of a response that it was not right, and no
  // more.
  bool MayKnowMembers() const;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_CALLER_H_
