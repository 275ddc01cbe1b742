#include "services/store_keeper.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace cofactor::services {
namespace {

constexpr size_t kMaxWaiting = 16;
// Some milliseconds of work.
constexpr size_t kRecordsPerStep = 256;

// The same error with a reason that programs can act on.
absl::Status WithReason(const absl::Status& status, absl::string_view reason) {
  if (status.ok()) return status;
  return MakeError(
      status.code(),
      absl::IsFailedPrecondition(status) ? reason : "STORE_UNAVAILABLE",
      status.message());
}

absl::Status Busy() {
  return RetryLater("STORE_BUSY",
                    "the store is being worked on; nothing was done, try again",
                    absl::Seconds(10));
}

}  // namespace

StoreKeeper::StoreKeeper(storage::SealingStore& store,
                         std::string key_ring_path, Randomness& randomness,
                         BackUp back_up, std::string backup_folder)
    : rotation_(store, std::move(key_ring_path), randomness),
      back_up_(std::move(back_up)),
      backup_folder_(std::move(backup_folder)),
      thread_(1, kMaxWaiting) {
  rotation_.Resume();
}

void StoreKeeper::RotateKeys(Done done) {
  // Shared, as a task that is not taken is gone.
  auto answer = std::make_shared<Done>(std::move(done));
  const bool taken = thread_.TrySchedule([this, answer] {
    std::move (*answer)(WithReason(rotation_.Start(), "ROTATION_RUNNING"));
    Tick();
  });
  if (!taken) std::move (*answer)(Busy());
}

void StoreKeeper::DropOldKeys(Done done) {
  auto answer = std::make_shared<Done>(std::move(done));
  const bool taken = thread_.TrySchedule([this, answer] {
    std::move (*answer)(WithReason(rotation_.DropOldKeys(), "OLD_KEYS_NEEDED"));
  });
  if (!taken) std::move (*answer)(Busy());
}

void StoreKeeper::CreateBackup(const std::string& name, Done done) {
  if (backup_folder_.empty() || back_up_ == nullptr) {
    return std::move(done)(MakeError(
        absl::StatusCode::kFailedPrecondition, "NO_BACKUP_FOLDER",
        "this server makes no backups: set storage.backup_folder in its "
        "configuration"));
  }
  auto answer = std::make_shared<Done>(std::move(done));
  const std::string folder = absl::StrCat(backup_folder_, "/", name);
  const bool taken = thread_.TrySchedule([this, answer, folder] {
    // Made at the first backup; whether it is there, the backup finds out.
    mkdir(backup_folder_.c_str(), 0700);
    std::move (*answer)(WithReason(back_up_(folder), "BACKUP_FAILED"));
  });
  if (!taken) std::move (*answer)(Busy());
}

void StoreKeeper::Tick() {
  if (!rotation_.progress().running) return;
  {
    MutexLock lock(mutex_);
    if (stepping_) return;
    stepping_ = true;
  }
  thread_.Continue([this] { Step(); });
}

void StoreKeeper::Step() {
  // One step at a time, so that a backup or a call need not wait for all.
  const absl::StatusOr<bool> more = rotation_.Step(kRecordsPerStep);
  if (more.ok() && *more) return thread_.Continue([this] { Step(); });
  MutexLock lock(mutex_);
  stepping_ = false;
}

}  // namespace cofactor::services
