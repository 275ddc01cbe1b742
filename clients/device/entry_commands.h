#ifndef COFACTOR_CLIENTS_DEVICE_ENTRY_COMMANDS_H_
#define COFACTOR_CLIENTS_DEVICE_ENTRY_COMMANDS_H_

#include "absl/status/status.h"
#include "clients/device/session.h"

namespace cofactor::device {

// "devices", "rename", "remove", "rotate", "update" and "passphrase".
absl::Status RunDevices(Session& session);
absl::Status RunRename(Session& session);
// CANCELLED: the person did not mean it. INVALID_ARGUMENT: without --yes, and
// no person is there to ask.
absl::Status RunRemove(Session& session);
// The new key is in the vault before the server is told of it, until it is
// known that the server has it.
absl::Status RunRotate(Session& session);
absl::Status RunUpdate(Session& session);
absl::Status RunPassphrase(Session& session);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_ENTRY_COMMANDS_H_
