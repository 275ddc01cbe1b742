#ifndef COFACTOR_FACTORS_PUSH_PUSH_STATE_H_
#define COFACTOR_FACTORS_PUSH_PUSH_STATE_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cofactor/v1/device.pb.h"
#include "factors/factor.h"

namespace cofactor::factors::push {

// What the host may do with the private state of a device between its
// registration and its answers, as it serves the other calls of DeviceService.
//
// Errors of all: NOT_FOUND: no device has registered yet, or the state is a
// decoy. FAILED_PRECONDITION, reason UNKNOWN_STATE_VERSION: a later version
// wrote it. DATA_LOSS: it is damaged.

// The key that the device signs with.
absl::StatusOr<v1::DeviceKey> DeviceKeyOf(const FactorState& state);

// Where the device is woken up; not set: nowhere.
absl::StatusOr<v1::WakeUpAddress> WakeUpAddressOf(const FactorState& state);

// The state with another key, which CheckDeviceKey has let pass.
absl::StatusOr<FactorState> WithKey(const FactorState& state,
                                    const v1::DeviceKey& key);

// The state with another address, which CheckWakeUpAddress has let pass; not
// set: none.
absl::StatusOr<FactorState> WithWakeUp(const FactorState& state,
                                       const v1::WakeUpAddress& address);

// The state without an address that turned out to be dead. Nothing if the
// device has another address by now. serialized_address: that of the
// OutgoingMessage that Factor::WakeUp made.
absl::StatusOr<std::optional<FactorState>> WithoutWakeUp(
    const FactorState& state, absl::string_view serialized_address);

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_PUSH_STATE_H_
