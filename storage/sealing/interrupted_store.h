#ifndef COFACTOR_STORAGE_SEALING_INTERRUPTED_STORE_H_
#define COFACTOR_STORAGE_SEALING_INTERRUPTED_STORE_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "storage/memory/memory_store.h"
#include "storage/store.h"

namespace cofactor::storage {

// A store in memory with which a test can do something at the worst moment.
// For tests. What interrupts must be set while nobody else uses the store.
class InterruptedStore final : public Store {
 public:
  // clock: not owned; must outlive this.
  explicit InterruptedStore(const Clock& clock) : base_(clock) {}

  std::unique_ptr<const Snapshot> GetSnapshot() override {
    if (before_) std::exchange(before_, nullptr)();
    auto snapshot = base_.GetSnapshot();
    if (after_) std::exchange(after_, nullptr)();
    return snapshot;
  }
  void Commit(Transaction transaction, CommitDone done) override {
    if (holds_) {
      held_.emplace_back(std::move(transaction), std::move(done));
    } else {
      base_.Commit(std::move(transaction), std::move(done));
    }
  }
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override {
    return base_.RemoveExpired(max_records);
  }
  absl::Status Health() const override { return base_.Health(); }

  // Called once, just before or after the next snapshot is taken.
  void BeforeNextSnapshot(std::function<void()> what) {
    before_ = std::move(what);
  }
  void AfterNextSnapshot(std::function<void()> what) {
    after_ = std::move(what);
  }

  // From then on commits wait until Release.
  void Hold() { holds_ = true; }
  void Release() {
    holds_ = false;
    for (auto& [transaction, done] : std::exchange(held_, {})) {
      base_.Commit(std::move(transaction), std::move(done));
    }
  }

 private:
  MemoryStore base_;
  std::function<void()> before_;
  std::function<void()> after_;
  bool holds_ = false;
  std::vector<std::pair<Transaction, CommitDone>> held_;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_SEALING_INTERRUPTED_STORE_H_
