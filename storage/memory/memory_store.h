#ifndef COFACTOR_STORAGE_MEMORY_MEMORY_STORE_H_
#define COFACTOR_STORAGE_MEMORY_MEMORY_STORE_H_

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "storage/log.h"
#include "storage/store.h"
#include "storage/transaction.h"

namespace cofactor::storage {

// A store that lasts as long as its process. For tests, and for whoever wants
// to try the server without a disk. Thread-safe. Snapshots must end before it.
class MemoryStore final : public Store {
 public:
  // clock: not owned; must outlive this.
  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  std::unique_ptr<const Snapshot> GetSnapshot() override;

  // Calls done before it returns.
  void Commit(Transaction transaction, CommitDone done) override;
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override;
  absl::Status Health() const override { return absl::OkStatus(); }

  // How many contents are kept, with those that only snapshots see and the
  // marks of deleted keys that hide those.
  size_t revision_count() const;

 private:
  class MemorySnapshot;

  // What a key held from one commit on.
  struct Revision {
    Version version = kAbsent;
    std::string value;
    absl::Time expire_time;
    bool deleted = false;
  };
  // A key that a commit has left more than its present content of.
  struct Superseded {
    Version since = kAbsent;
    std::string key;
  };
  // Oldest first.
  using Revisions = std::vector<Revision>;

  static const Revision* At(const Revisions& revisions, Version moment,
                            absl::Time now);
  absl::Status Apply(Transaction& transaction)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Append(const std::string& key, Revision revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Drops what no snapshot can see any more. Returns whether more than the
  // present content is left.
  bool Trim(std::map<std::string, Revisions>::iterator entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends a snapshot, and drops what it was the last to see.
  void Release(Version moment);

  const Clock& clock_;
  mutable Mutex mutex_;
  Version last_version_ ABSL_GUARDED_BY(mutex_) = kAbsent;
  std::map<std::string, Revisions> records_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, LogHead> log_heads_ ABSL_GUARDED_BY(mutex_);
  std::multiset<Version> snapshots_ ABSL_GUARDED_BY(mutex_);
  // In the order of the commits.
  std::deque<Superseded> superseded_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<absl::Time, std::string>> expiries_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_MEMORY_MEMORY_STORE_H_
