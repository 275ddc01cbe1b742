#ifndef COFACTOR_STORAGE_SEALING_SEALING_STORE_H_
#define COFACTOR_STORAGE_SEALING_SEALING_STORE_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
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

 private:
  // Seals a value under the primary key and for its place: its key, or the
  // prefix of its log.
  void Seal(absl::string_view place, std::string& value);

  const KeyRing key_ring_;
  Randomness& randomness_;
  // Last, so that it ends first: it may still call back.
  const std::unique_ptr<Store> base_;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_SEALING_SEALING_STORE_H_
