#ifndef COFACTOR_TOOLS_BENCHMARK_DISK_H_
#define COFACTOR_TOOLS_BENCHMARK_DISK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cofactor::benchmark {

// A folder that is removed, with all in it, at the end.
class ScratchFolder {
 public:
  // A fresh folder, whose parents are made if they are missing.
  // UNAVAILABLE: it cannot be made.
  // FAILED_PRECONDITION: it would be in memory, where nothing is durable.
  static absl::StatusOr<ScratchFolder> Make(const std::string& parent);

  ScratchFolder(ScratchFolder&& other) noexcept;
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

// Median time of an fdatasync after 512 bytes were added to a file there.
absl::StatusOr<absl::Duration> MeasureSync(const std::string& folder);

}  // namespace cofactor::benchmark

#endif  // COFACTOR_TOOLS_BENCHMARK_DISK_H_
