#ifndef COFACTOR_CLIENTS_DEVICE_PASSPHRASE_H_
#define COFACTOR_CLIENTS_DEVICE_PASSPHRASE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/secret.h"

namespace cofactor::device {

// Of a new passphrase, in bytes. What guesses one that is as short pays some
// 0.7 s and 256 MiB for each try.
inline constexpr size_t kMinPassphraseBytes = 8;
inline constexpr size_t kMaxPassphraseBytes = 1024;

// Where the passphrase of the key file comes from: never from the command line
// or the environment, which others can read. Thread-compatible.
class PassphraseSource {
 public:
  virtual ~PassphraseSource() = default;

  // Of a file that exists.
  virtual absl::StatusOr<Secret> Existing() = 0;
  // For a new file, or in place of the old one. INVALID_ARGUMENT: too short, or
  // typed differently the second time.
  virtual absl::StatusOr<Secret> New() = 0;
};

// From a file that is its owner's alone, without the white space at its end.
// INVALID_ARGUMENT: it cannot be read, is empty, or others may read it.
std::unique_ptr<PassphraseSource> MakeFilePassphrase(std::string path);

// Typed at a terminal, as "/dev/tty", without echo; a new one is typed twice.
//   INVALID_ARGUMENT  there is no terminal.
//   CANCELLED         the person gave up, by Ctrl-C or Ctrl-D.
std::unique_ptr<PassphraseSource> MakeTerminalPassphrase(std::string terminal);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_PASSPHRASE_H_
