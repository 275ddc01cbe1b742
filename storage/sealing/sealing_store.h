#ifndef COFACTOR_STORAGE_SEALING_SEALING_STORE_H_
#define COFACTOR_STORAGE_SEALING_SEALING_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/randomness.h"
#include "storage/sealing/key_ring.h"
#include "storage/store.h"

namespace cofactor::storage {

// Seals every value on its way into another store. Keys, versions and expire
// times stay readable. A value opens only under the key it was put under, so
// that records cannot be swapped. docs/storage.md describes the format.
//
// Thread-safe.
class SealingStore final : public Store {
 public:
  // randomness: not owned; must outlive this.
  SealingStore(std::unique_ptr<Store> base, KeyRing key_ring,
               Randomness& randomness);

  std::unique_ptr<const Snapshot> GetSnapshot() override;
  void Commit(Transaction transaction, CommitDone done) override;
  absl::StatusOr<size_t> RemoveExpired(size_t max_records) override;
  absl::Status Health() const override;

  // The ring whose primary seals what is committed now.
  std::shared_ptr<const KeyRing> key_ring() const;

  // Seals with another ring from now on. It must hold every key that a value
  // in the store, or a commit under way, was sealed with. Snapshots go on with
  // the ring they were made with.
  void UseKeyRing(KeyRing key_ring);

  // Whether a commit is under way that an earlier ring than the present one
  // sealed. Once this was false it stays so until the next UseKeyRing, and
  // every snapshot from then on shows what those commits did: no value by a
  // key that the present ring does not seal with can appear after it.
  bool HasCommitsOfEarlierRings();

  // What lies in the base at a moment, sealed, and the ring that opens all of
  // it. For checks.
  struct SealedSnapshot {
    std::unique_ptr<const Snapshot> base;
    std::shared_ptr<const KeyRing> key_ring;
  };
  SealedSnapshot GetSealedSnapshot() const;

  // What lies there is sealed. For key rotation.
  Store& base() const { return *base_; }

 private:
  // Replaces a value by what it is sealed to, for its place.
  void Seal(const KeyRing& key_ring, absl::string_view place,
            std::string& value);

  // The time in which one ring seals. Each commit holds it until the base has
  // answered: an era that nobody holds any more is over, and nothing can be
  // miscounted. Snapshots hold the ring alone.
  struct Era {
    std::shared_ptr<const KeyRing> key_ring;
  };

  std::shared_ptr<const Era> era() const;

  Randomness& randomness_;
  mutable Mutex mutex_;
  std::shared_ptr<const Era> era_ ABSL_GUARDED_BY(mutex_);
  // Those before era_ that may not be over.
  std::vector<std::weak_ptr<const Era>> earlier_eras_ ABSL_GUARDED_BY(mutex_);
  // Last, so that it ends first: it may still call back.
  const std::unique_ptr<Store> base_;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_SEALING_SEALING_STORE_H_
