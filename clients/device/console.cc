#include "clients/device/console.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"

namespace cofactor::device {

void Console::WriteTo(int descriptor, absl::string_view text) {
  MutexLock lock(mutex_);
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    // Nobody reads any more, and nothing is left to tell it to.
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void Console::Print(absl::string_view text) { WriteTo(output_, text); }

void Console::PrintError(absl::string_view text) { WriteTo(errors_, text); }

bool Console::IsTerminal() const {
  return isatty(input_) == 1 && isatty(output_) == 1;
}

bool Console::Fill() {
  char buffer[1024];
  ssize_t got;
  do {
    got = read(input_, buffer, sizeof(buffer));
  } while (got < 0 && errno == EINTR);
  if (got > 0) read_.append(buffer, static_cast<size_t>(got));
  ended_ = ended_ || got <= 0;
  return !ended_;
}

std::optional<std::string> Console::TakeLine() {
  const size_t end = read_.find('\n');
  size_t length = end;
  if (end == std::string::npos) {
    // The last line may have no end.
    if (read_.size() < kMaxLineBytes && !(ended_ && !read_.empty())) {
      return std::nullopt;
    }
    length = read_.size();
  }
  std::string line = read_.substr(0, length);
  std::string rest = read_.substr(end == std::string::npos ? length : end + 1);
  // A line may be a secret.
  Wipe(read_);
  read_ = std::move(rest);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

absl::StatusOr<Secret> Console::ReadLine() {
  while (true) {
    if (std::optional<std::string> line = TakeLine(); line.has_value()) {
      return Secret(*std::move(line));
    }
    if (ended_) {
      return absl::OutOfRangeError("the standard input ended too early");
    }
    Fill();
  }
}

}  // namespace cofactor::device
