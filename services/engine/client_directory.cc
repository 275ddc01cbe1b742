#include "services/engine/client_directory.h"

#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/errors.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/api_key.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"

namespace cofactor::services {
namespace {

constexpr size_t kScanPage = 256;

absl::Status BadCredentials() {
  return MakeError(absl::StatusCode::kUnauthenticated, "BAD_CREDENTIALS",
                   "the credentials are not, or no longer, those of a client: "
                   "ask an administrator of this server for a new API key, or "
                   "to enter the name of the certificate");
}

}  // namespace

struct ClientDirectory::Clients {
  struct ApiKey {
    std::string secret_hash;
    absl::Time expire_time;
    std::shared_ptr<const Permissions> permissions;
  };

  void Add(const record::v1::ClientRecord& client) {
    if (client.revoked()) return;
    auto permissions = std::make_shared<Permissions>();
    permissions->client_id = client.client_id();
    for (const uint32_t scope : client.scopes()) {
      if (v1::Scope_IsValid(static_cast<int>(scope))) {
        permissions->scopes.Add(static_cast<v1::Scope>(scope));
      }
    }
    permissions->account_ids.insert(client.account_ids().begin(),
                                    client.account_ids().end());
    for (const record::v1::ApiKeyRecord& key : client.api_keys()) {
      by_key_id[key.key_id()] = {
          key.secret_hash(),
          key.expire_micros() == 0 ? absl::InfiniteFuture()
                                   : absl::FromUnixMicros(key.expire_micros()),
          permissions};
    }
    for (const std::string& identity : client.tls_identities()) {
      by_tls_identity[identity] = permissions;
    }
  }

  std::unordered_map<std::string, ApiKey> by_key_id;
  std::unordered_map<std::string, std::shared_ptr<const Permissions>>
      by_tls_identity;
};

ClientDirectory::ClientDirectory()
    : clients_(std::make_shared<const Clients>()) {}

ClientDirectory::~ClientDirectory() = default;

absl::Status ClientDirectory::Load(storage::Store& store) {
  // Under the lock, so that of two loads at once the later snapshot stays.
  MutexLock lock(mutex_);
  const auto snapshot = store.GetSnapshot();
  auto clients = std::make_shared<Clients>();
  std::string last;
  while (true) {
    ASSIGN_OR_RETURN(std::vector<storage::Entry> entries,
                     snapshot->Scan(kClientPrefix, last, kScanPage));
    for (storage::Entry& entry : entries) {
      ASSIGN_OR_RETURN(const auto client, Decode<record::v1::ClientRecord>(
                                              std::move(entry.record)));
      clients->Add(client.record);
    }
    if (entries.size() < kScanPage) break;
    last = entries.back().key;
  }
  clients_ = std::move(clients);
  return absl::OkStatus();
}

std::shared_ptr<const ClientDirectory::Clients> ClientDirectory::Current()
    const {
  MutexLock lock(mutex_);
  return clients_;
}

absl::StatusOr<std::shared_ptr<const Permissions>>
ClientDirectory::FindByApiKey(absl::string_view key, absl::Time now) const {
  const std::optional<PresentedApiKey> presented = ParseApiKey(key);
  if (!presented.has_value()) return BadCredentials();
  const auto clients = Current();
  const auto found = clients->by_key_id.find(presented->key_id);
  if (found == clients->by_key_id.end() ||
      !ConstantTimeEquals(found->second.secret_hash, presented->secret_hash) ||
      now >= found->second.expire_time) {
    return BadCredentials();
  }
  return found->second.permissions;
}

absl::StatusOr<std::shared_ptr<const Permissions>>
ClientDirectory::FindByTlsIdentities(
    const std::vector<std::string>& identities) const {
  const auto clients = Current();
  for (const std::string& identity : identities) {
    const auto found = clients->by_tls_identity.find(identity);
    if (found != clients->by_tls_identity.end()) return found->second;
  }
  return BadCredentials();
}

}  // namespace cofactor::services
