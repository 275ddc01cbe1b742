#ifndef COFACTOR_SERVICES_GATE_H_
#define COFACTOR_SERVICES_GATE_H_

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "google/protobuf/message.h"
#include "grpcpp/server_context.h"
#include "services/engine/caller.h"
#include "services/engine/client_directory.h"

namespace cofactor::services {

// What a method asks of its callers, from its option cofactor.v1.access.
struct MethodAccess {
  // Its place among all guarded methods, in the order of MethodsOf.
  size_t index = 0;
  // As "cofactor.v1.AuthService".
  std::string service;
  // As "Verify".
  std::string method;
  ScopeSet any_of;
  // Devices call it, which have no credentials: it is open to everybody, and
  // what it is sent has to prove itself.
  bool is_for_devices = false;
  bool limits_accounts = false;
  // Leads from the request to the id of the account that it is about; empty if
  // it names none.
  std::vector<const google::protobuf::FieldDescriptor*> account_path;
};

// All methods of the services with these full names, in their order. Names that
// nobody serves are left out.
std::vector<const google::protobuf::MethodDescriptor*> MethodsOf(
    const std::vector<std::string>& services);

// Decides who may call what. It does not block. Thread-safe.
class Gate {
 public:
  // services: full names of all services that are guarded. directory, clock:
  // not owned; must outlive this.
  // FAILED_PRECONDITION: a method has no access option, or is for devices and
  // for others too, or two methods share a request message.
  static absl::StatusOr<std::unique_ptr<Gate>> Create(
      const std::vector<std::string>& services,
      const ClientDirectory& directory, const Clock& clock);

  // Who calls, if they may make this call with this request. Of a method for
  // devices that is always a device, whatever credentials come with the call.
  //   UNAUTHENTICATED    there are no credentials, or not those of a client.
  //   PERMISSION_DENIED  the client has none of the method's scopes, or may not
  //                      touch the account.
  absl::StatusOr<Caller> Admit(const grpc::ServerContextBase& context,
                               const MethodAccess& access,
                               const google::protobuf::Message& request) const;

  // The method that takes this request.
  // INTERNAL: the gate does not guard it: a bug, and it must not be served.
  absl::StatusOr<const MethodAccess*> MethodOf(
      const google::protobuf::Message& request) const;

  const std::vector<std::unique_ptr<const MethodAccess>>& methods() const {
    return methods_;
  }

 private:
  Gate(const ClientDirectory& directory, const Clock& clock);

  absl::Status AddMethod(const google::protobuf::MethodDescriptor& method);
  absl::StatusOr<std::shared_ptr<const Permissions>> Authenticate(
      const grpc::ServerContextBase& context) const;

  const ClientDirectory& directory_;
  const Clock& clock_;
  // Of all devices alike.
  const std::shared_ptr<const Permissions> device_;
  std::vector<std::unique_ptr<const MethodAccess>> methods_;
  std::unordered_map<const google::protobuf::Descriptor*, const MethodAccess*>
      by_request_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_GATE_H_
