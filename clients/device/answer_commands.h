#ifndef COFACTOR_CLIENTS_DEVICE_ANSWER_COMMANDS_H_
#define COFACTOR_CLIENTS_DEVICE_ANSWER_COMMANDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/device/session.h"

namespace cofactor::device {

// "list".
absl::Status RunList(Session& session);

// "approve", "deny" and "not-me": each shows the challenge, as the server has
// it now, and signs what it has shown. FAILED_PRECONDITION: the server did not
// accept the answer.
absl::Status RunAnswer(Session& session);

// Names of the push devices that a command is about: --device, or all that are
// registered. NOT_FOUND: there are none.
absl::StatusOr<std::vector<std::string>> ChosenDevices(const Session& session,
                                                       const Vault& vault);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_ANSWER_COMMANDS_H_
