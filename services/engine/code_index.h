#ifndef COFACTOR_SERVICES_ENGINE_CODE_INDEX_H_
#define COFACTOR_SERVICES_ENGINE_CODE_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "factors/factor.h"
#include "storage/store.h"

namespace cofactor::services {

// Finds whose code a code is, in an account of any size.
//
// For each account that asks, it keeps a table of the codes which the account's
// authenticators show in the present time step, so that a verification does not
// compute them all again. A table holds keyed digests instead of codes, lasts
// until the first of its codes changes, and is good for one version of the
// account's roster: a restart loses nothing, and no change is overlooked.
//
// Thread-safe.
class CodeIndex {
 public:
  // max_digests: bound of what all tables hold together; 16 bytes each.
  CodeIndex(size_t max_digests, Randomness& randomness);
  ~CodeIndex();

  struct Found {
    // Each once, in any order.
    std::vector<std::string> member_ids;
    // That a guess hits any code of the account, in kChanceUnits.
    uint64_t chance = 0;
  };

  // The ids of the members one of whose confirmed enrollments of the factor
  // accepts the code at that time. Suspended members and locked,
  // disabled or used-up enrollments are among them: whose code it is does not
  // depend on whether it may be used.
  //
  // factor: its descriptor says identifies_member. roster_version: version of
  // the account's RosterRecord in the snapshot.
  // Errors: those of the store, the records and the factor.
  absl::StatusOr<Found> FindMembers(const storage::Snapshot& snapshot,
                                    absl::string_view account_id,
                                    const factors::Factor& factor,
                                    storage::Version roster_version,
                                    absl::string_view code, absl::Time now);

  // Drops tables whose time is over. To be called every now and then, so that
  // an idle server holds none.
  void DropStale(absl::Time now);

 private:
  struct Table {
    storage::Version roster_version = storage::kAbsent;
    absl::Time valid_from;
    absl::Time valid_until;
    uint64_t chance = 0;
    std::vector<std::string> member_ids;
    // Sorted: the digest of a code, and the place of its member.
    std::vector<std::pair<uint64_t, uint32_t>> digests;
  };
  // Account id and factor type.
  using Key = std::pair<std::string, std::string>;
  using Uses = std::list<std::pair<Key, std::shared_ptr<const Table>>>;

  uint64_t Digest(absl::string_view code) const;
  absl::StatusOr<std::shared_ptr<const Table>> Build(
      const storage::Snapshot& snapshot, absl::string_view account_id,
      const factors::Factor& factor, storage::Version roster_version,
      absl::Time now) const;
  std::shared_ptr<const Table> Lookup(const Key& key,
                                      storage::Version roster_version,
                                      absl::Time now);
  void Remember(const Key& key, std::shared_ptr<const Table> table);
  void Erase(Uses::iterator use) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_digests_;
  const Secret digest_key_;
  Mutex mutex_;
  // Most recently used first.
  Uses uses_ ABSL_GUARDED_BY(mutex_);
  std::map<Key, Uses::iterator> tables_ ABSL_GUARDED_BY(mutex_);
  size_t digests_held_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_CODE_INDEX_H_
