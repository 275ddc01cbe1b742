#ifndef COFACTOR_STORAGE_CHECK_STORE_H_
#define COFACTOR_STORAGE_CHECK_STORE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/sealing/sealing_store.h"

namespace cofactor::storage {

// What CheckStore found.
struct StoreReport {
  // How many keys it names of those that are damaged.
  static constexpr size_t kMaxKeys = 10;

  // All whose key could be read.
  uint64_t records = 0;
  // By the text before the first '/' of the key; the key if it has none.
  std::map<std::string, uint64_t> records_by_prefix;
  // By the key of the key ring that opened them.
  std::map<uint32_t, uint64_t> records_by_key_id;
  // Records that do not open, and the first of their keys in order.
  uint64_t damaged_records = 0;
  std::vector<std::string> damaged_keys;
  // Stretches of the store in which not even keys can be read, and the last
  // readable keys before the first of them (empty: there is none).
  uint64_t unreadable_stretches = 0;
  std::vector<std::string> keys_before_unreadable;

  bool IsSound() const {
    return damaged_records == 0 && unreadable_stretches == 0;
  }
};

// Reads every record as it is at one moment, and opens it. No damage ends it.
// Records that have expired do not count. Takes as long as reading the whole
// store; may run while it serves. UNAVAILABLE: the store cannot be read.
absl::StatusOr<StoreReport> CheckStore(const SealingStore& store);

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_CHECK_STORE_H_
