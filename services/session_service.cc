#include "services/session_service.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* SessionService::RefreshSession(
    grpc::CallbackServerContext* context,
    const v1::RefreshSessionRequest* request,
    v1::RefreshSessionResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &SessionEngine::RefreshSession);
}

grpc::ServerUnaryReactor* SessionService::IntrospectSession(
    grpc::CallbackServerContext* context,
    const v1::IntrospectSessionRequest* request,
    v1::IntrospectSessionResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &SessionEngine::IntrospectSession);
}

grpc::ServerUnaryReactor* SessionService::ListSessions(
    grpc::CallbackServerContext* context,
    const v1::ListSessionsRequest* request,
    v1::ListSessionsResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &SessionEngine::ListSessions);
}

grpc::ServerUnaryReactor* SessionService::RevokeSession(
    grpc::CallbackServerContext* context,
    const v1::RevokeSessionRequest* request,
    v1::RevokeSessionResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &SessionEngine::RevokeSession);
}

grpc::ServerUnaryReactor* SessionService::RevokeMemberSessions(
    grpc::CallbackServerContext* context,
    const v1::RevokeMemberSessionsRequest* request,
    v1::RevokeMemberSessionsResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &SessionEngine::RevokeMemberSessions);
}

grpc::ServerUnaryReactor* SessionService::ListRememberedDevices(
    grpc::CallbackServerContext* context,
    const v1::ListRememberedDevicesRequest* request,
    v1::ListRememberedDevicesResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &SessionEngine::ListRememberedDevices);
}

grpc::ServerUnaryReactor* SessionService::RevokeRememberedDevice(
    grpc::CallbackServerContext* context,
    const v1::RevokeRememberedDeviceRequest* request,
    v1::RevokeRememberedDeviceResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &SessionEngine::RevokeRememberedDevice);
}

}  // namespace cofactor::services
