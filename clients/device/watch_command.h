#ifndef COFACTOR_CLIENTS_DEVICE_WATCH_COMMAND_H_
#define COFACTOR_CLIENTS_DEVICE_WATCH_COMMAND_H_

#include "absl/status/status.h"
#include "clients/device/session.h"

namespace cofactor::device {

// "watch", until a signal comes. When the input ends it goes on to show
// challenges. FAILED_PRECONDITION: every device was given up.
absl::Status RunWatch(Session& session);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_WATCH_COMMAND_H_
