#include "services/gate.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/v1/access.pb.h"
#include "services/telemetry/trace_context.h"
#include "services/transport/tls.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

constexpr char kAuthorization[] = "authorization";
constexpr char kTraceparent[] = "traceparent";
constexpr absl::string_view kBearer = "bearer ";

absl::string_view View(grpc::string_ref text) {
  return absl::string_view(text.data(), text.size());
}

bool IsAccountId(const FieldDescriptor& field) {
  return field.name() == "account_id" && !field.is_repeated() &&
         field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
}

// The account that a request is about stands in account_id, or in account_id of
// the resource that it brings, as "member".
std::vector<const FieldDescriptor*> AccountPath(
    const google::protobuf::Descriptor& request) {
  if (const FieldDescriptor* field = request.FindFieldByName("account_id");
      field != nullptr && IsAccountId(*field)) {
    return {field};
  }
  for (const char* resource : {"account", "member"}) {
    const FieldDescriptor* outer = request.FindFieldByName(resource);
    if (outer == nullptr || outer->message_type() == nullptr ||
        outer->is_repeated()) {
      continue;
    }
    const FieldDescriptor* inner =
        outer->message_type()->FindFieldByName("account_id");
    if (inner != nullptr && IsAccountId(*inner)) return {outer, inner};
  }
  return {};
}

std::string AccountOf(const Message& request,
                      const std::vector<const FieldDescriptor*>& path) {
  const Message* message = &request;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    message = &message->GetReflection()->GetMessage(*message, path[i]);
  }
  return message->GetReflection()->GetString(*message, path.back());
}

std::string NamesOf(ScopeSet scopes) {
  std::vector<std::string> names;
  for (int scope = 1; scope <= v1::Scope_MAX; ++scope) {
    if (scopes.Has(static_cast<v1::Scope>(scope))) {
      names.push_back(v1::Scope_Name(scope));
    }
  }
  return absl::StrJoin(names, " or ");
}

absl::Status CheckAccess(const Caller& caller, const MethodAccess& access,
                         const Message& request) {
  if (!caller.permissions->scopes.HasAnyOf(access.any_of)) {
    return MakeError(absl::StatusCode::kPermissionDenied, "SCOPE_MISSING",
                     absl::StrCat("this client may not call ", access.method,
                                  ": it needs ", NamesOf(access.any_of)));
  }
  if (!caller.LimitedToAccounts() || access.limits_accounts) {
    return absl::OkStatus();
  }
  if (!access.account_path.empty() &&
      caller.MayTouch(AccountOf(request, access.account_path))) {
    return absl::OkStatus();
  }
  return MakeError(
      absl::StatusCode::kPermissionDenied, "ACCOUNT_NOT_ALLOWED",
      access.account_path.empty()
          ? "this client is limited to some accounts, and the call "
            "is about all of them"
          : "this client may not touch this account");
}

std::shared_ptr<const Permissions> DevicePermissions() {
  auto device = std::make_shared<Permissions>();
  device->client_id = "device";
  device->scopes.Add(v1::SCOPE_DEVICE);
  return device;
}

}  // namespace

std::vector<const google::protobuf::MethodDescriptor*> MethodsOf(
    const std::vector<std::string>& services) {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const std::string& name : services) {
    const google::protobuf::ServiceDescriptor* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
            name);
    for (int i = 0; service != nullptr && i < service->method_count(); ++i) {
      methods.push_back(service->method(i));
    }
  }
  return methods;
}

Gate::Gate(const ClientDirectory& directory, const Clock& clock)
    : directory_(directory), clock_(clock), device_(DevicePermissions()) {}

absl::StatusOr<std::unique_ptr<Gate>> Gate::Create(
    const std::vector<std::string>& services, const ClientDirectory& directory,
    const Clock& clock) {
  std::unique_ptr<Gate> gate(new Gate(directory, clock));
  for (const auto* method : MethodsOf(services)) {
    RETURN_IF_ERROR(gate->AddMethod(*method));
  }
  return gate;
}

absl::Status Gate::AddMethod(const google::protobuf::MethodDescriptor& method) {
  const v1::Access& option = method.options().GetExtension(v1::access);
  auto access = std::make_unique<MethodAccess>();
  access->index = methods_.size();
  access->service = method.service()->full_name();
  access->method = method.name();
  for (const int scope : option.any_of()) {
    access->any_of.Add(static_cast<v1::Scope>(scope));
  }
  if (access->any_of.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(method.full_name(), " has no option cofactor.v1.access"));
  }
  access->is_for_devices = access->any_of.Has(v1::SCOPE_DEVICE);
  if (access->is_for_devices && option.any_of_size() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(method.full_name(),
                     " is for devices, so open to everybody, and names other "
                     "scopes too"));
  }
  access->limits_accounts = option.limits_accounts();
  access->account_path = AccountPath(*method.input_type());
  if (!by_request_.emplace(method.input_type(), access.get()).second) {
    return absl::FailedPreconditionError(
        absl::StrCat("two methods take a ", method.input_type()->full_name()));
  }
  methods_.push_back(std::move(access));
  return absl::OkStatus();
}

absl::StatusOr<const MethodAccess*> Gate::MethodOf(
    const Message& request) const {
  const auto found = by_request_.find(request.GetDescriptor());
  if (found == by_request_.end()) {
    return absl::InternalError(
        "a method is served that the gate does not know");
  }
  return found->second;
}

absl::StatusOr<Caller> Gate::Admit(const grpc::ServerContextBase& context,
                                   const MethodAccess& access,
                                   const Message& request) const {
  Caller caller;
  if (access.is_for_devices) {
    caller.permissions = device_;
  } else {
    ASSIGN_OR_RETURN(caller.permissions, Authenticate(context));
    RETURN_IF_ERROR(CheckAccess(caller, access, request));
  }
  caller.peer = context.peer();
  const auto& metadata = context.client_metadata();
  if (const auto trace = metadata.find(kTraceparent); trace != metadata.end()) {
    if (const auto trace_id = ParseTraceId(View(trace->second))) {
      caller.trace_id = std::string(*trace_id);
    }
  }
  return caller;
}

absl::StatusOr<std::shared_ptr<const Permissions>> Gate::Authenticate(
    const grpc::ServerContextBase& context) const {
  const auto& metadata = context.client_metadata();
  const auto [begin, end] = metadata.equal_range(kAuthorization);
  if (begin == end) {
    // A connection without certificates has no identities, and costs nothing.
    const std::vector<std::string> identities =
        PeerIdentities(*context.auth_context());
    if (!identities.empty()) return directory_.FindByTlsIdentities(identities);
    return MakeError(
        absl::StatusCode::kUnauthenticated, "NO_CREDENTIALS",
        "send an API key as metadata 'authorization: Bearer KEY', or a client "
        "certificate whose name a client has");
  }
  absl::string_view value = View(begin->second);
  // Of two keys nobody could tell which one counts.
  if (std::next(begin) != end || !absl::StartsWithIgnoreCase(value, kBearer)) {
    return MakeError(absl::StatusCode::kUnauthenticated, "BAD_CREDENTIALS",
                     "want one metadata entry 'authorization: Bearer KEY'");
  }
  value.remove_prefix(kBearer.size());
  return directory_.FindByApiKey(value, clock_.Now());
}

}  // namespace cofactor::services
