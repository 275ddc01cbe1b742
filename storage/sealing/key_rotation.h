#ifndef COFACTOR_STORAGE_SEALING_KEY_ROTATION_H_
#define COFACTOR_STORAGE_SEALING_KEY_ROTATION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "base/randomness.h"
#include "storage/sealing/key_ring.h"
#include "storage/sealing/sealing_store.h"
#include "storage/store.h"

namespace cofactor::storage {

// Seals a store anew with a new key while it serves, so that the old keys can
// be destroyed.
//
// A rotation goes over all records, again and again, until it has gone over all
// of them without finding one of an old key, and at the beginning of that pass
// no commit was under way that an old key sealed: then no such record can come
// to light any more. Each record is sealed anew on condition that it is still
// the one that was read, so that no change is lost; its version grows.
//
// All but progress wait for the disk and for each other: for a thread in the
// background, never for one that serves requests. Thread-safe. At most one for
// a store; nobody else may change the store's key ring.
class KeyRotation {
 public:
  struct Progress {
    // Step has work to do.
    bool running = false;
    // The last rotation is complete: what is left is to drop the old keys, if
    // there are any.
    bool finished = false;
    // How often the records were gone over or begun to be, in this rotation.
    uint64_t passes = 0;
    // Over all passes.
    uint64_t records_seen = 0;
    uint64_t records_resealed = 0;
    // In the present or last pass: those that an old key should open, but does
    // not. They stay as they are, and keep the rotation from being finished.
    uint64_t records_damaged = 0;
    uint32_t primary_key_id = 0;
    // Keys of the ring that are not the primary.
    std::vector<uint32_t> old_key_ids;
  };

  // key_ring_path: the file that the ring of the store was read from. Neither
  // store nor randomness is owned; both must outlive this.
  KeyRotation(SealingStore& store, std::string key_ring_path,
              Randomness& randomness);

  // Adds a new primary key to the file and then to the store, and begins a
  // rotation.
  //   FAILED_PRECONDITION  one is running.
  //   NOT_FOUND            the key ring file is gone.
  //   UNAVAILABLE          the key ring file cannot be written.
  // After an error the store goes on with its old ring.
  absl::Status Start();

  // Takes up what an earlier process may have left unfinished: begins a
  // rotation to the present primary key if the ring holds others. Returns
  // whether one is running. Cheap: Step finds out whether anything is to do.
  bool Resume();

  // Goes on by at most max_records records (1 to 1024; another number is taken
  // for the nearest). Returns whether there is more to do; false if no rotation
  // is running.
  //   DATA_LOSS  all is done but for damaged records. The rotation has ended
  //              without being finished; the keys must stay.
  //   others     as the store says; a later call tries the same again.
  absl::StatusOr<bool> Step(size_t max_records);

  // Takes the old keys out of the file and the store, after it made sure that
  // no record needs them. Also removes what has expired, which no rotation
  // sees. OK if there are no old keys.
  //   FAILED_PRECONDITION  no rotation was finished in this process, or one is
  //                        running, or a record still needs an old key: then
  //                        Resume.
  //   NOT_FOUND, UNAVAILABLE  the key ring file is gone, or cannot be written.
  //   others                  as the store says.
  absl::Status DropOldKeys();

  Progress progress() const;

 private:
  // One time over all records.
  struct Pass {
    // Whether a commit by an old key was under way at its beginning.
    bool began_too_early = false;
    bool found_work = false;
    uint64_t damaged = 0;
    // The last key that was looked at.
    std::string seen_to;
  };
  void Begin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(work_mutex_);
  void BeginPass() ABSL_EXCLUSIVE_LOCKS_REQUIRED(work_mutex_);
  // Returns whether there is more to do.
  absl::StatusOr<bool> EndPass() ABSL_EXCLUSIVE_LOCKS_REQUIRED(work_mutex_);
  // Seals anew those of the entries that need it, and waits.
  absl::Status Reseal(const std::vector<Entry>& entries)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(work_mutex_);
  absl::Status RemoveAllExpired();
  absl::Status CheckNothingNeedsOldKeys(const KeyRing& key_ring);

  SealingStore& store_;
  const std::string key_ring_path_;
  Randomness& randomness_;
  // Held over all work, so that keys cannot be dropped during a pass.
  Mutex work_mutex_;
  // Unless no rotation is running.
  std::optional<Pass> pass_ ABSL_GUARDED_BY(work_mutex_);
  // Held for moments alone; after work_mutex_.
  mutable Mutex progress_mutex_;
  // But for the keys, which the ring of the store tells.
  Progress progress_ ABSL_GUARDED_BY(progress_mutex_);
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_SEALING_KEY_ROTATION_H_
