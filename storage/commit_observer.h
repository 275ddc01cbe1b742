#ifndef COFACTOR_STORAGE_COMMIT_OBSERVER_H_
#define COFACTOR_STORAGE_COMMIT_OBSERVER_H_

#include <cstddef>

#include "absl/time/time.h"

namespace cofactor::storage {

// Hears how a store writes, for metrics. Thread-safe.
class CommitObserver {
 public:
  virtual ~CommitObserver() = default;

  // A batch of transactions is on disk. It is called before any of them is
  // answered, on the thread that all of them wait for: it must be quick.
  // transactions: at least 1. sync_time: what the write and its sync took.
  virtual void BatchCommitted(size_t transactions,
                              absl::Duration sync_time) = 0;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_COMMIT_OBSERVER_H_
