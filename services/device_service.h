#ifndef COFACTOR_SERVICES_DEVICE_SERVICE_H_
#define COFACTOR_SERVICES_DEVICE_SERVICE_H_

#include "cofactor/v1/device_service.grpc.pb.h"
#include "services/chokepoint.h"
#include "services/device_channels.h"
#include "services/engine/device_engine.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.DeviceService to the engine. Thread-safe.
class DeviceService final : public v1::DeviceService::CallbackService {
 public:
  // None is owned; all must outlive this.
  DeviceService(Chokepoint& chokepoint, const DeviceEngine& engine,
                DeviceChannels& channels)
      : chokepoint_(chokepoint), engine_(engine), channels_(channels) {}

  grpc::ServerUnaryReactor* CreateDeviceNonce(
      grpc::CallbackServerContext* context,
      const v1::CreateDeviceNonceRequest* request,
      v1::CreateDeviceNonceResponse* response) override;
  grpc::ServerUnaryReactor* RegisterDevice(
      grpc::CallbackServerContext* context,
      const v1::RegisterDeviceRequest* request,
      v1::RegisterDeviceResponse* response) override;
  grpc::ServerUnaryReactor* ListPendingChallenges(
      grpc::CallbackServerContext* context,
      const v1::ListPendingChallengesRequest* request,
      v1::ListPendingChallengesResponse* response) override;
  grpc::ServerUnaryReactor* AnswerChallenge(
      grpc::CallbackServerContext* context,
      const v1::AnswerChallengeRequest* request,
      v1::AnswerChallengeResponse* response) override;
  grpc::ServerUnaryReactor* RotateDeviceKey(
      grpc::CallbackServerContext* context,
      const v1::RotateDeviceKeyRequest* request,
      v1::RotateDeviceKeyResponse* response) override;
  grpc::ServerUnaryReactor* UpdateDevice(
      grpc::CallbackServerContext* context,
      const v1::UpdateDeviceRequest* request,
      v1::UpdateDeviceResponse* response) override;
  DeviceChannels::Reactor* OpenDeviceChannel(
      grpc::CallbackServerContext* context) override;

 private:
  Chokepoint& chokepoint_;
  const DeviceEngine& engine_;
  DeviceChannels& channels_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_DEVICE_SERVICE_H_
