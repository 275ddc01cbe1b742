#include "storage/store.h"

#include <future>
#include <utility>

namespace cofactor::storage {

absl::Status CommitAndWait(Store& store, Transaction transaction) {
  std::promise<absl::Status> result;
  store.Commit(std::move(transaction), [&result](absl::Status status) {
    result.set_value(std::move(status));
  });
  return result.get_future().get();
}

}  // namespace cofactor::storage
