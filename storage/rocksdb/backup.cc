#include "storage/rocksdb/backup.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rocksdb/db.h"
#include "rocksdb/metadata.h"
#include "rocksdb/options.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/log_check.h"
#include "storage/rocksdb/new_folder.h"

namespace cofactor::storage {
namespace {

// The lock of a store that ran in the folder, and what it told of its work.
bool IsOfNoUse(const std::string& name) {
  return name == "LOCK" || name == "LOG" || absl::StartsWith(name, "LOG.");
}

}  // namespace

// Not by rocksdb::Checkpoint, which links tables: a bad sector would then be in
// the store and in all its backups. Not by rocksdb::BackupEngine, whose folders
// are no databases, and which a restore would have to understand.
absl::Status BackUpDatabase(Database& database, const std::string& folder) {
  RETURN_IF_ERROR(database.CheckUsable());
  rocksdb::DB& db = database.db();
  rocksdb::Env& env = *db.GetEnv();
  ASSIGN_OR_RETURN(const std::unique_ptr<NewFolder> copy,
                   NewFolder::Make(env, folder));
  // Files that are replaced meanwhile must stay until they are copied.
  rocksdb::Status status = db.DisableFileDeletions();
  if (!status.ok()) return ToAbslStatus(status, database.path());
  const auto enabler =
      absl::MakeCleanup([&db] { db.EnableFileDeletions(/*force=*/false); });
  rocksdb::LiveFilesStorageInfoOptions options;
  // Without a flush, for which commits might wait: the logs are copied as well,
  // the last one up to its present size. If that cuts a write in two, the next
  // start drops it, as after a crash; it was not acknowledged before the call.
  options.wal_size_for_flush = std::numeric_limits<uint64_t>::max();
  std::vector<rocksdb::LiveFileStorageInfo> files;
  status = db.GetLiveFilesStorageInfo(options, &files);
  if (!status.ok()) return ToAbslStatus(status, database.path());
  for (const rocksdb::LiveFileStorageInfo& file : files) {
    if (!file.replacement_contents.empty()) {
      RETURN_IF_ERROR(
          copy->Write(file.relative_filename, file.replacement_contents));
      continue;
    }
    RETURN_IF_ERROR(
        copy->Copy(absl::StrCat(file.directory, "/", file.relative_filename),
                   file.relative_filename, file.size));
  }
  // Better found out now than when it is needed.
  RETURN_IF_ERROR(CheckLogs(env, copy->partial_path()));
  return copy->Finish();
}

absl::Status RestoreBackup(const std::string& backup,
                           const std::string& store_path) {
  rocksdb::Env& env = *rocksdb::Env::Default();
  // Every database has this file; with another folder, a new store would come
  // to be.
  const rocksdb::Status current = env.FileExists(backup + "/CURRENT");
  if (!current.ok() && !current.IsNotFound()) {
    return absl::UnavailableError(
        absl::StrCat("cannot read ", backup, ": ", current.ToString()));
  }
  RETURN_IF_ERROR(CheckLogs(env, backup));
  if (!current.ok()) {
    return absl::NotFoundError(absl::StrCat("there is no backup in ", backup));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<NewFolder> copy,
                   NewFolder::Make(env, store_path));
  std::vector<std::string> names;
  rocksdb::Status status = env.GetChildren(backup, &names);
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(backup, "/", name);
    bool is_folder = false;
    uint64_t bytes = 0;
    if (IsOfNoUse(name)) continue;
    if (status.ok()) status = env.IsDirectory(path, &is_folder);
    if (is_folder) continue;
    if (status.ok()) status = env.GetFileSize(path, &bytes);
    if (!status.ok()) break;
    RETURN_IF_ERROR(copy->Copy(path, name, bytes));
  }
  if (!status.ok()) {
    return absl::UnavailableError(
        absl::StrCat("cannot read ", backup, ": ", status.ToString()));
  }
  return copy->Finish();
}

}  // namespace cofactor::storage
