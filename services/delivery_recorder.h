#ifndef COFACTOR_SERVICES_DELIVERY_RECORDER_H_
#define COFACTOR_SERVICES_DELIVERY_RECORDER_H_

#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/delivery_engine.h"
#include "services/engine/mutation_runner.h"
#include "services/telemetry/log.h"

namespace cofactor::services {

// Brings what becomes of messages to the store, off the threads that tell it.
// It is made before those who tell and opened after those who write, for each
// needs the other. Thread-safe.
class DeliveryRecorder {
 public:
  // log: not owned; must outlive this.
  explicit DeliveryRecorder(Log& log) : log_(log) {}

  // As Close.
  ~DeliveryRecorder();

  // From then on it records. Once. Neither is owned; both must outlive Close.
  void Open(MutationRunner& runner, Executor& executor);

  // Records a report of ours, however much waits: nobody repeats it. Drops it,
  // and logs that, while it is not open.
  void Record(record::v1::DeliveryReport report);

  // Records a report from outside. Returns false, and does not keep it, if too
  // much waits already or it is not open.
  [[nodiscard]] bool TryRecord(record::v1::DeliveryReport report);

  // Takes no more, and waits until what was taken is on disk. Idempotent.
  void Close();

 private:
  // Not owned.
  struct Writers {
    MutationRunner* runner;
    Executor* executor;
  };

  // Null if it is not open. Else a report may begin; Ended is to follow.
  const Writers* Begin();
  void Ended(const absl::Status& status);
  void Run(MutationRunner& runner, record::v1::DeliveryReport report);

  const DeliveryEngine deliveries_{};
  Log& log_;
  Mutex mutex_;
  CondVar changed_;
  // Constant while a report is under way.
  Writers writers_ = {nullptr, nullptr};
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  size_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_DELIVERY_RECORDER_H_
