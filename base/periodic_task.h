#ifndef COFACTOR_BASE_PERIODIC_TASK_H_
#define COFACTOR_BASE_PERIODIC_TASK_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

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

  const absl::Duration interval_;
  const std::function<void()> function_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cofactor

#endif  // COFACTOR_BASE_PERIODIC_TASK_H_
