#include "services/device_service.h"

#include <utility>

#include "services/open_streams.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* DeviceService::CreateDeviceNonce(
    grpc::CallbackServerContext* context,
    const v1::CreateDeviceNonceRequest* request,
    v1::CreateDeviceNonceResponse* response) {
  return chokepoint_.Read(context, request, response, engine_,
                          &DeviceEngine::CreateDeviceNonce);
}

grpc::ServerUnaryReactor* DeviceService::RegisterDevice(
    grpc::CallbackServerContext* context,
    const v1::RegisterDeviceRequest* request,
    v1::RegisterDeviceResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &DeviceEngine::RegisterDevice);
}

grpc::ServerUnaryReactor* DeviceService::ListPendingChallenges(
    grpc::CallbackServerContext* context,
    const v1::ListPendingChallengesRequest* request,
    v1::ListPendingChallengesResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &DeviceEngine::ListPendingChallenges);
}

grpc::ServerUnaryReactor* DeviceService::AnswerChallenge(
    grpc::CallbackServerContext* context,
    const v1::AnswerChallengeRequest* request,
    v1::AnswerChallengeResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &DeviceEngine::AnswerChallenge);
}

grpc::ServerUnaryReactor* DeviceService::RotateDeviceKey(
    grpc::CallbackServerContext* context,
    const v1::RotateDeviceKeyRequest* request,
    v1::RotateDeviceKeyResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &DeviceEngine::RotateDeviceKey);
}

grpc::ServerUnaryReactor* DeviceService::UpdateDevice(
    grpc::CallbackServerContext* context,
    const v1::UpdateDeviceRequest* request,
    v1::UpdateDeviceResponse* response) {
  return chokepoint_.Mutate(context, request, response, engine_,
                            &DeviceEngine::UpdateDevice);
}

DeviceChannels::Reactor* DeviceService::OpenDeviceChannel(
    grpc::CallbackServerContext* context) {
  // It has no request to ask the gate with: what comes on it comes later.
  absl::StatusOr<Caller> caller = chokepoint_.Admit(
      *context, v1::OpenDeviceChannelRequest::default_instance());
  if (!caller.ok()) {
    return RefuseStream<DeviceChannels::Reactor>(caller.status());
  }
  return channels_.Open(*context, *std::move(caller));
}

}  // namespace cofactor::services
