#ifndef COFACTOR_TESTS_DOUBLES_HELD_STORE_H_
#define COFACTOR_TESTS_DOUBLES_HELD_STORE_H_

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace cofactor {

// A store whose disk a test can hold: while it does, transactions wait, and are
// not even looked at. Thread-safe.
class HeldStore final : public storage::Store {
 public:
  explicit HeldStore(std::unique_ptr<storage::Store> base)
      : base_(std::move(base)) {}
  ~HeldStore() override { Release(); }

  void Hold();
  // Lets go, and passes on what waited in its order.
  void Release();
  // Blocks until so many transactions wait.
  void WaitUntilHeld(size_t transactions);

  std::unique_ptr<const storage::Snapshot> GetSnapshot() override {
    return base_->GetSnapshot();
  }
  void Commit(storage::Transaction transaction, CommitDone done) override;
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override {
    return base_->RemoveExpired(max_records);
  }
  absl::Status Health() const override { return base_->Health(); }

 private:
  const std::unique_ptr<storage::Store> base_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool holding_ = false;
  std::vector<std::pair<storage::Transaction, CommitDone>> held_;
};

}  // namespace cofactor

#endif  // COFACTOR_TESTS_DOUBLES_HELD_STORE_H_
