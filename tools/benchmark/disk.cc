#include "tools/benchmark/disk.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/stopwatch.h"

namespace cofactor::benchmark {
namespace {

constexpr int kSyncs = 300;
constexpr size_t kBytes = 512;

}  // namespace

absl::StatusOr<ScratchFolder> ScratchFolder::Make(const std::string& parent) {
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  std::string path = absl::StrCat(parent, "/bench-XXXXXX");
  if (error || mkdtemp(path.data()) == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("cannot make a folder in ", parent));
  }
  ScratchFolder folder(std::move(path));
  struct statfs file_system;
  if (statfs(folder.path().c_str(), &file_system) == 0 &&
      file_system.f_type == TMPFS_MAGIC) {
    return absl::FailedPreconditionError(absl::StrCat(
        parent, " is in memory: name a folder on a disk by --data_dir"));
  }
  return folder;
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept
    : path_(std::exchange(other.path_, "")) {}

ScratchFolder::~ScratchFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::StatusOr<absl::Duration> MeasureSync(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/sync");
  const int file =
      open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  const std::string bytes(kBytes, 'x');
  std::vector<absl::Duration> times;
  bool ok = file >= 0;
  while (ok && times.size() < kSyncs) {
    const Stopwatch stopwatch;
    ok = write(file, bytes.data(), bytes.size()) ==
             static_cast<ssize_t>(bytes.size()) &&
         fdatasync(file) == 0;
    times.push_back(stopwatch.Elapsed());
  }
  if (file >= 0) close(file);
  if (!ok) return absl::UnavailableError(absl::StrCat("cannot write ", path));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace cofactor::benchmark
