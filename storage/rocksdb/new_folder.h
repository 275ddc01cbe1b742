#ifndef COFACTOR_STORAGE_ROCKSDB_NEW_FOLDER_H_
#define COFACTOR_STORAGE_ROCKSDB_NEW_FOLDER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"

namespace cofactor::storage {

// A folder that comes to be whole or not at all: its files are written to
// PATH.partial, which Finish renames when all of it is on disk. Only the owner
// can reach it. Thread-compatible; one at a time for a path.
class NewFolder {
 public:
  // Makes PATH.partial, in the place of one that a process left that was
  // killed. env: not owned; must outlive this.
  //   ALREADY_EXISTS  there is something at path, which stays.
  //   UNAVAILABLE     the disk cannot take it, or its parent is missing.
  static absl::StatusOr<std::unique_ptr<NewFolder>> Make(rocksdb::Env& env,
                                                         std::string path);

  // Removes what was written, unless it was finished.
  ~NewFolder();

  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  // Writes a file of the first bytes of another one, and syncs it. Never a
  // link: what damages the one must leave the other.
  //   DATA_LOSS    the source is shorter.
  //   UNAVAILABLE  the source cannot be read, or the disk cannot take it.
  absl::Status Copy(const std::string& source, const std::string& name,
                    uint64_t bytes);

  // Writes a file and syncs it. UNAVAILABLE: the disk cannot take it.
  absl::Status Write(const std::string& name, absl::string_view content);

  // Where the files are until then.
  const std::string& partial_path() const { return partial_path_; }

  // Gives it its name, and has that on disk before it returns. UNAVAILABLE: the
  // disk cannot take it, or something has come to be at path.
  absl::Status Finish();

 private:
  NewFolder(rocksdb::Env& env, std::string path);

  absl::Status CannotWrite(const rocksdb::Status& status) const;
  absl::Status SyncFolder(const std::string& folder);

  rocksdb::Env& env_;
  const std::string path_;
  const std::string partial_path_;
  bool finished_ = false;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_ROCKSDB_NEW_FOLDER_H_
