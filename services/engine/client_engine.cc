#include "services/engine/client_engine.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/api_key.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ApiKeyRecord;
using ::cofactor::record::v1::ClientRecord;

constexpr absl::string_view kAdminClientId = "admin";
constexpr size_t kMaxIdentityBytes = 512;
constexpr int kMaxAccounts = 100;
constexpr int kMaxIdentities = 10;
// The directory keeps all of them in memory, and reads them after each change.
constexpr size_t kMaxClients = 1'000;
constexpr int kMaxApiKeys = 10;
constexpr absl::Duration kLongestOverlap = absl::Hours(24 * 30);

absl::StatusOr<Stored<ClientRecord>> ReadClient(Plan& plan,
                                                absl::string_view client_id) {
  ASSIGN_OR_RETURN(auto client, plan.Read<ClientRecord>(ClientKey(client_id)));
  if (!client.exists()) {
    return MakeError(absl::StatusCode::kNotFound, "CLIENT_NOT_FOUND",
                     "there is no such client: create it with CreateClient");
  }
  return client;
}

// All clients. A condition of the plan: every change of a client writes the
// record that is read here.
absl::StatusOr<std::vector<ClientRecord>> ReadAllClients(Plan& plan) {
  RETURN_IF_ERROR(
      plan.Read<record::v1::RosterRecord>(kClientRosterKey).status());
  ASSIGN_OR_RETURN(std::vector<storage::Entry> entries,
                   plan.snapshot().Scan(kClientPrefix, "", kMaxClients));
  std::vector<ClientRecord> clients;
  for (storage::Entry& entry : entries) {
    ASSIGN_OR_RETURN(auto client,
                     Decode<ClientRecord>(std::move(entry.record)));
    clients.push_back(std::move(client.record));
  }
  return clients;
}

void WriteClient(Plan& plan, ClientRecord& client) {
  client.set_update_micros(absl::ToUnixMicros(plan.now()));
  plan.Write(ClientKey(client.client_id()), client);
  record::v1::RosterRecord roster;
  plan.Write(kClientRosterKey, roster);
}

bool IsAdmin(const ClientRecord& client) {
  return !client.revoked() && client.account_ids().empty() &&
         std::find(client.scopes().begin(), client.scopes().end(),
                   static_cast<uint32_t>(v1::SCOPE_ADMIN)) !=
             client.scopes().end();
}

absl::Status CheckNotLastAdmin(Plan& plan, const ClientRecord& changed) {
  ASSIGN_OR_RETURN(const auto clients, ReadAllClients(plan));
  for (const ClientRecord& client : clients) {
    if (client.client_id() != changed.client_id() && IsAdmin(client)) {
      return absl::OkStatus();
    }
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "LAST_ADMIN",
                   "nobody could administer this server any more: give another "
                   "client SCOPE_ADMIN first");
}

absl::Status SetScopes(const v1::Client& from, ClientRecord& client) {
  if (from.scopes().empty()) {
    return InvalidField("client.scopes", "want at least one");
  }
  client.clear_scopes();
  for (const int scope : from.scopes()) {
    if (scope == v1::SCOPE_UNSPECIFIED || !v1::Scope_IsValid(scope)) {
      return InvalidField("client.scopes",
                          "want SCOPE_VERIFY, SCOPE_ENROLL, SCOPE_ACCOUNTS, "
                          "SCOPE_AUDIT or SCOPE_ADMIN");
    }
    if (scope == v1::SCOPE_DEVICE) {
      return InvalidField("client.scopes",
                          "no client needs SCOPE_DEVICE: what devices call is "
                          "open to everybody");
    }
    client.add_scopes(static_cast<uint32_t>(scope));
  }
  return absl::OkStatus();
}

absl::Status SetAccounts(const v1::Client& from, ClientRecord& client) {
  if (from.account_ids_size() > kMaxAccounts) {
    return InvalidField("client.account_ids",
                        absl::StrCat("want at most ", kMaxAccounts));
  }
  for (const std::string& account_id : from.account_ids()) {
    RETURN_IF_ERROR(CheckId("client.account_ids", account_id));
  }
  *client.mutable_account_ids() = from.account_ids();
  return absl::OkStatus();
}

absl::Status SetTlsIdentities(Plan& plan, const v1::Client& from,
                              ClientRecord& client) {
  if (from.tls_identities_size() > kMaxIdentities) {
    return InvalidField("client.tls_identities",
                        absl::StrCat("want at most ", kMaxIdentities));
  }
  ASSIGN_OR_RETURN(const auto clients, ReadAllClients(plan));
  for (const std::string& identity : from.tls_identities()) {
    RETURN_IF_ERROR(
        CheckText("client.tls_identities", identity, kMaxIdentityBytes));
    if (!absl::StartsWith(identity, "uri:") &&
        !absl::StartsWith(identity, "dns:")) {
      return InvalidField("client.tls_identities",
                          "want \"uri:\" or \"dns:\" and the name in the "
                          "certificate");
    }
    for (const ClientRecord& other : clients) {
      if (other.client_id() == client.client_id() || other.revoked()) continue;
      if (std::find(other.tls_identities().begin(),
                    other.tls_identities().end(),
                    identity) != other.tls_identities().end()) {
        return MakeError(absl::StatusCode::kAlreadyExists, "TLS_IDENTITY_TAKEN",
                         "client.tls_identities: another client has this name");
      }
    }
  }
  *client.mutable_tls_identities() = from.tls_identities();
  return absl::OkStatus();
}

absl::Status SetDisplayName(const v1::Client& from, ClientRecord& client) {
  RETURN_IF_ERROR(
      CheckText("client.display_name", from.display_name(), kMaxNameBytes));
  client.set_display_name(from.display_name());
  return absl::OkStatus();
}

v1::Client ViewOf(const ClientRecord& client) {
  v1::Client view;
  view.set_client_id(client.client_id());
  view.set_display_name(client.display_name());
  for (const uint32_t scope : client.scopes()) {
    view.add_scopes(static_cast<v1::Scope>(scope));
  }
  *view.mutable_account_ids() = client.account_ids();
  *view.mutable_tls_identities() = client.tls_identities();
  for (const ApiKeyRecord& key : client.api_keys()) {
    v1::ApiKey& shown = *view.add_api_keys();
    shown.set_key_id(key.key_id());
    *shown.mutable_create_time() =
        ToTimestamp(absl::FromUnixMicros(key.create_micros()));
    if (key.expire_micros() != 0) {
      *shown.mutable_expire_time() =
          ToTimestamp(absl::FromUnixMicros(key.expire_micros()));
    }
  }
  view.set_revoked(client.revoked());
  *view.mutable_create_time() =
      ToTimestamp(absl::FromUnixMicros(client.create_micros()));
  *view.mutable_update_time() =
      ToTimestamp(absl::FromUnixMicros(client.update_micros()));
  return view;
}

absl::Status CheckNotRevoked(const ClientRecord& client) {
  if (!client.revoked()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "CLIENT_REVOKED",
                   "the client was revoked, for good: create another one");
}

void DropEndedKeys(ClientRecord& client, absl::Time now) {
  auto& keys = *client.mutable_api_keys();
  keys.erase(
      std::remove_if(keys.begin(), keys.end(),
                     [now](const ApiKeyRecord& key) {
                       return key.expire_micros() != 0 &&
                              now >= absl::FromUnixMicros(key.expire_micros());
                     }),
      keys.end());
}

}  // namespace

absl::Status ClientEngine::CreateClient(
    Plan& plan, const v1::CreateClientRequest& request,
    v1::CreateClientResponse& response) const {
  const v1::Client& wanted = request.client();
  RETURN_IF_ERROR(CheckId("client.client_id", wanted.client_id()));
  ASSIGN_OR_RETURN(auto client,
                   plan.Read<ClientRecord>(ClientKey(wanted.client_id())));
  if (client.exists()) {
    return MakeError(absl::StatusCode::kAlreadyExists, "ALREADY_EXISTS",
                     "a client with this id exists already");
  }
  ASSIGN_OR_RETURN(const auto clients, ReadAllClients(plan));
  if (clients.size() >= kMaxClients) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "TOO_MANY_CLIENTS",
                     absl::StrCat("there are ", kMaxClients,
                                  " clients, the most there may be"));
  }
  client.record.set_client_id(wanted.client_id());
  RETURN_IF_ERROR(SetDisplayName(wanted, client.record));
  RETURN_IF_ERROR(SetScopes(wanted, client.record));
  RETURN_IF_ERROR(SetAccounts(wanted, client.record));
  RETURN_IF_ERROR(SetTlsIdentities(plan, wanted, client.record));
  if (!request.without_api_key()) {
    NewApiKey made = MakeApiKey(plan.now(), randomness_);
    *client.record.add_api_keys() = std::move(made.record);
    response.set_api_key(std::string(made.key.ExposeSecret()));
  }
  client.record.set_create_micros(absl::ToUnixMicros(plan.now()));
  WriteClient(plan, client.record);
  *response.mutable_client() = ViewOf(client.record);
  return absl::OkStatus();
}

absl::Status ClientEngine::GetClient(Plan& plan,
                                     const v1::GetClientRequest& request,
                                     v1::GetClientResponse& response) const {
  RETURN_IF_ERROR(CheckId("client_id", request.client_id()));
  ASSIGN_OR_RETURN(const auto client, ReadClient(plan, request.client_id()));
  *response.mutable_client() = ViewOf(client.record);
  return absl::OkStatus();
}

absl::Status ClientEngine::ListClients(
    Plan& plan, const v1::ListClientsRequest& request,
    v1::ListClientsResponse& response) const {
  ASSIGN_OR_RETURN(Page page, ReadPage(plan, kClientPrefix, request.page_size(),
                                       request.page_token()));
  for (storage::Entry& entry : page.entries) {
    ASSIGN_OR_RETURN(const auto client,
                     Decode<ClientRecord>(std::move(entry.record)));
    *response.add_clients() = ViewOf(client.record);
  }
  response.set_next_page_token(page.next_page_token);
  return absl::OkStatus();
}

absl::Status ClientEngine::UpdateClient(
    Plan& plan, const v1::UpdateClientRequest& request,
    v1::UpdateClientResponse& response) const {
  const v1::Client& wanted = request.client();
  RETURN_IF_ERROR(CheckId("client.client_id", wanted.client_id()));
  RETURN_IF_ERROR(CheckUpdateMask(
      request.update_mask(),
      {"display_name", "scopes", "account_ids", "tls_identities"}));
  ASSIGN_OR_RETURN(auto client, ReadClient(plan, wanted.client_id()));
  RETURN_IF_ERROR(CheckNotRevoked(client.record));
  const bool was_admin = IsAdmin(client.record);
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "display_name") {
      RETURN_IF_ERROR(SetDisplayName(wanted, client.record));
    } else if (path == "scopes") {
      RETURN_IF_ERROR(SetScopes(wanted, client.record));
    } else if (path == "account_ids") {
      RETURN_IF_ERROR(SetAccounts(wanted, client.record));
    } else {
      RETURN_IF_ERROR(SetTlsIdentities(plan, wanted, client.record));
    }
  }
  if (was_admin && !IsAdmin(client.record)) {
    RETURN_IF_ERROR(CheckNotLastAdmin(plan, client.record));
  }
  WriteClient(plan, client.record);
  *response.mutable_client() = ViewOf(client.record);
  return absl::OkStatus();
}

absl::Status ClientEngine::RevokeClient(
    Plan& plan, const v1::RevokeClientRequest& request,
    v1::RevokeClientResponse& response) const {
  RETURN_IF_ERROR(CheckId("client_id", request.client_id()));
  ASSIGN_OR_RETURN(auto client, ReadClient(plan, request.client_id()));
  RETURN_IF_ERROR(CheckNotRevoked(client.record));
  if (IsAdmin(client.record)) {
    RETURN_IF_ERROR(CheckNotLastAdmin(plan, client.record));
  }
  client.record.set_revoked(true);
  client.record.clear_api_keys();
  client.record.clear_tls_identities();
  WriteClient(plan, client.record);
  *response.mutable_client() = ViewOf(client.record);
  return absl::OkStatus();
}

absl::Status ClientEngine::RotateClientKey(
    Plan& plan, const v1::RotateClientKeyRequest& request,
    v1::RotateClientKeyResponse& response) const {
  RETURN_IF_ERROR(CheckId("client_id", request.client_id()));
  ASSIGN_OR_RETURN(const absl::Duration overlap,
                   ToDuration("overlap", request.overlap()));
  if (overlap < absl::ZeroDuration() || overlap > kLongestOverlap) {
    return InvalidField("overlap", "want 0 s to 30 days");
  }
  ASSIGN_OR_RETURN(auto client, ReadClient(plan, request.client_id()));
  RETURN_IF_ERROR(CheckNotRevoked(client.record));
  const int64_t end = absl::ToUnixMicros(plan.now() + overlap);
  for (ApiKeyRecord& key : *client.record.mutable_api_keys()) {
    key.set_expire_micros(
        key.expire_micros() == 0 ? end : std::min(key.expire_micros(), end));
  }
  DropEndedKeys(client.record, plan.now());
  if (client.record.api_keys_size() >= kMaxApiKeys) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "TOO_MANY_API_KEYS",
                     absl::StrCat("the client has ", kMaxApiKeys,
                                  " keys that still open: rotate without an "
                                  "overlap to end them"));
  }
  NewApiKey made = MakeApiKey(plan.now(), randomness_);
  *client.record.add_api_keys() = std::move(made.record);
  WriteClient(plan, client.record);
  *response.mutable_client() = ViewOf(client.record);
  response.set_api_key(std::string(made.key.ExposeSecret()));
  return absl::OkStatus();
}

absl::StatusOr<bool> ClientEngine::HasAdmin(Plan& plan) const {
  ASSIGN_OR_RETURN(const auto clients, ReadAllClients(plan));
  return std::any_of(clients.begin(), clients.end(), IsAdmin);
}

absl::Status ClientEngine::ResetAdmin(Plan& plan,
                                      const ApiKeyRecord& api_key) const {
  ASSIGN_OR_RETURN(auto client,
                   plan.Read<ClientRecord>(ClientKey(kAdminClientId)));
  ClientRecord& admin = client.record;
  if (!client.exists()) {
    admin.set_client_id(std::string(kAdminClientId));
    admin.set_create_micros(absl::ToUnixMicros(plan.now()));
  }
  admin.set_revoked(false);
  admin.clear_account_ids();
  admin.clear_scopes();
  for (int scope = v1::SCOPE_UNSPECIFIED + 1; scope <= v1::Scope_MAX; ++scope) {
    if (scope != v1::SCOPE_DEVICE) {
      admin.add_scopes(static_cast<uint32_t>(scope));
    }
  }
  admin.clear_api_keys();
  *admin.add_api_keys() = api_key;
  WriteClient(plan, admin);
  return absl::OkStatus();
}

}  // namespace cofactor::services
