#ifndef COFACTOR_CLIENTS_DEVICE_COMMAND_LINE_H_
#define COFACTOR_CLIENTS_DEVICE_COMMAND_LINE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cofactor::device {

// What was typed: "enrol --qr=code.png" or "approve ID --number 123456".
struct CommandLine {
  std::string command;
  std::vector<std::string> arguments;
  // By their names without hyphens in front. A switch has the value "".
  std::map<std::string, std::string> options;

  bool Has(const std::string& option) const {
    return options.count(option) != 0;
  }
  // "" if it was not given.
  std::string Get(const std::string& option) const {
    const auto found = options.find(option);
    return found == options.end() ? "" : found->second;
  }
};

// Reads what stands behind the name of the program. --help becomes the command
// "help". INVALID_ARGUMENT: an unknown command or option, one that the command
// does not have, one that is there twice, or arguments too few or too many.
absl::StatusOr<CommandLine> ParseCommandLine(
    const std::vector<std::string>& words);

// What a command does, or, for "" and what is no command, all of them.
std::string HelpText(absl::string_view command);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_COMMAND_LINE_H_
