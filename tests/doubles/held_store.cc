#include "tests/doubles/held_store.h"

namespace cofactor {

void HeldStore::Hold() {
  std::lock_guard<std::mutex> lock(mutex_);
  holding_ = true;
}

void HeldStore::Release() {
  std::vector<std::pair<storage::Transaction, CommitDone>> released;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    holding_ = false;
    released = std::exchange(held_, {});
  }
  for (auto& [transaction, done] : released) {
    base_->Commit(std::move(transaction), std::move(done));
  }
}

void HeldStore::WaitUntilHeld(size_t transactions) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return held_.size() >= transactions; });
}

void HeldStore::Commit(storage::Transaction transaction, CommitDone done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (holding_) {
      held_.emplace_back(std::move(transaction), std::move(done));
      changed_.notify_all();
      return;
    }
  }
  base_->Commit(std::move(transaction), std::move(done));
}

}  // namespace cofactor
