#include "storage/rocksdb/new_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace cofactor::storage {
namespace {

constexpr uint64_t kPieceBytes = 1 << 20;

// A slash at its end would put the partial folder into it.
std::string WithoutSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string ParentOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

rocksdb::EnvOptions MakeEnvOptions() {
  rocksdb::EnvOptions options;
  // An error of a mapped page is a signal, and not a status.
  options.use_mmap_writes = false;
  return options;
}

}  // namespace

NewFolder::NewFolder(rocksdb::Env& env, std::string path)
    : env_(env),
      path_(std::move(path)),
      partial_path_(absl::StrCat(path_, ".partial")) {}

absl::StatusOr<std::unique_ptr<NewFolder>> NewFolder::Make(rocksdb::Env& env,
                                                           std::string path) {
  std::unique_ptr<NewFolder> folder(
      new NewFolder(env, WithoutSlashes(std::move(path))));
  std::error_code error;
  const auto there = std::filesystem::symlink_status(folder->path_, error);
  if (std::filesystem::exists(there)) {
    return absl::AlreadyExistsError(
        absl::StrCat(folder->path_, " exists already: choose another name"));
  }
  std::filesystem::remove_all(folder->partial_path_, error);
  if (mkdir(folder->partial_path_.c_str(), 0700) != 0) {
    return absl::UnavailableError(absl::StrCat("cannot make the folder ",
                                               folder->partial_path_, ": ",
                                               std::strerror(errno)));
  }
  return folder;
}

NewFolder::~NewFolder() {
  if (finished_) return;
  std::error_code error;
  std::filesystem::remove_all(partial_path_, error);
}

absl::Status NewFolder::CannotWrite(const rocksdb::Status& status) const {
  return absl::UnavailableError(
      absl::StrCat("cannot write ", path_, ": ", status.ToString()));
}

absl::Status NewFolder::Copy(const std::string& source, const std::string& name,
                             uint64_t bytes) {
  const rocksdb::EnvOptions options = MakeEnvOptions();
  std::unique_ptr<rocksdb::SequentialFile> from;
  rocksdb::Status status = env_.NewSequentialFile(source, &from, options);
  if (!status.ok()) {
    return absl::UnavailableError(
        absl::StrCat("cannot read ", source, ": ", status.ToString()));
  }
  std::unique_ptr<rocksdb::WritableFile> to;
  status = env_.NewWritableFile(absl::StrCat(partial_path_, "/", name), &to,
                                options);
  if (!status.ok()) return CannotWrite(status);
  std::string buffer(kPieceBytes, '\0');
  while (bytes > 0) {
    rocksdb::Slice piece;
    status = from->Read(std::min(bytes, kPieceBytes), &piece, buffer.data());
    if (!status.ok()) {
      return absl::UnavailableError(
          absl::StrCat("cannot read ", source, ": ", status.ToString()));
    }
    if (piece.empty()) {
      return absl::DataLossError(
          absl::StrCat(source, " is shorter than it should be"));
    }
    status = to->Append(piece);
    if (!status.ok()) return CannotWrite(status);
    bytes -= piece.size();
  }
  status = to->Sync();
  if (status.ok()) status = to->Close();
  return status.ok() ? absl::OkStatus() : CannotWrite(status);
}

absl::Status NewFolder::Write(const std::string& name,
                              absl::string_view content) {
  std::unique_ptr<rocksdb::WritableFile> file;
  rocksdb::Status status = env_.NewWritableFile(
      absl::StrCat(partial_path_, "/", name), &file, MakeEnvOptions());
  if (status.ok()) {
    status = file->Append(rocksdb::Slice(content.data(), content.size()));
  }
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = file->Close();
  return status.ok() ? absl::OkStatus() : CannotWrite(status);
}

absl::Status NewFolder::SyncFolder(const std::string& folder) {
  std::unique_ptr<rocksdb::Directory> directory;
  rocksdb::Status status = env_.NewDirectory(folder, &directory);
  if (status.ok()) status = directory->Fsync();
  return status.ok() ? absl::OkStatus() : CannotWrite(status);
}

absl::Status NewFolder::Finish() {
  RETURN_IF_ERROR(SyncFolder(partial_path_));
  const rocksdb::Status renamed = env_.RenameFile(partial_path_, path_);
  if (!renamed.ok()) return CannotWrite(renamed);
  finished_ = true;
  return SyncFolder(ParentOf(path_));
}

}  // namespace cofactor::storage
