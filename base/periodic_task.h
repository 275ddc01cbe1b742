#ifndef COFACTOR_BASE_PERIODIC_TASK_H_
#define COFACTOR_BASE_PERIODIC_TASK_H_

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace cofactor {

// Calls a function again and again on a thread of its own, until destroyed.
// The destructor waits for a call that is running.
class PeriodicTask {
 public:
  // interval: from the end of one call to the start of the next, and before the
  // first one.
  PeriodicTask(absl::Duration interval, std::function<void()> function);
  ~PeriodicTask();

  PeriodicTask(const PeriodicTask&) = delete;
  PeriodicTask& operator=(const PeriodicTask&) = delete;

 private:
  void Run();
  // Returns whether it is time to stop.
  bool WaitForInterval();

  const absl::Duration interval_;
  const std::function<void()> function_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cofactor

#endif  // COFACTOR_BASE_PERIODIC_TASK_H_
