#ifndef COFACTOR_SERVICES_ENGINE_CLIENT_DIRECTORY_H_
#define COFACTOR_SERVICES_ENGINE_CLIENT_DIRECTORY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "services/engine/caller.h"
#include "storage/store.h"

namespace cofactor::services {

// Who calls, by what a call brings. It keeps all clients of a store in memory,
// so that a call costs one lookup and one hash. Thread-safe.
class ClientDirectory {
 public:
  ClientDirectory();
  ~ClientDirectory();

  // Reads all clients anew. To be called at the start, after every change of a
  // client before it is answered, and every now and then if others change the
  // store too. On an error what was read before stays.
  absl::Status Load(storage::Store& store);

  // The client of an API key. UNAUTHENTICATED, reason BAD_CREDENTIALS, without
  // saying what is wrong with it.
  absl::StatusOr<std::shared_ptr<const Permissions>> FindByApiKey(
      absl::string_view key, absl::Time now) const;

  // The client that has one of the names of a verified certificate.
  // UNAUTHENTICATED, reason BAD_CREDENTIALS, if none has.
  absl::StatusOr<std::shared_ptr<const Permissions>> FindByTlsIdentities(
      const std::vector<std::string>& identities) const;

 private:
  struct Clients;

  std::shared_ptr<const Clients> Current() const;

  mutable Mutex mutex_;
  std::shared_ptr<const Clients> clients_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_CLIENT_DIRECTORY_H_
