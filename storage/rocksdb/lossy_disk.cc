#include "storage/rocksdb/lossy_disk.h"

#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <utility>

#include "base/mutex.h"
#include "rocksdb/file_system.h"

namespace cofactor::storage {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

}  // namespace

// Remembers how much of each file was synced.
class LossyDisk::FileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FileSystem(const std::shared_ptr<rocksdb::FileSystem>& base)
      : FileSystemWrapper(base) {}

  const char* Name() const override { return "LossyDisk"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* result,
                           IODebugContext* debug) override {
    if (IOStatus status = CheckPower(); !status.ok()) return status;
    std::unique_ptr<FSWritableFile> file;
    IOStatus status = target()->NewWritableFile(path, options, &file, debug);
    if (!status.ok()) return status;
    SetSynced(path, 0);
    *result = std::make_unique<File>(*this, path, std::move(file));
    return status;
  }

  IOStatus RenameFile(const std::string& from, const std::string& to,
                      const IOOptions& options,
                      IODebugContext* debug) override {
    if (IOStatus status = CheckPower(); !status.ok()) return status;
    IOStatus status = target()->RenameFile(from, to, options, debug);
    MutexLock lock(mutex_);
    if (const auto synced = synced_.find(from); synced != synced_.end()) {
      synced_[to] = synced->second;
      synced_.erase(from);
    }
    RenameFilesIn(from + "/", to + "/");
    return status;
  }

  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    if (IOStatus status = CheckPower(); !status.ok()) return status;
    MutexLock lock(mutex_);
    synced_.erase(path);
    return target()->DeleteFile(path, options, debug);
  }

  void SetPower(bool on) {
    MutexLock lock(mutex_);
    has_power_ = on;
  }

  void Cut() {
    MutexLock lock(mutex_);
    for (const auto& [path, bytes] : synced_) {
      std::error_code error;
      if (std::filesystem::file_size(path, error) > bytes && !error) {
        std::filesystem::resize_file(path, bytes, error);
      }
    }
    synced_.clear();
  }

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(FileSystem& file_system, std::string path,
         std::unique_ptr<FSWritableFile> base)
        : FSWritableFileOwnerWrapper(std::move(base)),
          file_system_(file_system),
          path_(std::move(path)) {}

    using FSWritableFileOwnerWrapper::Append;

    IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                    IODebugContext* debug) override {
      if (IOStatus status = file_system_.CheckPower(); !status.ok()) {
        return status;
      }
      written_ += data.size();
      return FSWritableFileOwnerWrapper::Append(data, options, debug);
    }
    IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                    const rocksdb::DataVerificationInfo& info,
                    IODebugContext* debug) override {
      return Append(data, options, debug);
    }
    IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
      return Synced(FSWritableFileOwnerWrapper::Sync(options, debug));
    }
    IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
      return Synced(FSWritableFileOwnerWrapper::Fsync(options, debug));
    }

   private:
    IOStatus Synced(IOStatus status) {
      if (IOStatus power = file_system_.CheckPower(); !power.ok()) return power;
      if (status.ok()) file_system_.SetSynced(path_, written_);
      return status;
    }

    FileSystem& file_system_;
    const std::string path_;
    uint64_t written_ = 0;
  };

  IOStatus CheckPower() {
    MutexLock lock(mutex_);
    return has_power_ ? IOStatus::OK() : IOStatus::IOError("no power");
  }

  // Those in a folder go with it.
  void RenameFilesIn(const std::string& from, const std::string& to)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto file = synced_.lower_bound(from);
    while (file != synced_.end() &&
           file->first.compare(0, from.size(), from) == 0) {
      synced_[to + file->first.substr(from.size())] = file->second;
      file = synced_.erase(file);
    }
  }

  void SetSynced(const std::string& path, uint64_t bytes) {
    MutexLock lock(mutex_);
    synced_[path] = bytes;
  }

  Mutex mutex_;
  bool has_power_ ABSL_GUARDED_BY(mutex_) = true;
  std::map<std::string, uint64_t> synced_ ABSL_GUARDED_BY(mutex_);
};

LossyDisk::LossyDisk()
    : file_system_(
          std::make_shared<FileSystem>(rocksdb::FileSystem::Default())),
      env_(rocksdb::NewCompositeEnv(file_system_)) {}

LossyDisk::~LossyDisk() = default;

void LossyDisk::Stop() { file_system_->SetPower(false); }

void LossyDisk::LoseUnsynced() {
  file_system_->Cut();
  file_system_->SetPower(true);
}

}  // namespace cofactor::storage
