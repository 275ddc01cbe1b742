#ifndef COFACTOR_SERVICES_DEV_SERVICE_H_
#define COFACTOR_SERVICES_DEV_SERVICE_H_

#include "absl/status/status.h"
#include "base/clock.h"
#include "cofactor/dev/v1/dev_service.grpc.pb.h"
#include "services/chokepoint.h"
#include "services/messenger/outbox_gateway.h"
#include "storage/store.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.dev.v1.DevService. Thread-safe.
class DevService final : public dev::v1::DevService::CallbackService {
 public:
  // None is owned; all must outlive this. outbox: null if there is none.
  DevService(Chokepoint& chokepoint, OffsetClock& clock,
             const OutboxGateway* outbox)
      : chokepoint_(chokepoint), clock_(clock), outbox_(outbox) {}

  grpc::ServerUnaryReactor* MoveClock(
      grpc::CallbackServerContext* context,
      const dev::v1::MoveClockRequest* request,
      dev::v1::MoveClockResponse* response) override;
  grpc::ServerUnaryReactor* GetClock(
      grpc::CallbackServerContext* context,
      const dev::v1::GetClockRequest* request,
      dev::v1::GetClockResponse* response) override;
  grpc::ServerUnaryReactor* ListOutbox(
      grpc::CallbackServerContext* context,
      const dev::v1::ListOutboxRequest* request,
      dev::v1::ListOutboxResponse* response) override;

 private:
  Chokepoint& chokepoint_;
  OffsetClock& clock_;
  const OutboxGateway* const outbox_;
};

// How far the clock of a store was moved by MoveClock; zero if never.
absl::StatusOr<absl::Duration> StoredClockOffset(storage::Store& store);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_DEV_SERVICE_H_
