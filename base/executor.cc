#include "base/executor.h"

#include <sys/resource.h>

#include <utility>

namespace cofactor {

ThreadPool::ThreadPool(size_t threads, size_t capacity, int niceness)
    : capacity_(capacity) {
  threads_.reserve(threads);
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, niceness] {
      // On Linux it holds for the calling thread alone.
      if (niceness > 0) setpriority(PRIO_PROCESS, 0, niceness);
      RunTasks();
    });
  }
}

ThreadPool::~ThreadPool() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

bool ThreadPool::TrySchedule(Task task) {
  {
    MutexLock lock(mutex_);
    if (tasks_.size() >= capacity_) return false;
    tasks_.push_back(std::move(task));
  }
  wake_.NotifyOne();
  return true;
}

void ThreadPool::Continue(Task task) {
  {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.NotifyOne();
}

void ThreadPool::RunTasks() {
  while (true) {
    Task task;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && tasks_.empty()) wake_.Wait(mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    std::move(task)();
  }
}

size_t ThreadPool::waiting() const {
  MutexLock lock(mutex_);
  return tasks_.size();
}

}  // namespace cofactor
