#ifndef COFACTOR_SERVICES_STORE_KEEPER_H_
#define COFACTOR_SERVICES_STORE_KEEPER_H_

#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/randomness.h"
#include "storage/sealing/key_rotation.h"
#include "storage/sealing/sealing_store.h"

namespace cofactor::services {

// Works on a store while it serves: rotates its keys and backs it up, on a
// thread of its own, as all that waits for the disk. Thread-safe.
class StoreKeeper {
 public:
  using Done = absl::AnyInvocable<void(absl::Status) &&>;
  // Copies the store to a folder that must not exist yet.
  using BackUp = std::function<absl::Status(const std::string& folder)>;

  // backup_folder: where backups are made; empty: none are. store, randomness:
  // not owned; must outlive this.
  StoreKeeper(storage::SealingStore& store, std::string key_ring_path,
              Randomness& randomness, BackUp back_up,
              std::string backup_folder);

  // Adds a new primary key and begins to seal everything anew with it.
  // FAILED_PRECONDITION, reason ROTATION_RUNNING, if a rotation is under way.
  void RotateKeys(Done done);
  // Forgets the keys that nothing needs any more. FAILED_PRECONDITION, reason
  // OLD_KEYS_NEEDED, until a rotation is complete.
  void DropOldKeys(Done done);
  // Makes a backup of that name. FAILED_PRECONDITION, reason NO_BACKUP_FOLDER;
  // ALREADY_EXISTS.
  void CreateBackup(const std::string& name, Done done);

  storage::KeyRotation::Progress rotation() const {
    return rotation_.progress();
  }

  // Goes on with a rotation that is under way. To be called every now and then,
  // so that one that met an error, or a restart, is taken up again.
  void Tick();

 private:
  void Step();

  storage::KeyRotation rotation_;
  const BackUp back_up_;
  const std::string backup_folder_;
  Mutex mutex_;
  bool stepping_ ABSL_GUARDED_BY(mutex_) = false;
  // Last: what it runs uses the rest.
  ThreadPool thread_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_STORE_KEEPER_H_
