#include "storage/sealing/open_sealed_store.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/sealing/key_ring.h"

namespace cofactor::storage {
namespace {

// Sorts before every other record.
constexpr absl::string_view kCheckKey = "!sealing";
constexpr absl::string_view kCheckValue = "the key ring of this store";

absl::StatusOr<bool> IsEmpty(Store& store) {
  ASSIGN_OR_RETURN(const std::vector<Entry> first,
                   store.GetSnapshot()->Scan("", "", 1));
  return first.empty();
}

absl::StatusOr<KeyRing> ReadOrMakeKeyRing(Store& base, const std::string& path,
                                          Randomness& randomness) {
  absl::StatusOr<KeyRing> key_ring = ReadKeyRingFile(path);
  if (!absl::IsNotFound(key_ring.status())) return key_ring;
  ASSIGN_OR_RETURN(const bool is_new, IsEmpty(base));
  if (!is_new) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the key ring ", path,
        " is missing, and the store was sealed with one: put it back, or name "
        "its place; without it nothing in the store can be read"));
  }
  RETURN_IF_ERROR(WriteKeyRingFile(path, NewKeyRingText(randomness)));
  return ReadKeyRingFile(path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SealingStore>> OpenSealedStore(
    std::unique_ptr<Store> base, const std::string& key_ring_path,
    Randomness& randomness) {
  ASSIGN_OR_RETURN(KeyRing key_ring,
                   ReadOrMakeKeyRing(*base, key_ring_path, randomness));
  // A start that was killed after it made the key ring left an empty store.
  ASSIGN_OR_RETURN(const bool is_new, IsEmpty(*base));
  auto store = std::make_unique<SealingStore>(std::move(base),
                                              std::move(key_ring), randomness);
  if (is_new) {
    Transaction transaction;
    transaction.Expect(kCheckKey, kAbsent);
    transaction.Put(kCheckKey, std::string(kCheckValue));
    RETURN_IF_ERROR(CommitAndWait(*store, std::move(transaction)));
    return store;
  }
  const absl::StatusOr<Record> check = store->GetSnapshot()->Get(kCheckKey);
  if (absl::IsDataLoss(check.status()) ||
      (check.ok() && check->value != kCheckValue)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the key ring ", key_ring_path,
        " is not the one that this store was sealed with: put the right one "
        "in its place"));
  }
  RETURN_IF_ERROR(check.status());
  return store;
}

}  // namespace cofactor::storage
