#ifndef COFACTOR_BASE_EXECUTOR_H_
#define COFACTOR_BASE_EXECUTOR_H_

#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "base/mutex.h"

namespace cofactor {

// Runs tasks. Thread-safe. A task must not wait for another task.
class Executor {
 public:
  using Task = absl::AnyInvocable<void() &&>;

  virtual ~Executor() = default;

  // Takes new work. Returns false, and does not run or keep the task, when as
  // much work waits already as the executor is willing to hold.
  [[nodiscard]] virtual bool TrySchedule(Task task) = 0;

  // Takes the rest of a work that was admitted by TrySchedule, however much
  // waits: what was begun has to end.
  virtual void Continue(Task task) = 0;
};

// Runs a task at once on the thread that brings it. For tests.
class InlineExecutor final : public Executor {
 public:
  bool TrySchedule(Task task) override {
    std::move(task)();
    return true;
  }
  void Continue(Task task) override { std::move(task)(); }
};

// A fixed number of threads with a bounded queue.
class ThreadPool final : public Executor {
 public:
  // threads and capacity: at least 1. capacity: tasks that may wait. niceness:
  // 0 to 19; the more, the less processor time the threads get beside others
  // that want it. It is a wish: nothing fails without it.
  ThreadPool(size_t threads, size_t capacity, int niceness = 0);

  // Runs all that was taken, then ends the threads.
  ~ThreadPool() override;

  bool TrySchedule(Task task) override;
  void Continue(Task task) override;

  // Tasks that wait for a thread.
  size_t waiting() const;

 private:
  void RunTasks();

  const size_t capacity_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace cofactor

#endif  // COFACTOR_BASE_EXECUTOR_H_
