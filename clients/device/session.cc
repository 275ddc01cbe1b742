#include "clients/device/session.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clients/device/open_device.h"
#include "clients/device/printable.h"

namespace cofactor::device {
namespace {

constexpr size_t kMaxNameBytes = 128;

absl::Status CheckPath(const Session& session) {
  if (!session.vault.path.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "say where the key file is, with --file or in COFACTOR_DEVICE_FILE");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Vault>> OpenVault(Session& session) {
  RETURN_IF_ERROR(CheckPath(session));
  if (!Vault::Exists(session.vault.path)) {
    return absl::NotFoundError(absl::StrCat(
        session.vault.path, ": there is no key file yet; \"enrol\" makes one"));
  }
  ASSIGN_OR_RETURN(const Secret passphrase, session.passphrase.Existing());
  return Vault::Open(session.vault, passphrase, session.randomness);
}

absl::StatusOr<std::unique_ptr<Vault>> OpenOrCreateVault(Session& session) {
  RETURN_IF_ERROR(CheckPath(session));
  if (Vault::Exists(session.vault.path)) return OpenVault(session);
  ASSIGN_OR_RETURN(const Secret passphrase, session.passphrase.New());
  return Vault::Create(session.vault, passphrase, session.randomness);
}

std::unique_ptr<EventFormat> FormatOf(const Session& session) {
  return session.line.Has("json") ? MakeJsonFormat() : MakeTextFormat();
}

bool HasEntry(const v1::DeviceVault& vault, const std::string& name) {
  if (FindPushDevice(vault, name) != nullptr) return true;
  for (const v1::TotpAccount& account : vault.totp_accounts()) {
    if (account.name() == name) return true;
  }
  return false;
}

std::string FreeName(const v1::DeviceVault& vault, const std::string& name) {
  std::string free = name;
  for (int i = 2; HasEntry(vault, free); ++i) free = absl::StrCat(name, " ", i);
  return free;
}

absl::Status CheckName(const std::string& name) {
  // A backslash would be doubled whenever it is shown.
  if (name.empty() || name.size() > kMaxNameBytes || Printable(name) != name) {
    return absl::InvalidArgumentError(
        "a name has 1 to 128 bytes, without control characters and "
        "backslashes");
  }
  return absl::OkStatus();
}

}  // namespace cofactor::device
