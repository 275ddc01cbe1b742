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
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void PeriodicTask::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!wake_.wait_for(lock, absl::ToChronoNanoseconds(interval_),
                         [this] { return stopping_; })) {
    lock.unlock();
    function_();
    lock.lock();
  }
}

}  // namespace cofactor
