#include "clients/device/enrol_command.h"

#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clients/device/device_connection.h"
#include "clients/device/key_uri_reader.h"
#include "clients/device/open_device.h"
#include "clients/device/printable.h"
#include "clients/device/qr_picture.h"
#include "factors/push/activation_uri.h"
#include "factors/push/device_key.h"
#include "factors/push/device_signer.h"
#include "factors/push/signed_bytes.h"

namespace cofactor::device {
namespace {

using ::cofactor::v1::DeviceKeyAlgorithm;
using ::cofactor::v1::DeviceRegistration;
using ::cofactor::v1::RegisterDeviceRequest;
using factors::push::ActivationUri;
using factors::push::DeviceSigner;

constexpr size_t kMaxCaBytes = 1024 * 1024;

absl::StatusOr<Secret> ReadUri(Session& session) {
  if (session.line.Has("qr")) {
    return ReadQrPictureFile(session.line.Get("qr"));
  }
  if (session.line.arguments[0] != "-") {
    return Secret(session.line.arguments[0]);
  }
  if (session.console.IsTerminal()) session.console.PrintError("URI: ");
  ASSIGN_OR_RETURN(const Secret line, session.console.ReadLine());
  return Secret(absl::StripAsciiWhitespace(line.ExposeSecret()));
}

absl::StatusOr<DeviceKeyAlgorithm> ReadAlgorithm(const std::string& name) {
  if (name.empty() || name == "ed25519") {
    return cofactor::v1::DEVICE_KEY_ALGORITHM_ED25519;
  }
  if (name == "p256") return cofactor::v1::DEVICE_KEY_ALGORITHM_P256;
  return absl::InvalidArgumentError("--algorithm is ed25519 or p256");
}

absl::StatusOr<std::string> ReadCertificates(const std::string& path) {
  if (path.empty()) return "";
  std::ifstream file(path, std::ios::binary);
  std::string pem(kMaxCaBytes, '\0');
  file.read(pem.data(), static_cast<std::streamsize>(pem.size()));
  pem.resize(static_cast<size_t>(file.gcount()));
  if (!absl::StrContains(pem, "-----BEGIN CERTIFICATE-----")) {
    return absl::NotFoundError(
        absl::StrCat(path, ": cannot be read, or holds no certificate in PEM"));
  }
  return pem;
}

// What the person chose of a new entry, and the machine of the rest.
struct Choices {
  std::string name;
  std::string server;
  std::string ca_certificates;
  DeviceKeyAlgorithm algorithm;
  std::string device_name;
  std::string platform;
};

absl::StatusOr<Choices> ReadChoices(const Session& session,
                                    const ActivationUri& uri) {
  const CommandLine& line = session.line;
  Choices choices;
  choices.name = line.Get("name");
  choices.server = line.Has("server") ? line.Get("server") : uri.server;
  if (choices.server.empty()) {
    return absl::InvalidArgumentError(
        "the URI does not name its server: give it with "
        "--server=https://HOST:PORT");
  }
  RETURN_IF_ERROR(factors::push::CheckDeviceServer(choices.server));
  ASSIGN_OR_RETURN(choices.ca_certificates,
                   ReadCertificates(line.Get("ca_file")));
  ASSIGN_OR_RETURN(choices.algorithm, ReadAlgorithm(line.Get("algorithm")));
  choices.device_name =
      line.Has("device_name") ? line.Get("device_name") : session.device_name;
  choices.platform =
      line.Has("platform") ? line.Get("platform") : session.platform;
  return choices;
}

bool IsOf(const v1::PushDevice& device, const ActivationUri& uri) {
  return device.account_id() == uri.account_id &&
         device.member_id() == uri.member_id &&
         device.enrollment_id() == uri.enrollment_id;
}

absl::Status FillIn(const ActivationUri& uri, const Choices& choices,
                    Randomness& randomness, v1::PushDevice& device) {
  device.set_account_id(uri.account_id);
  device.set_member_id(uri.member_id);
  device.set_enrollment_id(uri.enrollment_id);
  device.set_issuer(uri.issuer);
  device.set_account_name(uri.account_name);
  device.set_device_name(choices.device_name);
  device.set_platform(choices.platform);
  device.set_algorithm(choices.algorithm);
  ASSIGN_OR_RETURN(const DeviceSigner signer,
                   DeviceSigner::Generate(choices.algorithm));
  device.set_private_key(std::string(signer.private_key().ExposeSecret()));

  RegisterDeviceRequest& request = *device.mutable_registration();
  request.set_request_id(randomness.DrawId());
  request.set_account_id(uri.account_id);
  request.set_member_id(uri.member_id);
  request.set_enrollment_id(uri.enrollment_id);
  DeviceRegistration& registration = *request.mutable_registration();
  registration.set_ticket(std::string(uri.ticket.ExposeSecret()));
  *registration.mutable_key() = signer.key();
  registration.set_device_name(choices.device_name);
  registration.set_platform(choices.platform);
  ASSIGN_OR_RETURN(*registration.mutable_signature(),
                   signer.Sign(factors::push::RegistrationBytes(IdsOf(device),
                                                                registration)));
  return absl::OkStatus();
}

// An entry whose registration is to be sent, in the vault.
struct Entry {
  std::string name;
  RegisterDeviceRequest registration;
  bool resumed = false;

  ~Entry() { Wipe(*registration.mutable_registration()->mutable_ticket()); }
};

absl::Status Prepare(Session& session, const ActivationUri& uri,
                     const Choices& choices, v1::DeviceVault& vault,
                     Entry& entry) {
  v1::PushDevice* device = nullptr;
  for (v1::PushDevice& each : *vault.mutable_push_devices()) {
    if (IsOf(each, uri)) device = &each;
  }
  entry.resumed = device != nullptr;
  if (device != nullptr && !device->has_registration()) {
    return absl::AlreadyExistsError(
        absl::StrCat("this enrollment is there already, as \"",
                     Printable(device->name()), "\""));
  }
  if (device == nullptr) {
    std::string name = choices.name;
    if (name.empty()) {
      name = FreeName(vault, absl::StrCat(uri.issuer, ":", uri.account_name));
    } else if (HasEntry(vault, name)) {
      return absl::AlreadyExistsError(
          "there is an entry of that name; choose another --name");
    }
    device = vault.add_push_devices();
    device->set_name(name);
    RETURN_IF_ERROR(FillIn(uri, choices, session.randomness, *device));
  }
  device->set_server(choices.server);
  device->set_ca_certificates(choices.ca_certificates);
  entry.name = device->name();
  entry.registration = device->registration();
  return absl::OkStatus();
}

absl::Status RemoveDevice(Vault& vault, const std::string& name) {
  return vault.Update([&name](v1::DeviceVault& message) {
    for (int i = 0; i < message.push_devices_size(); ++i) {
      if (message.push_devices(i).name() != name) continue;
      Wipe(*message.mutable_push_devices(i)->mutable_private_key());
      message.mutable_push_devices()->DeleteSubrange(i, 1);
      break;
    }
    return absl::OkStatus();
  });
}

absl::Status FinishRegistration(Vault& vault, const std::string& name) {
  return vault.Update([&name](v1::DeviceVault& message) {
    v1::PushDevice* const device = FindPushDevice(message, name);
    if (device == nullptr) return NoPushDevice(name);
    if (device->has_registration()) {
      Wipe(*device->mutable_registration()
                ->mutable_registration()
                ->mutable_ticket());
      device->clear_registration();
    }
    return absl::OkStatus();
  });
}

// Whether an error leaves open what the server did, or says that it did nothing
// and may do it later.
bool IsOpen(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnimplemented:
      return false;
    default:
      return true;
  }
}

// Whether the server knows the key of an entry, whatever it says of its ticket.
bool IsKnown(Session& session, Vault& vault, DeviceConnection& connection,
             const std::string& name) {
  const auto content = vault.Read();
  if (!content.ok()) return false;
  const v1::PushDevice* const device = FindPushDevice(**content, name);
  if (device == nullptr) return false;
  const auto signer = DeviceSigner::FromPrivateKey(
      device->algorithm(), Secret(absl::string_view(device->private_key())));
  return signer.ok() && connection.ListPending(IdsOf(*device), *signer).ok();
}

absl::Status EnrolPush(Session& session, const ActivationUri& uri) {
  ASSIGN_OR_RETURN(const Choices choices, ReadChoices(session, uri));
  ASSIGN_OR_RETURN(
      const auto connection,
      DeviceConnection::Open(choices.server, choices.ca_certificates,
                             session.randomness));
  ASSIGN_OR_RETURN(const auto vault, OpenOrCreateVault(session));
  Entry entry;
  RETURN_IF_ERROR(vault->Update([&](v1::DeviceVault& message) {
    return Prepare(session, uri, choices, message, entry);
  }));
  const absl::StatusOr<bool> registered =
      connection->Register(entry.registration);
  if (!registered.ok() && IsOpen(registered.status())) {
    return absl::Status(
        registered.status().code(),
        absl::StrCat(registered.status().message(),
                     "; the new key is kept: repeat the command"));
  }
  // An old ticket may be of a registration whose answer got lost long ago.
  const bool known =
      (registered.ok() && *registered) ||
      (entry.resumed && IsKnown(session, *vault, *connection, entry.name));
  if (!known) {
    RETURN_IF_ERROR(RemoveDevice(*vault, entry.name));
    RETURN_IF_ERROR(registered.status());
    return absl::FailedPreconditionError(
        "the server does not take this URI: it was used, is too old or wrong; "
        "ask for a new one");
  }
  RETURN_IF_ERROR(FinishRegistration(*vault, entry.name));
  session.console.Print(absl::StrCat(
      "enrolled: ", Printable(entry.name), ", key ",
      factors::push::FingerprintOf(entry.registration.registration().key()),
      "\n"));
  return absl::OkStatus();
}

absl::Status EnrolTotp(Session& session, const Secret& uri) {
  ASSIGN_OR_RETURN(v1::TotpAccount account, ReadKeyUri(uri.ExposeSecret()));
  const Secret seed(std::move(*account.mutable_secret()));
  ASSIGN_OR_RETURN(const auto vault, OpenOrCreateVault(session));
  std::string name = session.line.Get("name");
  RETURN_IF_ERROR(vault->Update([&](v1::DeviceVault& message) {
    for (const v1::TotpAccount& each : message.totp_accounts()) {
      if (ConstantTimeEquals(each.secret(), seed.ExposeSecret())) {
        return absl::AlreadyExistsError(
            absl::StrCat("this account is there already, as \"",
                         Printable(each.name()), "\""));
      }
    }
    if (name.empty()) {
      const std::string& issuer = account.issuer();
      name = FreeName(message, absl::StrCat(issuer, issuer.empty() ? "" : ":",
                                            account.account_name()));
    } else if (HasEntry(message, name)) {
      return absl::AlreadyExistsError(
          "there is an entry of that name; choose another --name");
    }
    v1::TotpAccount& added = *message.add_totp_accounts() = account;
    added.set_name(name);
    added.set_secret(std::string(seed.ExposeSecret()));
    return absl::OkStatus();
  }));
  session.console.Print(absl::StrCat("added: ", Printable(name), "\n"));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunEnrol(Session& session) {
  if (session.line.Has("name")) {
    RETURN_IF_ERROR(CheckName(session.line.Get("name")));
  }
  ASSIGN_OR_RETURN(const Secret uri, ReadUri(session));
  if (absl::StartsWithIgnoreCase(uri.ExposeSecret(), "otpauth")) {
    return EnrolTotp(session, uri);
  }
  if (!absl::StartsWithIgnoreCase(uri.ExposeSecret(), "cofactor:")) {
    return absl::InvalidArgumentError(
        "a URI begins with cofactor:// or otpauth://");
  }
  ASSIGN_OR_RETURN(const ActivationUri activation,
                   factors::push::ParseActivationUri(uri.ExposeSecret()));
  return EnrolPush(session, activation);
}

}  // namespace cofactor::device
