#include "clients/device/passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/private_file.h"
#include "base/status_macros.h"

namespace cofactor::device {
namespace {

absl::Status CheckNew(const Secret& passphrase) {
  if (passphrase.size() >= kMinPassphraseBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "a passphrase has at least ", kMinPassphraseBytes,
      " characters; some words that nobody guesses are better than one"));
}

class FilePassphrase final : public PassphraseSource {
 public:
  explicit FilePassphrase(std::string path) : path_(std::move(path)) {}

  absl::StatusOr<Secret> Existing() override {
    absl::StatusOr<Secret> passphrase = ReadSecretFile(path_);
    if (passphrase.ok()) return passphrase;
    return absl::InvalidArgumentError(passphrase.status().message());
  }

  absl::StatusOr<Secret> New() override {
    ASSIGN_OR_RETURN(Secret passphrase, Existing());
    RETURN_IF_ERROR(CheckNew(passphrase));
    return passphrase;
  }

 private:
  const std::string path_;
};

// A terminal that shows nothing of what is typed, until the end.
class QuietTerminal {
 public:
  explicit QuietTerminal(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY)) {
    if (descriptor_ < 0 || tcgetattr(descriptor_, &before_) != 0) return;
    termios quiet = before_;
    // Ctrl-C comes as a character, so that the echo is always turned on again.
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ISIG);
    ready_ = tcsetattr(descriptor_, TCSAFLUSH, &quiet) == 0;
  }
  ~QuietTerminal() {
    if (ready_) tcsetattr(descriptor_, TCSAFLUSH, &before_);
    if (descriptor_ >= 0) close(descriptor_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

  bool ready() const { return ready_; }

  void Say(absl::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = write(descriptor_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      text.remove_prefix(static_cast<size_t>(written));
    }
  }

  // One line. CANCELLED: Ctrl-C, or the end of the terminal.
  absl::StatusOr<Secret> ReadLine() const {
    std::string line;
    line.reserve(kMaxPassphraseBytes);
    bool cancelled = false;
    while (true) {
      char c = 0;
      const ssize_t got = read(descriptor_, &c, 1);
      if (got < 0 && errno == EINTR) continue;
      cancelled = cancelled || got <= 0 || c == '\x03';
      if (got <= 0 || c == '\n' || c == '\x03') break;
      // What does not fit is no passphrase of ours: it is refused as a whole.
      if (line.size() < kMaxPassphraseBytes) line.push_back(c);
    }
    Secret secret(std::move(line));
    Say("\n");
    if (cancelled) return absl::CancelledError("no passphrase was given");
    return secret;
  }

 private:
  const int descriptor_;
  termios before_ = {};
  bool ready_ = false;
};

class TerminalPassphrase final : public PassphraseSource {
 public:
  explicit TerminalPassphrase(std::string terminal)
      : terminal_(std::move(terminal)) {}

  absl::StatusOr<Secret> Existing() override {
    const QuietTerminal terminal(terminal_);
    return Ask(terminal, "Passphrase of the key file: ");
  }

  absl::StatusOr<Secret> New() override {
    const QuietTerminal terminal(terminal_);
    ASSIGN_OR_RETURN(Secret passphrase,
                     Ask(terminal, "New passphrase of the key file: "));
    RETURN_IF_ERROR(CheckNew(passphrase));
    ASSIGN_OR_RETURN(const Secret again, Ask(terminal, "The same again: "));
    if (!ConstantTimeEquals(passphrase.ExposeSecret(), again.ExposeSecret())) {
      return absl::InvalidArgumentError("these were two passphrases, not one");
    }
    return passphrase;
  }

 private:
  static absl::StatusOr<Secret> Ask(const QuietTerminal& terminal,
                                    absl::string_view question) {
    if (!terminal.ready()) {
      return absl::InvalidArgumentError(
          "there is no terminal to type the passphrase at: give a file with "
          "--passphrase_file");
    }
    terminal.Say(question);
    return terminal.ReadLine();
  }

  const std::string terminal_;
};

}  // namespace

std::unique_ptr<PassphraseSource> MakeFilePassphrase(std::string path) {
  return std::make_unique<FilePassphrase>(std::move(path));
}

std::unique_ptr<PassphraseSource> MakeTerminalPassphrase(std::string terminal) {
  return std::make_unique<TerminalPassphrase>(std::move(terminal));
}

}  // namespace cofactor::device
