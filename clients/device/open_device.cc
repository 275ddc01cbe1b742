#include "clients/device/open_device.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "clients/device/printable.h"

namespace cofactor::device {

using factors::push::DeviceSigner;

v1::PushDevice* FindPushDevice(v1::DeviceVault& vault,
                               const std::string& name) {
  for (v1::PushDevice& device : *vault.mutable_push_devices()) {
    if (device.name() == name) return &device;
  }
  return nullptr;
}

const v1::PushDevice* FindPushDevice(const v1::DeviceVault& vault,
                                     const std::string& name) {
  for (const v1::PushDevice& device : vault.push_devices()) {
    if (device.name() == name) return &device;
  }
  return nullptr;
}

absl::Status NoPushDevice(const std::string& name) {
  return absl::NotFoundError(absl::StrCat("there is no push device called \"",
                                          Printable(name),
                                          "\"; \"devices\" lists them"));
}

void AdoptNextKey(v1::PushDevice& device) {
  if (device.next_private_key().empty()) return;
  device.mutable_private_key()->swap(*device.mutable_next_private_key());
  Wipe(*device.mutable_next_private_key());
}

namespace {

// Finds out which of its two keys the server knows.
absl::StatusOr<DeviceSigner> SettleRotation(Vault& vault,
                                            const v1::PushDevice& device,
                                            DeviceConnection& connection,
                                            DeviceSigner signer) {
  absl::Status known = connection.ListPending(IdsOf(device), signer).status();
  if (known.ok()) return signer;
  if (!absl::IsUnauthenticated(known)) return known;
  const Secret next{absl::string_view(device.next_private_key())};
  ASSIGN_OR_RETURN(DeviceSigner next_signer,
                   DeviceSigner::FromPrivateKey(device.algorithm(), next));
  RETURN_IF_ERROR(connection.ListPending(IdsOf(device), next_signer).status());
  RETURN_IF_ERROR(vault.Update([&](v1::DeviceVault& message) {
    v1::PushDevice* now = FindPushDevice(message, device.name());
    if (now == nullptr) return NoPushDevice(device.name());
    // Another process may have been faster, and even gone further.
    if (now->next_private_key() == next.ExposeSecret()) AdoptNextKey(*now);
    return absl::OkStatus();
  }));
  return next_signer;
}

}  // namespace

absl::StatusOr<OpenedDevice> OpenDevice(Vault& vault, const std::string& name,
                                        Randomness& randomness) {
  ASSIGN_OR_RETURN(const VaultContent content, vault.Read());
  const v1::PushDevice* device = FindPushDevice(*content, name);
  if (device == nullptr) return NoPushDevice(name);
  if (device->has_registration()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "\"", Printable(name),
        "\" is not known to be registered: repeat \"enrol\" with its URI"));
  }
  ASSIGN_OR_RETURN(DeviceSigner signer,
                   DeviceSigner::FromPrivateKey(
                       device->algorithm(),
                       Secret(absl::string_view(device->private_key()))));
  ASSIGN_OR_RETURN(auto connection, DeviceConnection::Open(
                                        device->server(),
                                        device->ca_certificates(), randomness));
  if (!device->next_private_key().empty()) {
    ASSIGN_OR_RETURN(
        signer, SettleRotation(vault, *device, *connection, std::move(signer)));
  }
  v1::PushDevice entry = *device;
  Wipe(*entry.mutable_private_key());
  Wipe(*entry.mutable_next_private_key());
  return OpenedDevice{std::move(entry), std::move(connection),
                      std::move(signer)};
}

}  // namespace cofactor::device
