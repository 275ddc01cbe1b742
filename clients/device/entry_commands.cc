#include "clients/device/entry_commands.h"

#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clients/device/device_connection.h"
#include "clients/device/open_device.h"
#include "clients/device/printable.h"
#include "factors/push/device_key.h"
#include "factors/push/device_signer.h"

namespace cofactor::device {
namespace {

using factors::push::DeviceSigner;

absl::Status NoEntry(const std::string& name) {
  return absl::NotFoundError(absl::StrCat("there is no entry called \"",
                                          Printable(name),
                                          "\"; \"devices\" lists them"));
}

std::string FingerprintOf(const v1::PushDevice& device) {
  const auto signer = DeviceSigner::FromPrivateKey(
      device.algorithm(), Secret(absl::string_view(device.private_key())));
  return signer.ok() ? factors::push::FingerprintOf(signer->key()) : "unusable";
}

// Whether the person at the terminal says yes.
absl::StatusOr<bool> Confirm(Session& session, const std::string& question) {
  if (session.line.Has("yes")) return true;
  if (!session.console.IsTerminal()) {
    return absl::InvalidArgumentError("say --yes if this is meant");
  }
  session.console.PrintError(question);
  ASSIGN_OR_RETURN(const Secret answer, session.console.ReadLine());
  return answer.ExposeSecret() == "yes";
}

template <typename Entries>
bool RemoveNamed(const std::string& name, Entries& entries) {
  for (int i = 0; i < entries.size(); ++i) {
    if (entries[i].name() == name) {
      entries.DeleteSubrange(i, 1);
      return true;
    }
  }
  return false;
}

absl::Status ReadBase64(const CommandLine& line, const std::string& option,
                        std::string& out) {
  if (absl::WebSafeBase64Unescape(line.Get(option), &out) && !out.empty()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--", option, " is needed, in Base64 for URLs"));
}

absl::Status ReadWakeUp(const CommandLine& line,
                        cofactor::v1::WakeUpAddress& wake_up) {
  if (!line.Has("web_push_endpoint")) {
    if (line.Has("web_push_p256dh") || line.Has("web_push_auth")) {
      return absl::InvalidArgumentError("--web_push_endpoint is needed too");
    }
    return absl::OkStatus();
  }
  wake_up.Clear();
  const std::string endpoint = line.Get("web_push_endpoint");
  if (endpoint.empty()) return absl::OkStatus();
  cofactor::v1::WebPushSubscription& web_push = *wake_up.mutable_web_push();
  web_push.set_endpoint(endpoint);
  RETURN_IF_ERROR(
      ReadBase64(line, "web_push_p256dh", *web_push.mutable_p256dh()));
  return ReadBase64(line, "web_push_auth", *web_push.mutable_auth());
}

}  // namespace

absl::Status RunDevices(Session& session) {
  ASSIGN_OR_RETURN(const auto vault, OpenVault(session));
  ASSIGN_OR_RETURN(const VaultContent content, vault->Read());
  const auto format = FormatOf(session);
  for (const v1::PushDevice& device : content->push_devices()) {
    session.console.Print(format->PushDevice(device, FingerprintOf(device)));
  }
  for (const v1::TotpAccount& account : content->totp_accounts()) {
    session.console.Print(format->Account(account));
  }
  return absl::OkStatus();
}

absl::Status RunRename(Session& session) {
  const std::string& name = session.line.arguments[0];
  const std::string& new_name = session.line.arguments[1];
  RETURN_IF_ERROR(CheckName(new_name));
  ASSIGN_OR_RETURN(const auto vault, OpenVault(session));
  return vault->Update([&](v1::DeviceVault& message) {
    if (name == new_name) return absl::OkStatus();
    if (HasEntry(message, new_name)) {
      return absl::AlreadyExistsError("there is an entry of the new name");
    }
    if (v1::PushDevice* const device = FindPushDevice(message, name)) {
      device->set_name(new_name);
      return absl::OkStatus();
    }
    for (v1::TotpAccount& account : *message.mutable_totp_accounts()) {
      if (account.name() != name) continue;
      account.set_name(new_name);
      return absl::OkStatus();
    }
    return NoEntry(name);
  });
}

absl::Status RunRemove(Session& session) {
  const std::string& name = session.line.arguments[0];
  ASSIGN_OR_RETURN(const auto vault, OpenVault(session));
  {
    ASSIGN_OR_RETURN(const VaultContent content, vault->Read());
    if (!HasEntry(*content, name)) return NoEntry(name);
  }
  ASSIGN_OR_RETURN(
      const bool meant,
      Confirm(session, absl::StrCat("Remove \"", Printable(name),
                                    "\" and its key for good? Type yes: ")));
  if (!meant) return absl::CancelledError("nothing was removed");
  return vault->Update([&name](v1::DeviceVault& message) {
    if (RemoveNamed(name, *message.mutable_push_devices()) ||
        RemoveNamed(name, *message.mutable_totp_accounts())) {
      return absl::OkStatus();
    }
    return NoEntry(name);
  });
}

absl::Status RunRotate(Session& session) {
  const std::string& name = session.line.arguments[0];
  ASSIGN_OR_RETURN(const auto vault, OpenVault(session));
  ASSIGN_OR_RETURN(const OpenedDevice device,
                   OpenDevice(*vault, name, session.randomness));
  ASSIGN_OR_RETURN(DeviceSigner next,
                   DeviceSigner::Generate(device.entry.algorithm()));
  RETURN_IF_ERROR(vault->Update([&](v1::DeviceVault& message) -> absl::Status {
    v1::PushDevice* const entry = FindPushDevice(message, name);
    if (entry == nullptr) return NoPushDevice(name);
    if (entry->next_private_key().empty()) {
      entry->set_next_private_key(
          std::string(next.private_key().ExposeSecret()));
      return absl::OkStatus();
    }
    // An earlier rotation may still reach the server: it has to be this key.
    ASSIGN_OR_RETURN(next,
                     DeviceSigner::FromPrivateKey(
                         entry->algorithm(),
                         Secret(absl::string_view(entry->next_private_key()))));
    return absl::OkStatus();
  }));
  const absl::Status rotated =
      device.connection->RotateKey(IdsOf(device.entry), device.signer, next);
  if (!rotated.ok()) {
    return absl::Status(
        rotated.code(),
        absl::StrCat(rotated.message(),
                     "; both keys are kept: repeat the command"));
  }
  RETURN_IF_ERROR(vault->Update([&](v1::DeviceVault& message) {
    v1::PushDevice* const entry = FindPushDevice(message, name);
    if (entry == nullptr) return NoPushDevice(name);
    if (entry->next_private_key() == next.private_key().ExposeSecret()) {
      AdoptNextKey(*entry);
    }
    return absl::OkStatus();
  }));
  session.console.Print(absl::StrCat("rotated: ", Printable(name), ", key ",
                                     factors::push::FingerprintOf(next.key()),
                                     "\n"));
  return absl::OkStatus();
}

absl::Status RunUpdate(Session& session) {
  const std::string& name = session.line.arguments[0];
  ASSIGN_OR_RETURN(const auto vault, OpenVault(session));
  ASSIGN_OR_RETURN(OpenedDevice device,
                   OpenDevice(*vault, name, session.randomness));
  v1::PushDevice& entry = device.entry;
  if (session.line.Has("device_name")) {
    entry.set_device_name(session.line.Get("device_name"));
  }
  if (session.line.Has("platform")) {
    entry.set_platform(session.line.Get("platform"));
  }
  RETURN_IF_ERROR(ReadWakeUp(session.line, *entry.mutable_wake_up()));
  RETURN_IF_ERROR(device.connection->Update(IdsOf(entry), device.signer,
                                            entry.device_name(),
                                            entry.platform(), entry.wake_up()));
  return vault->Update([&](v1::DeviceVault& message) {
    v1::PushDevice* const now = FindPushDevice(message, name);
    if (now == nullptr) return NoPushDevice(name);
    now->set_device_name(entry.device_name());
    now->set_platform(entry.platform());
    *now->mutable_wake_up() = entry.wake_up();
    return absl::OkStatus();
  });
}

absl::Status RunPassphrase(Session& session) {
  ASSIGN_OR_RETURN(const auto vault, OpenVault(session));
  std::unique_ptr<PassphraseSource> file;
  PassphraseSource* source = &session.passphrase;
  if (session.line.Has("new_passphrase_file")) {
    file = MakeFilePassphrase(session.line.Get("new_passphrase_file"));
    source = file.get();
  } else if (session.line.Has("passphrase_file")) {
    return absl::InvalidArgumentError(
        "--passphrase_file holds the old passphrase: give the new one with "
        "--new_passphrase_file");
  }
  ASSIGN_OR_RETURN(const Secret passphrase, source->New());
  return vault->ChangePassphrase(passphrase);
}

}  // namespace cofactor::device
