#include "clients/device/run_command.h"

#include <sysexits.h>

#include <string>

#include "clients/device/answer_commands.h"
#include "clients/device/codes_command.h"
#include "clients/device/command_line.h"
#include "clients/device/enrol_command.h"
#include "clients/device/entry_commands.h"
#include "clients/device/watch_command.h"

namespace cofactor::device {
namespace {

constexpr int kNotAccepted = 1;

absl::Status RunHelp(Session& session) {
  const auto& arguments = session.line.arguments;
  session.console.Print(HelpText(arguments.empty() ? "" : arguments[0]));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunCommand(Session& session) {
  constexpr struct {
    absl::string_view name;
    absl::Status (*run)(Session&);
  } kCommands[] = {
      {"enrol", RunEnrol},           {"list", RunList},
      {"watch", RunWatch},           {"approve", RunAnswer},
      {"deny", RunAnswer},           {"not-me", RunAnswer},
      {"codes", RunCodes},           {"devices", RunDevices},
      {"rename", RunRename},         {"remove", RunRemove},
      {"rotate", RunRotate},         {"update", RunUpdate},
      {"passphrase", RunPassphrase}, {"help", RunHelp},
  };
  for (const auto& command : kCommands) {
    if (session.line.command == command.name) return command.run(session);
  }
  return absl::InternalError("a command without a function");
}

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return EX_OK;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kCancelled:
      return kNotAccepted;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return EX_USAGE;
    case absl::StatusCode::kDataLoss:
      return EX_DATAERR;
    case absl::StatusCode::kNotFound:
      return EX_NOINPUT;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return EX_UNAVAILABLE;
    case absl::StatusCode::kAborted:
      return EX_IOERR;
    case absl::StatusCode::kResourceExhausted:
      return EX_TEMPFAIL;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return EX_NOPERM;
    default:
      return EX_SOFTWARE;
  }
}

}  // namespace cofactor::device
