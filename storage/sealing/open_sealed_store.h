#ifndef COFACTOR_STORAGE_SEALING_OPEN_SEALED_STORE_H_
#define COFACTOR_STORAGE_SEALING_OPEN_SEALED_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/randomness.h"
#include "storage/sealing/sealing_store.h"
#include "storage/store.h"

namespace cofactor::storage {

// Puts the sealing on a store that was opened. At the first start it makes the
// key ring file, and in the store a record by which later starts know that they
// have the right one. randomness: not owned; must outlive the store.
//   FAILED_PRECONDITION  the key ring is missing though the store is in use, is
//                        not the one of this store, or is not fit for use; the
//                        message says what to do. Nothing was changed.
//   DATA_LOSS, UNAVAILABLE  as the base store says.
absl::StatusOr<std::unique_ptr<SealingStore>> OpenSealedStore(
    std::unique_ptr<Store> base, const std::string& key_ring_path,
    Randomness& randomness);

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_SEALING_OPEN_SEALED_STORE_H_
