#include "services/admin_service.h"

#include <memory>
#include <utility>

#include "base/errors.h"
#include "cofactor/v1/audit.pb.h"
#include "services/engine/input.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* AdminService::CreateClient(
    grpc::CallbackServerContext* context,
    const v1::CreateClientRequest* request,
    v1::CreateClientResponse* response) {
  return chokepoint_.MutateThen(context, request, response, clients_,
                                &ClientEngine::CreateClient, reload_);
}

grpc::ServerUnaryReactor* AdminService::GetClient(
    grpc::CallbackServerContext* context, const v1::GetClientRequest* request,
    v1::GetClientResponse* response) {
  return chokepoint_.Read(context, request, response, clients_,
                          &ClientEngine::GetClient);
}

grpc::ServerUnaryReactor* AdminService::ListClients(
    grpc::CallbackServerContext* context, const v1::ListClientsRequest* request,
    v1::ListClientsResponse* response) {
  return chokepoint_.Read(context, request, response, clients_,
                          &ClientEngine::ListClients);
}

grpc::ServerUnaryReactor* AdminService::UpdateClient(
    grpc::CallbackServerContext* context,
    const v1::UpdateClientRequest* request,
    v1::UpdateClientResponse* response) {
  return chokepoint_.MutateThen(context, request, response, clients_,
                                &ClientEngine::UpdateClient, reload_);
}

grpc::ServerUnaryReactor* AdminService::RevokeClient(
    grpc::CallbackServerContext* context,
    const v1::RevokeClientRequest* request,
    v1::RevokeClientResponse* response) {
  return chokepoint_.MutateThen(context, request, response, clients_,
                                &ClientEngine::RevokeClient, reload_);
}

grpc::ServerUnaryReactor* AdminService::RotateClientKey(
    grpc::CallbackServerContext* context,
    const v1::RotateClientKeyRequest* request,
    v1::RotateClientKeyResponse* response) {
  return chokepoint_.MutateThen(context, request, response, clients_,
                                &ClientEngine::RotateClientKey, reload_);
}

v1::KeyRotation AdminService::Rotation() const {
  const storage::KeyRotation::Progress progress = keeper_->rotation();
  v1::KeyRotation rotation;
  rotation.set_running(progress.running);
  rotation.set_complete(progress.finished);
  rotation.set_records_seen(progress.records_seen);
  rotation.set_records_resealed(progress.records_resealed);
  rotation.set_records_damaged(progress.records_damaged);
  rotation.set_primary_key_id(progress.primary_key_id);
  for (const uint32_t key_id : progress.old_key_ids) {
    rotation.add_old_key_ids(key_id);
  }
  return rotation;
}

grpc::ServerUnaryReactor* AdminService::Keep(
    grpc::CallbackServerContext* context,
    const google::protobuf::Message& request,
    google::protobuf::Message& response, Action action,
    std::function<void()> fill) {
  return chokepoint_.Serve(
      context, request,
      [this, &request, &response, action = std::move(action),
       fill = std::move(fill)](Caller caller, Chokepoint::Done done) mutable {
        if (keeper_ == nullptr) {
          return std::move(done)(
              MakeError(absl::StatusCode::kFailedPrecondition, "STORE_NOT_KEPT",
                        "the store of this server has no keys and no backups"));
        }
        action(*keeper_, [this, &request, &response, fill = std::move(fill),
                          caller = std::move(caller),
                          done = std::move(done)](absl::Status status) mutable {
          if (!status.ok()) return std::move(done)(std::move(status));
          chokepoint_.runner().Run(
              std::move(caller), request, "", response,
              [fill = std::move(fill)](Plan& plan) {
                plan.audit().set_result(v1::AUDIT_RESULT_DONE);
                fill();
                return absl::OkStatus();
              },
              std::move(done));
        });
      });
}

grpc::ServerUnaryReactor* AdminService::RotateKeys(
    grpc::CallbackServerContext* context, const v1::RotateKeysRequest* request,
    v1::RotateKeysResponse* response) {
  return Keep(
      context, *request, *response,
      [](StoreKeeper& keeper, StoreKeeper::Done done) {
        keeper.RotateKeys(std::move(done));
      },
      [this, response] { *response->mutable_rotation() = Rotation(); });
}

grpc::ServerUnaryReactor* AdminService::GetKeyRotation(
    grpc::CallbackServerContext* context,
    const v1::GetKeyRotationRequest* request,
    v1::GetKeyRotationResponse* response) {
  return chokepoint_.Serve(
      context, *request,
      [this, response](Caller caller, Chokepoint::Done done) {
        if (keeper_ != nullptr) *response->mutable_rotation() = Rotation();
        std::move(done)(absl::OkStatus());
      });
}

grpc::ServerUnaryReactor* AdminService::DropOldKeys(
    grpc::CallbackServerContext* context, const v1::DropOldKeysRequest* request,
    v1::DropOldKeysResponse* response) {
  return Keep(
      context, *request, *response,
      [](StoreKeeper& keeper, StoreKeeper::Done done) {
        keeper.DropOldKeys(std::move(done));
      },
      [this, response] { *response->mutable_rotation() = Rotation(); });
}

grpc::ServerUnaryReactor* AdminService::CreateBackup(
    grpc::CallbackServerContext* context,
    const v1::CreateBackupRequest* request,
    v1::CreateBackupResponse* response) {
  return Keep(
      context, *request, *response,
      [request](StoreKeeper& keeper, StoreKeeper::Done done) {
        absl::Status status = CheckId("name", request->name());
        if (request->name() == "." || request->name() == "..") {
          status = InvalidField("name", "must not be . or ..");
        }
        if (!status.ok()) return std::move(done)(std::move(status));
        keeper.CreateBackup(request->name(), std::move(done));
      },
      [] {});
}

grpc::ServerUnaryReactor* AdminService::GetImportKey(
    grpc::CallbackServerContext* context,
    const v1::GetImportKeyRequest* request,
    v1::GetImportKeyResponse* response) {
  return chokepoint_.Mutate(context, request, response, exports_,
                            &ExportEngine::GetImportKey);
}

grpc::ServerUnaryReactor* AdminService::ExportAccount(
    grpc::CallbackServerContext* context,
    const v1::ExportAccountRequest* request,
    v1::ExportAccountResponse* response) {
  // It changes nothing, and its event must be on disk before it is answered.
  return chokepoint_.Serve(
      context, *request,
      [this, request, response](Caller caller, Chokepoint::Done done) mutable {
        chokepoint_.runner().Run(
            std::move(caller), *request, "", *response,
            [this, request, response](Plan& plan) {
              return exports_.ExportAccount(plan, *request, *response);
            },
            std::move(done));
      });
}

grpc::ServerUnaryReactor* AdminService::ImportAccount(
    grpc::CallbackServerContext* context,
    const v1::ImportAccountRequest* request,
    v1::ImportAccountResponse* response) {
  return chokepoint_.Mutate(context, request, response, exports_,
                            &ExportEngine::ImportAccount);
}

grpc::ServerUnaryReactor* AdminService::ListSendLimits(
    grpc::CallbackServerContext* context,
    const v1::ListSendLimitsRequest* request,
    v1::ListSendLimitsResponse* response) {
  return chokepoint_.Read(context, request, response, send_limits_,
                          &SendLimitsEngine::ListSendLimits);
}

grpc::ServerUnaryReactor* AdminService::ResetSendLimit(
    grpc::CallbackServerContext* context,
    const v1::ResetSendLimitRequest* request,
    v1::ResetSendLimitResponse* response) {
  return chokepoint_.Mutate(context, request, response, send_limits_,
                            &SendLimitsEngine::ResetSendLimit);
}

}  // namespace cofactor::services
