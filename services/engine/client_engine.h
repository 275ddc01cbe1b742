#ifndef COFACTOR_SERVICES_ENGINE_CLIENT_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_CLIENT_ENGINE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/v1/admin_service.pb.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Decides the calls of AdminService about clients. What it changes holds once
// the ClientDirectory has loaded it. Thread-safe.
class ClientEngine {
 public:
  // randomness: not owned; must outlive this.
  explicit ClientEngine(Randomness& randomness) : randomness_(randomness) {}

  absl::Status CreateClient(Plan& plan, const v1::CreateClientRequest& request,
                            v1::CreateClientResponse& response) const;
  absl::Status GetClient(Plan& plan, const v1::GetClientRequest& request,
                         v1::GetClientResponse& response) const;
  absl::Status ListClients(Plan& plan, const v1::ListClientsRequest& request,
                           v1::ListClientsResponse& response) const;
  absl::Status UpdateClient(Plan& plan, const v1::UpdateClientRequest& request,
                            v1::UpdateClientResponse& response) const;
  absl::Status RevokeClient(Plan& plan, const v1::RevokeClientRequest& request,
                            v1::RevokeClientResponse& response) const;
  absl::Status RotateClientKey(Plan& plan,
                               const v1::RotateClientKeyRequest& request,
                               v1::RotateClientKeyResponse& response) const;

  // Whether a client that is not revoked has SCOPE_ADMIN and no limit.
  absl::StatusOr<bool> HasAdmin(Plan& plan) const;
  // Gives the client "admin" all scopes and this key alone, whatever it was.
  absl::Status ResetAdmin(Plan& plan,
                          const record::v1::ApiKeyRecord& api_key) const;

 private:
  Randomness& randomness_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_CLIENT_ENGINE_H_
