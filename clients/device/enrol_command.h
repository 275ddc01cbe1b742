#ifndef COFACTOR_CLIENTS_DEVICE_ENROL_COMMAND_H_
#define COFACTOR_CLIENTS_DEVICE_ENROL_COMMAND_H_

#include "absl/status/status.h"
#include "clients/device/session.h"

namespace cofactor::device {

// "enrol". A new key is in the vault before the server is told of it, and so is
// the registration as it is sent: after a crash or a lost answer the same
// command sends it again, and the server, which knows it by its request id,
// answers as the first time.
absl::Status RunEnrol(Session& session);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_ENROL_COMMAND_H_
