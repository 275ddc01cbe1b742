#ifndef COFACTOR_SERVICES_ADMIN_SERVICE_H_
#define COFACTOR_SERVICES_ADMIN_SERVICE_H_

#include <functional>

#include "cofactor/v1/admin_service.grpc.pb.h"
#include "services/chokepoint.h"
#include "services/engine/client_directory.h"
#include "services/engine/client_engine.h"
#include "services/engine/export_engine.h"
#include "services/engine/send_limits_engine.h"
#include "services/store_keeper.h"
#include "storage/store.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.AdminService to the engine. A change of a
// client holds before it is answered. Thread-safe.
class AdminService final : public v1::AdminService::CallbackService {
 public:
  // None is owned; all must outlive this.
  // keeper: null if nobody keeps the store; then the calls about it are
  // refused.
  AdminService(Chokepoint& chokepoint, const ClientEngine& clients,
               const ExportEngine& exports, ClientDirectory& directory,
               storage::Store& store, StoreKeeper* keeper,
               const SendLimitsEngine& send_limits)
      : chokepoint_(chokepoint),
        clients_(clients),
        exports_(exports),
        send_limits_(send_limits),
        keeper_(keeper),
        reload_([&directory, &store] { return directory.Load(store); }) {}

  grpc::ServerUnaryReactor* CreateClient(
      grpc::CallbackServerContext* context,
      const v1::CreateClientRequest* request,
      v1::CreateClientResponse* response) override;
  grpc::ServerUnaryReactor* GetClient(grpc::CallbackServerContext* context,
                                      const v1::GetClientRequest* request,
                                      v1::GetClientResponse* response) override;
  grpc::ServerUnaryReactor* ListClients(
      grpc::CallbackServerContext* context,
      const v1::ListClientsRequest* request,
      v1::ListClientsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateClient(
      grpc::CallbackServerContext* context,
      const v1::UpdateClientRequest* request,
      v1::UpdateClientResponse* response) override;
  grpc::ServerUnaryReactor* RevokeClient(
      grpc::CallbackServerContext* context,
      const v1::RevokeClientRequest* request,
      v1::RevokeClientResponse* response) override;
  grpc::ServerUnaryReactor* RotateClientKey(
      grpc::CallbackServerContext* context,
      const v1::RotateClientKeyRequest* request,
      v1::RotateClientKeyResponse* response) override;

  grpc::ServerUnaryReactor* RotateKeys(
      grpc::CallbackServerContext* context,
      const v1::RotateKeysRequest* request,
      v1::RotateKeysResponse* response) override;
  grpc::ServerUnaryReactor* GetKeyRotation(
      grpc::CallbackServerContext* context,
      const v1::GetKeyRotationRequest* request,
      v1::GetKeyRotationResponse* response) override;
  grpc::ServerUnaryReactor* DropOldKeys(
      grpc::CallbackServerContext* context,
      const v1::DropOldKeysRequest* request,
      v1::DropOldKeysResponse* response) override;
  grpc::ServerUnaryReactor* CreateBackup(
      grpc::CallbackServerContext* context,
      const v1::CreateBackupRequest* request,
      v1::CreateBackupResponse* response) override;

  grpc::ServerUnaryReactor* GetImportKey(
      grpc::CallbackServerContext* context,
      const v1::GetImportKeyRequest* request,
      v1::GetImportKeyResponse* response) override;
  grpc::ServerUnaryReactor* ExportAccount(
      grpc::CallbackServerContext* context,
      const v1::ExportAccountRequest* request,
      v1::ExportAccountResponse* response) override;
  grpc::ServerUnaryReactor* ImportAccount(
      grpc::CallbackServerContext* context,
      const v1::ImportAccountRequest* request,
      v1::ImportAccountResponse* response) override;
  grpc::ServerUnaryReactor* ListSendLimits(
      grpc::CallbackServerContext* context,
      const v1::ListSendLimitsRequest* request,
      v1::ListSendLimitsResponse* response) override;
  grpc::ServerUnaryReactor* ResetSendLimit(
      grpc::CallbackServerContext* context,
      const v1::ResetSendLimitRequest* request,
      v1::ResetSendLimitResponse* response) override;

 private:
  // Serves a call about the store: action does it and calls its argument; then
  // the audit log tells of it, and fill makes the answer.
  using Action = std::function<void(StoreKeeper&, StoreKeeper::Done)>;
  grpc::ServerUnaryReactor* Keep(grpc::CallbackServerContext* context,
                                 const google::protobuf::Message& request,
                                 google::protobuf::Message& response,
                                 Action action, std::function<void()> fill);
  v1::KeyRotation Rotation() const;

  Chokepoint& chokepoint_;
  const ClientEngine& clients_;
  const ExportEngine& exports_;
  const SendLimitsEngine& send_limits_;
  StoreKeeper* const keeper_;
  const Chokepoint::Then reload_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ADMIN_SERVICE_H_
