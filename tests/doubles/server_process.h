#ifndef COFACTOR_TESTS_DOUBLES_SERVER_PROCESS_H_
#define COFACTOR_TESTS_DOUBLES_SERVER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cofactor {

// A run of the server binary, on a port of its own choice. Thread-compatible.
class ServerProcess {
 public:
  enum class Mode { kProduction, kDev };

  // Writes a configuration into a data folder (messaging: its part of that
  // name; empty: an outbox in MODE_DEV, else none), starts the binary with it,
  // and waits until it is ready. UNAVAILABLE: it ended instead; its errors went
  // to our stderr.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(
      const std::string& binary, const std::string& data_dir,
      Mode mode = Mode::kProduction, const std::string& messaging = "");

  // As Stop, if it still runs.
  ~ServerProcess();

  // "HOST:PORT".
  const std::string& address() const { return address_; }
  // API key of the client "admin", as the first start on the folder made it.
  const std::string& admin_key() const { return admin_key_; }
  // From its start to its word that it is ready.
  absl::Duration start_time() const { return start_time_; }

  // Memory that is its now, and the most that ever was, in bytes.
  absl::StatusOr<int64_t> ResidentBytes() const {
    return StatusBytes("VmRSS:");
  }
  absl::StatusOr<int64_t> PeakResidentBytes() const {
    return StatusBytes("VmHWM:");
  }

  // Processor time that it has used, of all threads, with the kernel's part.
  absl::StatusOr<absl::Duration> CpuTime() const;

  // SIGKILL, and waits for the end.
  void Kill();

  // SIGTERM, waits for the end, and returns the exit code, or -1 if a signal
  // ended it.
  int Stop();

 private:
  ServerProcess(pid_t pid, int output) : pid_(pid), output_(output) {}

  absl::Status WaitUntilReady();
  int Wait();
  absl::StatusOr<int64_t> StatusBytes(absl::string_view field) const;

  pid_t pid_;
  int output_;  // Its standard output.
  std::string address_;
  std::string admin_key_;
  absl::Duration start_time_;
};

}  // namespace cofactor

#endif  // COFACTOR_TESTS_DOUBLES_SERVER_PROCESS_H_
