#include "services/admin_service.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* AdminService::CreateClient(
    grpc::CallbackServerContext* context, const v1::CreateClientRequest* request,
    v1::CreateClientResponse* response) {
  return chokepoint_.MutateThen(context, request, response, clients_, &ClientEngine::CreateClient, reload_);
}

grpc::ServerUnaryReactor* AdminService::GetClient(
    grpc::CallbackServerContext* context, const v1::GetClientRequest* request,
    v1::GetClientResponse* response) {
  return chokepoint_.Read(context, request, response, clients_, &ClientEngine::GetClient);
}

grpc::ServerUnaryReactor* AdminService::ListClients(
    grpc::CallbackServerContext* context, const v1::ListClientsRequest* request,
    v1::ListClientsResponse* response) {
  return chokepoint_.Read(context, request, response, clients_, &ClientEngine::ListClients);
}

grpc::ServerUnaryReactor* AdminService::UpdateClient(
    grpc::CallbackServerContext* context, const v1::UpdateClientRequest* request,
    v1::UpdateClientResponse* response) {
  return chokepoint_.MutateThen(context, request, response, clients_, &ClientEngine::UpdateClient, reload_);
}

grpc::ServerUnaryReactor* AdminService::RevokeClient(
    grpc::CallbackServerContext* context, const v1::RevokeClientRequest* request,
    v1::RevokeClientResponse* response) {
  return chokepoint_.MutateThen(context, request, response, clients_, &ClientEngine::RevokeClient, reload_);
}

grpc::ServerUnaryReactor* AdminService::RotateClientKey(
    grpc::CallbackServerContext* context, const v1::RotateClientKeyRequest* request,
    v1::RotateClientKeyResponse* response) {
  return chokepoint_.MutateThen(context, request, response, clients_, &ClientEngine::RotateClientKey, reload_);
}

}  // namespace cofactor::services
