#ifndef COFACTOR_CLIENTS_DEVICE_SESSION_H_
#define COFACTOR_CLIENTS_DEVICE_SESSION_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "clients/device/command_line.h"
#include "clients/device/console.h"
#include "clients/device/event_format.h"
#include "clients/device/passphrase.h"
#include "clients/device/vault.h"

namespace cofactor::device {

// What a command works with. Nothing is owned; all must outlive the command.
struct Session {
  const CommandLine& line;
  const Clock& clock;
  Randomness& randomness;
  Console& console;
  // Of the key file.
  PassphraseSource& passphrase;
  // Where it is, and what its passphrase costs. An empty path: nobody said.
  Vault::Options vault;
  // Of the machine: what --device_name and --platform are by default.
  std::string device_name;
  std::string platform;
};

// The key file of a session, which has to exist.
absl::StatusOr<std::unique_ptr<Vault>> OpenVault(Session& session);

// The same, made if there is none.
absl::StatusOr<std::unique_ptr<Vault>> OpenOrCreateVault(Session& session);

// As --json says.
std::unique_ptr<EventFormat> FormatOf(const Session& session);

// Whether an entry of the vault has the name.
bool HasEntry(const device::v1::DeviceVault& vault, const std::string& name);

// The name, or, if an entry has it, the name with a number: "acme 2".
std::string FreeName(const device::v1::DeviceVault& vault,
                     const std::string& name);

// INVALID_ARGUMENT: a name has 1 to 128 bytes and no control characters.
absl::Status CheckName(const std::string& name);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_SESSION_H_
