#ifndef COFACTOR_STORAGE_STORE_H_
#define COFACTOR_STORAGE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "storage/transaction.h"

namespace cofactor::storage {

// What a key holds.
struct Record {
  std::string value;
  // kAbsent if the key holds nothing; value is empty then.
  Version version = kAbsent;
  // As it was put, if need be cut to whole microseconds. InfiniteFuture: it
  // never expires, or does not exist.
  absl::Time expire_time = absl::InfiniteFuture();

  bool exists() const { return version != kAbsent; }
};

// A record with its key, as a scan returns it.
struct Entry {
  std::string key;
  Record record;
};

// The state of a store at one moment: nothing that is committed later shows.
// Records whose expire time has passed are absent. Thread-compatible. Must end
// before its store, and should be short-lived: it keeps old values alive.
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  // Reads a key. A key that holds nothing is not an error: the record says so,
  // and its version can be a condition.
  // DATA_LOSS: the value is damaged or was not written under this key.
  // UNAVAILABLE: the store cannot be read.
  virtual absl::StatusOr<Record> Get(absl::string_view key) const = 0;

  // Reads up to limit records whose keys start with prefix and are greater than
  // start_after, in the order of their keys' bytes. start_after may be empty.
  // Errors: as Get; no partial result.
  virtual absl::StatusOr<std::vector<Entry>> Scan(absl::string_view prefix,
                                                  absl::string_view start_after,
                                                  size_t limit) const = 0;
};

// An ordered, versioned key-value store with optimistic transactions.
//
// Thread-safe. Nothing here assumes that only one process uses the data.
class Store {
 public:
  // Called once for each Commit, on a thread of the store, or on the committing
  // thread. It must not block and must not destroy the store.
  using CommitDone = absl::AnyInvocable<void(absl::Status) &&>;

  // Waits until every transaction that was taken is done.
  virtual ~Store() = default;

  virtual std::unique_ptr<const Snapshot> GetSnapshot() = 0;

  // Applies a transaction whole or not at all, and calls done when it is
  // durable: after OK no crash of process or machine undoes it, and every
  // snapshot taken from then on shows it.
  //   OK           it is durable.
  //   ABORTED      a condition does not hold; nothing was done. Read again.
  //   UNAVAILABLE  the store takes no transactions; nothing was done.
  //   UNKNOWN      the write failed on its way to the disk. It may come to
  //                light after a restart. The store has failed for good.
  virtual void Commit(Transaction transaction, CommitDone done) = 0;

  // Removes records whose expire time has passed, at most max_records of them,
  // and returns how many. To be called from time to time; costs nothing for
  // records that have not expired. Waits for the disk.
  virtual absl::StatusOr<size_t> RemoveExpired(size_t max_records) = 0;

  // OK, or why the store has failed for good: then every call fails until the
  // process is started again.
  virtual absl::Status Health() const = 0;
};

// Commits and waits. For start-up, tools and tests; never for a thread that
// serves requests.
absl::Status CommitAndWait(Store& store, Transaction transaction);

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_STORE_H_
