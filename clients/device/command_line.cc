#include "clients/device/command_line.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "clients/device/printable.h"

namespace cofactor::device {
namespace {

struct OptionSpec {
  absl::string_view name;
  // What the value is. "": a switch, without a value.
  absl::string_view value;
  absl::string_view help;
};

struct CommandSpec {
  absl::string_view name;
  absl::string_view arguments;
  size_t min_arguments;
  size_t max_arguments;
  absl::string_view help;
  std::vector<OptionSpec> options;
};

const OptionSpec kJson{"json", "", "JSON, one object a line"};
const OptionSpec kDevice{"device", "NAME", "only this device"};

const std::vector<OptionSpec>& GlobalOptions() {
  static const auto* const options = new std::vector<OptionSpec>{
      {"file", "FILE", "the key file. By default $COFACTOR_DEVICE_FILE"},
      {"passphrase_file", "FILE",
       "where the passphrase of the key file stands. By default it is asked "
       "for"},
  };
  return *options;
}

const std::vector<CommandSpec>& Commands() {
  static const auto* const commands = new std::vector<CommandSpec>{
      {"enrol",
       "URI | - | --qr=PICTURE",
       0,
       1,
       "Adds what a service shows: a cofactor:// URI makes this a device that "
       "answers its challenges, an otpauth:// URI an account with codes. The "
       "URI is a secret: \"-\" reads it from the standard input, where no list "
       "of processes shows it.",
       {{"qr", "PICTURE", "read the URI from a QR code in a PNG file"},
        {"name", "NAME", "what to call it here. By default as the service"},
        {"server", "URL",
         "https://HOST:PORT of the server, if the URI names none or another"},
        {"ca_file", "FILE",
         "CAs that lead to the server's certificate, in PEM. By default those "
         "of the system"},
        {"algorithm", "ed25519|p256", "of the key. By default ed25519"},
        {"device_name", "TEXT",
         "what the service calls this device. By default the machine's name"},
        {"platform", "TEXT", "what this device is. By default the system"}}},
      {"list",
       "",
       0,
       0,
       "Shows the challenges that wait now, of all devices.",
       {kDevice, kJson}},
      {"watch",
       "",
       0,
       0,
       "Stays connected and shows challenges as they come. At a terminal it "
       "takes the number to approve, \"deny [REASON]\" or \"not me\"; else it "
       "reads lines as \"CHALLENGE_ID approve NUMBER\", \"CHALLENGE_ID deny "
       "[REASON]\" and \"CHALLENGE_ID not-me\" from the standard input. Ends "
       "with SIGINT or SIGTERM.",
       {kDevice, kJson}},
      {"approve",
       "CHALLENGE_ID",
       1,
       1,
       "Shows a challenge and says yes, with the number that is shown where "
       "you sign in.",
       {{"number", "DIGITS", "the number. By default it is asked for"},
        kDevice,
        kJson}},
      {"deny",
       "CHALLENGE_ID",
       1,
       1,
       "Shows a challenge and says no.",
       {{"reason", "TEXT", "why, for the service's records"}, kDevice, kJson}},
      {"not-me",
       "CHALLENGE_ID",
       1,
       1,
       "Shows a challenge, says no, and reports that somebody else asked: push "
       "stops for you until your service lets it go on.",
       {kDevice, kJson}},
      {"codes",
       "[NAME]",
       0,
       1,
       "Shows the codes of all accounts, or of one, and for how many seconds "
       "they last.",
       {{"watch", "", "go on every second, at a terminal"}, kJson}},
      {"devices",
       "",
       0,
       0,
       "Shows what is in the key file, with the fingerprints of keys.",
       {kJson}},
      {"rename",
       "NAME NEW_NAME",
       2,
       2,
       "Calls an entry something else here.",
       {}},
      {"remove",
       "NAME",
       1,
       1,
       "Removes an entry and its key for good. The service has to be told "
       "apart: revoke the device there.",
       {{"yes", "", "do not ask whether this is meant"}}},
      {"rotate",
       "NAME",
       1,
       1,
       "Gives a device a new key in place of its old one.",
       {}},
      {"update",
       "NAME",
       1,
       1,
       "Changes what the service knows of a device.",
       {{"device_name", "TEXT", "what the service calls it"},
        {"platform", "TEXT", "what it is"},
        {"web_push_endpoint", "URL",
         "where Web Push wakes it up, with the next two. \"\" for nowhere"},
        {"web_push_p256dh", "BASE64URL", "public key of the receiver"},
        {"web_push_auth", "BASE64URL", "secret of the receiver"}}},
      {"passphrase",
       "",
       0,
       0,
       "Seals the key file with another passphrase.",
       {{"new_passphrase_file", "FILE",
         "where the new one stands. By default it is asked for"}}},
      {"help", "[COMMAND]", 0, 1, "Shows this, or what a command does.", {}},
  };
  return *commands;
}

const CommandSpec* FindCommand(absl::string_view name) {
  for (const CommandSpec& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(what, "; see --help"));
}

const OptionSpec* FindOption(const CommandSpec& command,
                             absl::string_view name) {
  for (const auto* options : {&command.options, &GlobalOptions()}) {
    for (const OptionSpec& option : *options) {
      if (option.name == name) return &option;
    }
  }
  return nullptr;
}

// An option as it was typed: its words are one, or two with the value apart.
struct Typed {
  std::string name;
  std::string value;
  bool has_value = false;
};

Typed Take(absl::string_view word) {
  word.remove_prefix(2);
  const size_t equals = word.find('=');
  Typed typed;
  typed.name = absl::StrReplaceAll(word.substr(0, equals), {{"-", "_"}});
  typed.has_value = equals != absl::string_view::npos;
  if (typed.has_value) typed.value = std::string(word.substr(equals + 1));
  return typed;
}

// A word is quoted in an error only if it is no secret: URIs are none.
absl::StatusOr<CommandLine> Check(const std::vector<std::string>& plain,
                                  const std::vector<Typed>& typed,
                                  const CommandSpec& command) {
  CommandLine line;
  line.command = std::string(command.name);
  line.arguments.assign(plain.begin() + 1, plain.end());
  if (line.arguments.size() < command.min_arguments ||
      line.arguments.size() > command.max_arguments) {
    return Bad(
        absl::StrCat("the command is: ", command.name, " ", command.arguments));
  }
  for (const Typed& option : typed) {
    const OptionSpec* const spec = FindOption(command, option.name);
    if (spec == nullptr) {
      return Bad(absl::StrCat("\"", command.name, "\" has no option --",
                              Printable(option.name)));
    }
    if (option.has_value == spec->value.empty()) {
      return Bad(absl::StrCat(
          "--", option.name,
          spec->value.empty() ? " takes no value" : " needs a value"));
    }
    if (!line.options.emplace(option.name, option.value).second) {
      return Bad(absl::StrCat("--", option.name, " is there twice"));
    }
  }
  return line;
}

// Whether an option takes the next word as its value.
bool WantsValue(absl::string_view name) {
  for (const CommandSpec& command : Commands()) {
    const OptionSpec* const option = FindOption(command, name);
    if (option != nullptr && !option->value.empty()) return true;
  }
  return false;
}

void AppendOption(const OptionSpec& option, std::string& text) {
  absl::StrAppend(&text, "  --", option.name, option.value.empty() ? "" : "=",
                  option.value, "\n      ", option.help, "\n");
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(
    const std::vector<std::string>& words) {
  std::vector<std::string> plain;
  std::vector<Typed> typed;
  bool options_ended = false, help = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (options_ended || word == "-" || !absl::StartsWith(word, "-")) {
      plain.push_back(word);
    } else if (word == "--") {
      options_ended = true;
    } else if (word == "--help" || word == "-h") {
      help = true;
    } else if (!absl::StartsWith(word, "--")) {
      return Bad("options begin with two hyphens");
    } else {
      Typed option = Take(word);
      if (!option.has_value && WantsValue(option.name) &&
          i + 1 < words.size()) {
        option.has_value = true;
        option.value = words[++i];
      }
      typed.push_back(std::move(option));
    }
  }
  if (help) {
    CommandLine line;
    line.command = "help";
    if (!plain.empty()) line.arguments.push_back(plain[0]);
    return line;
  }
  if (plain.empty()) return Bad("a command is missing");
  const CommandSpec* const command = FindCommand(plain[0]);
  if (command == nullptr) {
    return Bad(absl::StrCat("there is no command \"",
                            Printable(plain[0].substr(0, 32)), "\""));
  }
  ASSIGN_OR_RETURN(CommandLine line, Check(plain, typed, *command));
  if (command->name == "enrol" &&
      line.arguments.size() + (line.Has("qr") ? 1 : 0) != 1) {
    return Bad("\"enrol\" takes either a URI or --qr=PICTURE");
  }
  return line;
}

std::string HelpText(absl::string_view name) {
  const CommandSpec* const command = FindCommand(name);
  std::string text;
  if (command != nullptr) {
    absl::StrAppend(&text, "cofactor_device ", command->name,
                    command->arguments.empty() ? "" : " ", command->arguments,
                    "\n\n", command->help, "\n\n");
    for (const OptionSpec& option : command->options) {
      AppendOption(option, text);
    }
  } else {
    absl::StrAppend(&text,
                    "An authenticator for the command line: it answers the "
                    "challenges of Cofactor\nservers, and makes time-based "
                    "codes for any service.\n\n");
    for (const CommandSpec& each : Commands()) {
      absl::StrAppend(&text, "  cofactor_device ", each.name,
                      each.arguments.empty() ? "" : " ", each.arguments, "\n");
    }
    text += "\n";
  }
  for (const OptionSpec& option : GlobalOptions()) AppendOption(option, text);
  if (command != nullptr) return text;
  absl::StrAppend(
      &text,
      "\n\"cofactor_device help COMMAND\" tells more of a command.\n\n"
      "Exit codes: 0 done; 1 the server did not accept it (a wrong number, a "
      "challenge\nthat is over, a used ticket); 64 wrong usage; 65 a damaged "
      "file or picture; 66 no\nsuch file, entry or challenge; 69 the server "
      "cannot be reached; 70 a fault of this\nprogram; 74 a file cannot be "
      "read or written; 75 too many tries, later again;\n77 a wrong "
      "passphrase, or a device that the server does not know.\n");
  return text;
}

}  // namespace cofactor::device
