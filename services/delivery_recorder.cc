#include "services/delivery_recorder.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "services/engine/caller.h"
#include "services/engine/plan.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::DeliveryReport;
using ::cofactor::record::v1::DeliveryReported;

}  // namespace

DeliveryRecorder::~DeliveryRecorder() { Close(); }

void DeliveryRecorder::Open(MutationRunner& runner, Executor& executor) {
  MutexLock lock(mutex_);
  writers_ = {&runner, &executor};
  open_ = true;
}

const DeliveryRecorder::Writers* DeliveryRecorder::Begin() {
  MutexLock lock(mutex_);
  if (!open_) return nullptr;
  ++under_way_;
  return &writers_;
}

void DeliveryRecorder::Ended(const absl::Status& status) {
  // A message that is gone: a late report is no mishap.
  if (!status.ok() && !absl::IsNotFound(status)) {
    log_.Write(LogLevel::kWarning, "delivery_not_recorded",
               {{"code", absl::StatusCodeToString(status.code())}});
  }
  MutexLock lock(mutex_);
  --under_way_;
  changed_.NotifyAll();
}

void DeliveryRecorder::Record(DeliveryReport report) {
  const Writers* writers = Begin();
  if (writers == nullptr) {
    log_.Write(LogLevel::kWarning, "delivery_not_recorded",
               {{"code", "CLOSED"}});
    return;
  }
  writers->executor->Continue(
      [this, writers, report = std::move(report)]() mutable {
        Run(*writers->runner, std::move(report));
      });
}

bool DeliveryRecorder::TryRecord(DeliveryReport report) {
  const Writers* writers = Begin();
  if (writers == nullptr) return false;
  const bool is_taken = writers->executor->TrySchedule(
      [this, writers, report = std::move(report)]() mutable {
        Run(*writers->runner, std::move(report));
      });
  if (!is_taken) Ended(absl::OkStatus());
  return is_taken;
}

void DeliveryRecorder::Run(MutationRunner& runner, DeliveryReport report) {
  struct Call {
    DeliveryReport request;
    DeliveryReported response;
  };
  auto call = std::make_unique<Call>();
  call->request = std::move(report);
  Call& borrowed = *call;
  runner.Run(
      Caller::Server(), borrowed.request, "", borrowed.response,
      [this, &borrowed](Plan& plan) {
        return deliveries_.RecordDelivery(plan, borrowed.request,
                                          borrowed.response);
      },
      [this, call = std::move(call)](const absl::Status& status) {
        Ended(status);
      });
}

void DeliveryRecorder::Close() {
  MutexLock lock(mutex_);
  open_ = false;
  // Each ends once the disk has it, or has failed.
  while (under_way_ > 0) changed_.Wait(mutex_);
}

}  // namespace cofactor::services
