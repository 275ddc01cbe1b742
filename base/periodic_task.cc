#include "base/periodic_task.h"

#include <utility>

namespace cofactor {

PeriodicTask::PeriodicTask(absl::Duration interval,
                           std::function<void()> function)
    : interval_(interval),
      function_(std::move(function)),
      thread_([this] { Run(); }) {}

PeriodicTask::~PeriodicTask() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void PeriodicTask::Run() {
  while (!WaitForInterval()) function_();
}

bool PeriodicTask::WaitForInterval() {
  MutexLock lock(mutex_);
  // A wake-up without a reason only shortens one interval.
  if (!stopping_) wake_.WaitFor(mutex_, absl::ToChronoNanoseconds(interval_));
  return stopping_;
}

}  // namespace cofactor
