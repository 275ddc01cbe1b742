#include "services/telemetry/log.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/telemetry/json_text.h"
#include "spdlog/async_logger.h"
#include "spdlog/details/thread_pool.h"
#include "spdlog/sinks/sink.h"

namespace cofactor::services {
namespace {

absl::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      break;
  }
  return "error";
}

// Hands finished lines on, one at a time: it has one thread.
class LineSink final : public spdlog::sinks::sink {
 public:
  LineSink(LogSink sink, std::atomic<uint64_t>& lost)
      : sink_(std::move(sink)), lost_(lost) {}

  void log(const spdlog::details::log_msg& message) override {
    if (!sink_({message.payload.data(), message.payload.size()})) ++lost_;
  }
  void flush() override {}
  // The line comes as it is to be written.
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  const LogSink sink_;
  std::atomic<uint64_t>& lost_;
};

// A signal is for the thread that waits for it, and a reader that has gone is
// an error of write, not the end of the server.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void AppendField(const LogField& field, std::string& line) {
  absl::StrAppend(&line, ",\"", field.name().text(), "\":");
  const LogField::Value& value = field.value();
  if (const auto* text = std::get_if<absl::string_view>(&value)) {
    AppendJsonString(*text, Log::kMaxTextBytes, line);
  } else if (const auto* number = std::get_if<int64_t>(&value)) {
    absl::StrAppend(&line, *number);
  } else if (const auto* natural = std::get_if<uint64_t>(&value)) {
    absl::StrAppend(&line, *natural);
  } else {
    line.append(std::get<bool>(value) ? "true" : "false");
  }
}

}  // namespace

LogSink FileDescriptorSink(int descriptor) {
  return [descriptor](absl::string_view line) {
    while (!line.empty()) {
      const ssize_t written = write(descriptor, line.data(), line.size());
      if (written >= 0) {
        line.remove_prefix(static_cast<size_t>(written));
      } else if (errno == EAGAIN) {
        // Another process that shares it made it non-blocking.
        pollfd ready{descriptor, POLLOUT, 0};
        poll(&ready, 1, -1);
      } else if (errno != EINTR) {
        return false;
      }
    }
    return true;
  };
}

Log::Log(const Clock& clock, const Options& options, LogSink sink)
    : clock_(clock),
      min_level_(options.min_level),
      thread_(std::make_shared<spdlog::details::thread_pool>(
          options.max_waiting, 1, BlockSignals)),
      logger_(std::make_shared<spdlog::async_logger>(
          "", std::make_shared<LineSink>(std::move(sink), lost_by_sink_),
          thread_, spdlog::async_overflow_policy::overrun_oldest)) {}

// The end of the thread writes what waits, and needs the counter.
Log::~Log() { thread_.reset(); }

void Log::Write(LogLevel level, LogName event,
                std::initializer_list<LogField> fields) {
  if (level < min_level_) return;
  const absl::Time now = clock_.Now();
  std::string line;
  line.reserve(512);
  absl::StrAppend(
      &line, "{\"time\":\"",
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", now, absl::UTCTimeZone()),
      "\",\"level\":\"", NameOf(level), "\",\"event\":\"", event.text(), "\"");
  for (const LogField& field : fields) AppendField(field, line);
  line.append("}\n");
  // The level and the time are in the line; what spdlog is told of them only
  // keeps it from asking the machine's clock.
  logger_->log(absl::ToChronoTime(now), spdlog::source_loc{},
               spdlog::level::critical,
               spdlog::string_view_t(line.data(), line.size()));
}

uint64_t Log::LinesLost() const {
  return thread_->overrun_counter() + lost_by_sink_.load();
}

}  // namespace cofactor::services
