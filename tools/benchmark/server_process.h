#ifndef COFACTOR_TOOLS_BENCHMARK_SERVER_PROCESS_H_
#define COFACTOR_TOOLS_BENCHMARK_SERVER_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cofactor::benchmark {

// A server as users run it, in a process of its own, with --dev.
// Thread-compatible.
class ServerProcess {
 public:
  // Starts the binary and waits until it says that it is ready.
  // UNAVAILABLE: it did not; its own error is on the standard error.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(
      const std::string& binary, const std::string& data_dir);

  // Ends it by SIGTERM and waits.
  ~ServerProcess();

  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }
  // From its start to its word that it is ready.
  absl::Duration start_time() const { return start_time_; }

  // Memory that is its now, and the most that ever was, in bytes.
  absl::StatusOr<int64_t> ResidentBytes() const {
    return StatusBytes("VmRSS:");
  }
  absl::StatusOr<int64_t> PeakResidentBytes() const {
    return StatusBytes("VmHWM:");
  }

 private:
  ServerProcess(pid_t pid, int output) : pid_(pid), output_(output) {}

  absl::StatusOr<int64_t> StatusBytes(absl::string_view field) const;

  const pid_t pid_;
  const int output_;
  std::string address_;
  absl::Duration start_time_;
};

}  // namespace cofactor::benchmark

#endif  // COFACTOR_TOOLS_BENCHMARK_SERVER_PROCESS_H_
