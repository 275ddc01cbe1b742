#ifndef COFACTOR_SERVICES_SESSION_SERVICE_H_
#define COFACTOR_SERVICES_SESSION_SERVICE_H_

#include "cofactor/v1/session_service.grpc.pb.h"
#include "services/chokepoint.h"
#include "services/engine/session_engine.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.SessionService to the engine. Thread-safe.
class SessionService final : public v1::SessionService::CallbackService {
 public:
  // None is owned; all must outlive this.
  SessionService(Chokepoint& chokepoint, const SessionEngine& engine)
      : chokepoint_(chokepoint), engine_(engine) {}

  grpc::ServerUnaryReactor* RefreshSession(
      grpc::CallbackServerContext* context,
      const v1::RefreshSessionRequest* request,
      v1::RefreshSessionResponse* response) override;
  grpc::ServerUnaryReactor* IntrospectSession(
      grpc::CallbackServerContext* context,
      const v1::IntrospectSessionRequest* request,
      v1::IntrospectSessionResponse* response) override;
  grpc::ServerUnaryReactor* ListSessions(
      grpc::CallbackServerContext* context,
      const v1::ListSessionsRequest* request,
      v1::ListSessionsResponse* response) override;
  grpc::ServerUnaryReactor* RevokeSession(
      grpc::CallbackServerContext* context,
      const v1::RevokeSessionRequest* request,
      v1::RevokeSessionResponse* response) override;
  grpc::ServerUnaryReactor* RevokeMemberSessions(
      grpc::CallbackServerContext* context,
      const v1::RevokeMemberSessionsRequest* request,
      v1::RevokeMemberSessionsResponse* response) override;
  grpc::ServerUnaryReactor* ListRememberedDevices(
      grpc::CallbackServerContext* context,
      const v1::ListRememberedDevicesRequest* request,
      v1::ListRememberedDevicesResponse* response) override;
  grpc::ServerUnaryReactor* RevokeRememberedDevice(
      grpc::CallbackServerContext* context,
      const v1::RevokeRememberedDeviceRequest* request,
      v1::RevokeRememberedDeviceResponse* response) override;

 private:
  Chokepoint& chokepoint_;
  const SessionEngine& engine_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_SESSION_SERVICE_H_
