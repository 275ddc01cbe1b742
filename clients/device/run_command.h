#ifndef COFACTOR_CLIENTS_DEVICE_RUN_COMMAND_H_
#define COFACTOR_CLIENTS_DEVICE_RUN_COMMAND_H_

#include "absl/status/status.h"
#include "clients/device/session.h"

namespace cofactor::device {

// Runs the command of a session.
absl::Status RunCommand(Session& session);

// What the process ends with, as HelpText("") lists it.
int ExitCode(const absl::Status& status);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_RUN_COMMAND_H_
