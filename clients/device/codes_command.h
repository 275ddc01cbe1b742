#ifndef COFACTOR_CLIENTS_DEVICE_CODES_COMMAND_H_
#define COFACTOR_CLIENTS_DEVICE_CODES_COMMAND_H_

#include "absl/status/status.h"
#include "clients/device/session.h"

namespace cofactor::device {

// "codes". NOT_FOUND: no account, or none of that name.
absl::Status RunCodes(Session& session);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_CODES_COMMAND_H_
