#ifndef COFACTOR_CLIENTS_DEVICE_CONSOLE_H_
#define COFACTOR_CLIENTS_DEVICE_CONSOLE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/secret.h"

namespace cofactor::device {

// Standard input, output and errors. Printing is thread-safe and keeps texts
// whole; reading is for one thread.
class Console {
 public:
  // Of a line that is read.
  static constexpr size_t kMaxLineBytes = 4096;

  // Not owned.
  Console(int input, int output, int errors)
      : input_(input), output_(output), errors_(errors) {}

  void Print(absl::string_view text);
  void PrintError(absl::string_view text);

  // Whether a person sits there.
  bool IsTerminal() const;

  int input() const { return input_; }

  // Reads what there is, once, and waits if there is nothing. False: there is
  // nothing more to come.
  bool Fill();
  // Takes a line that Fill completed, without its end. A line that is too long
  // comes in pieces.
  std::optional<std::string> TakeLine();

  // The next line. OUT_OF_RANGE: there is none.
  absl::StatusOr<Secret> ReadLine();

 private:
  void WriteTo(int descriptor, absl::string_view text);

  const int input_;
  const int output_;
  const int errors_;
  std::string read_;
  bool ended_ = false;
  Mutex mutex_;
};

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_CONSOLE_H_
