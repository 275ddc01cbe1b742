#ifndef COFACTOR_STORAGE_CONFORMANCE_STORE_CONFORMANCE_H_
#define COFACTOR_STORAGE_CONFORMANCE_STORE_CONFORMANCE_H_

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "storage/store.h"

namespace cofactor::storage {

// Makes an empty store. The clock outlives it.
using StoreFactory = std::function<std::unique_ptr<Store>(const Clock&)>;

struct StoreKind {
  // Letters, digits and '_': it names the tests.
  std::string name;
  StoreFactory make;
};

// What every store has to do. A test program links this and says
// INSTANTIATE_TEST_SUITE_P(AnyName, StoreConformanceTest, its StoreKinds,
//                          NameOfStoreKind).
class StoreConformanceTest : public testing::TestWithParam<StoreKind> {
 protected:
  using Keys = std::vector<std::string>;

  StoreConformanceTest() : store_(GetParam().make(clock_)) {}

  absl::Status Put(const std::string& key, const std::string& value,
                   absl::Time expire_time = absl::InfiniteFuture());
  absl::Status Delete(const std::string& key);
  // Puts if the key has this version.
  absl::Status PutIf(const std::string& key, Version version,
                     const std::string& value);
  Record Get(const std::string& key);
  static Keys KeysOf(const absl::StatusOr<std::vector<Entry>>& entries);
  // Sweeps until nothing has expired; max_records at a time.
  size_t RemoveAllExpired(size_t max_records);

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const std::unique_ptr<Store> store_;
};

void PrintTo(const StoreKind& kind, std::ostream* out);
std::string NameOfStoreKind(const testing::TestParamInfo<StoreKind>& info);

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_CONFORMANCE_STORE_CONFORMANCE_H_
