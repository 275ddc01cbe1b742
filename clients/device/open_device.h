#ifndef COFACTOR_CLIENTS_DEVICE_OPEN_DEVICE_H_
#define COFACTOR_CLIENTS_DEVICE_OPEN_DEVICE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/randomness.h"
#include "clients/device/device_connection.h"
#include "clients/device/vault.h"
#include "cofactor/device/v1/vault.pb.h"
#include "factors/push/device_signer.h"

namespace cofactor::device {

// An enrollment of the vault with the key that its server knows.
struct OpenedDevice {
  // Without its keys.
  v1::PushDevice entry;
  std::unique_ptr<DeviceConnection> connection;
  factors::push::DeviceSigner signer;
};

// Makes ready to speak for an enrollment. Only if nobody knows whether the
// server took a new key (a crash in the middle of a rotation, an answer that
// was lost), the server is asked here: both keys are tried, and the vault keeps
// what was found out.
//
// NOT_FOUND: no push device of that name. FAILED_PRECONDITION: its registration
// was not finished. Else as the calls of vault and connection.
absl::StatusOr<OpenedDevice> OpenDevice(Vault& vault, const std::string& name,
                                        Randomness& randomness);

// The entry of that name, or nullptr.
v1::PushDevice* FindPushDevice(v1::DeviceVault& vault, const std::string& name);
const v1::PushDevice* FindPushDevice(const v1::DeviceVault& vault,
                                     const std::string& name);

// Takes the new key of an entry for its key. Does nothing without a new key.
void AdoptNextKey(v1::PushDevice& device);

// "there is no push device called ...", NOT_FOUND.
absl::Status NoPushDevice(const std::string& name);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_OPEN_DEVICE_H_
