// Runs the conformance suite over all stores.
#include "storage/conformance/store_conformance.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/sealing/open_sealed_store.h"

namespace cofactor::storage {
namespace {

// A path that no other test uses.
std::string NewPath() {
  static std::atomic<int> count{0};
  return absl::StrCat(testing::TempDir(), "/store", count++);
}

std::unique_ptr<Store> MakeMemory(const Clock& clock) {
  return std::make_unique<MemoryStore>(clock);
}

std::unique_ptr<Store> MakeRocksDb(const Clock& clock) {
  RocksDbOptions options;
  options.path = NewPath();
  auto store = RocksDbStore::Open(options, clock);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

// The same store under the sealing.
StoreFactory Sealed(const StoreFactory& make_base) {
  return [make_base](const Clock& clock) {
    static SystemRandomness randomness;
    auto store = OpenSealedStore(make_base(clock), NewPath(), randomness);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  };
}

INSTANTIATE_TEST_SUITE_P(
    AllStores, StoreConformanceTest,
    testing::Values(StoreKind{"memory", MakeMemory},
                    StoreKind{"rocksdb", MakeRocksDb},
                    StoreKind{"sealed_memory", Sealed(MakeMemory)},
                    StoreKind{"sealed_rocksdb", Sealed(MakeRocksDb)}),
    NameOfStoreKind);

}  // namespace
}  // namespace cofactor::storage
