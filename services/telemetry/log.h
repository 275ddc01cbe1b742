#ifndef COFACTOR_SERVICES_TELEMETRY_LOG_H_
#define COFACTOR_SERVICES_TELEMETRY_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>

#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "services/telemetry/log_field.h"

namespace spdlog {
class async_logger;
namespace details {
class thread_pool;
}  // namespace details
}  // namespace spdlog

namespace cofactor::services {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Takes one line with its end. Returns false if it is lost. Called by one
// thread at a time.
using LogSink = std::function<bool(absl::string_view line)>;

// Writes to a file descriptor, as STDERR_FILENO, which is not owned and must
// outlive the log.
LogSink FileDescriptorSink(int descriptor);

// Writes events as lines of JSON; docs/monitoring.md describes them.
// Thread-safe.
//
// A thread of its own writes, and callers never wait for a slow reader: when
// too many lines wait, the oldest is dropped and counted. So the log may have
// gaps; what must not be lost is an audit event in the store.
class Log {
 public:
  struct Options {
    // What is below is left out.
    LogLevel min_level = LogLevel::kInfo;
    // Lines that may wait for the sink. At least 1.
    size_t max_waiting = 8192;
  };

  // Of the text in one field, more is cut off.
  static constexpr size_t kMaxTextBytes = 256;

  // clock: not owned; must outlive this.
  Log(const Clock& clock, const Options& options, LogSink sink);

  // Writes what waits. It waits for the sink.
  ~Log();

  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Adds a line: log.Write(LogLevel::kInfo, "call", {{"method", method}}).
  // Whatever is in the values, it is one line, and each value stays in its
  // field.
  void Write(LogLevel level, LogName event,
             std::initializer_list<LogField> fields);

  // Lines that were dropped, or that the sink lost, so far.
  uint64_t LinesLost() const;

 private:
  const Clock& clock_;
  const LogLevel min_level_;
  std::atomic<uint64_t> lost_by_sink_{0};
  std::shared_ptr<spdlog::details::thread_pool> thread_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TELEMETRY_LOG_H_
