#include "storage/transaction.h"

#include <utility>

namespace cofactor::storage {

Transaction& Transaction::Expect(absl::string_view key, Version version) {
  conditions_.push_back({std::string(key), version});
  return *this;
}

Transaction& Transaction::Put(absl::string_view key, std::string value,
                              absl::Time expire_time) {
  writes_.push_back({std::string(key), std::move(value), expire_time, false});
  return *this;
}

Transaction& Transaction::Delete(absl::string_view key) {
  writes_.push_back({std::string(key), "", absl::InfiniteFuture(), true});
  return *this;
}

Transaction& Transaction::AppendTo(Append append) {
  appends_.push_back(std::move(append));
  return *this;
}

}  // namespace cofactor::storage
