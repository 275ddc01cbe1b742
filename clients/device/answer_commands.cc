#include "clients/device/answer_commands.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clients/device/answer_line.h"
#include "clients/device/device_connection.h"
#include "clients/device/open_device.h"
#include "clients/device/printable.h"

namespace cofactor::device {
namespace {

using ::cofactor::v1::DeviceChallenge;

absl::Status About(const std::string& device, const absl::Status& status) {
  absl::Status result(status.code(),
                      absl::StrCat(device, ": ", status.message()));
  status.ForEachPayload(
      [&result](absl::string_view url, const absl::Cord& payload) {
        result.SetPayload(url, payload);
      });
  return result;
}

absl::StatusOr<Decision> DecisionOf(Session& session) {
  if (session.line.command == "not-me") return Report();
  if (session.line.command == "deny") return Denial(session.line.Get("reason"));
  if (session.line.Has("number")) return Approval(session.line.Get("number"));
  if (session.console.IsTerminal()) {
    session.console.PrintError("Number shown where you sign in: ");
  }
  ASSIGN_OR_RETURN(const Secret line, session.console.ReadLine());
  return Approval(line.ExposeSecret());
}

absl::Status Answer(Session& session, const OpenedDevice& device,
                    const DeviceChallenge& challenge) {
  const auto format = FormatOf(session);
  session.console.Print(
      format->Challenge(device.entry.name(), challenge, session.clock.Now()));
  ASSIGN_OR_RETURN(const Decision decision, DecisionOf(session));
  ASSIGN_OR_RETURN(const auto response,
                   device.connection->Answer(IdsOf(device.entry), device.signer,
                                             challenge, decision));
  session.console.Print(format->Answered(challenge.challenge_id(), response));
  if (response.accepted()) return absl::OkStatus();
  return absl::FailedPreconditionError("the server did not accept the answer");
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ChosenDevices(const Session& session,
                                                       const Vault& vault) {
  if (session.line.Has("device")) {
    return std::vector<std::string>{session.line.Get("device")};
  }
  ASSIGN_OR_RETURN(const VaultContent content, vault.Read());
  std::vector<std::string> names;
  for (const v1::PushDevice& device : content->push_devices()) {
    if (!device.has_registration()) names.push_back(device.name());
  }
  if (names.empty()) {
    return absl::NotFoundError(
        "no device is registered; \"enrol\" registers one");
  }
  return names;
}

absl::Status RunList(Session& session) {
  ASSIGN_OR_RETURN(const auto vault, OpenVault(session));
  ASSIGN_OR_RETURN(const auto names, ChosenDevices(session, *vault));
  const auto format = FormatOf(session);
  absl::Status result;
  bool any = false;
  for (const std::string& name : names) {
    auto device = OpenDevice(*vault, name, session.randomness);
    absl::Status status = device.status();
    if (device.ok()) {
      const auto pending =
          device->connection->ListPending(IdsOf(device->entry), device->signer);
      status = pending.status();
      for (const DeviceChallenge& challenge :
           pending.value_or(std::vector<DeviceChallenge>())) {
        any = true;
        session.console.Print(
            format->Challenge(name, challenge, session.clock.Now()));
      }
    }
    if (status.ok()) continue;
    // The others may still have something. The last error is told at the end.
    if (!result.ok()) {
      session.console.PrintError(
          absl::StrCat("cofactor_device: ", Printable(result.message()), "\n"));
    }
    result = About(name, status);
  }
  if (!any && result.ok() && !session.line.Has("json")) {
    session.console.Print("nothing waits\n");
  }
  return result;
}

absl::Status RunAnswer(Session& session) {
  const std::string& challenge_id = session.line.arguments[0];
  // Before anything is shown or asked.
  if (session.line.Has("number") || session.line.command != "approve") {
    RETURN_IF_ERROR(DecisionOf(session).status());
  }
  ASSIGN_OR_RETURN(const auto vault, OpenVault(session));
  ASSIGN_OR_RETURN(const auto names, ChosenDevices(session, *vault));
  absl::Status failed;
  for (const std::string& name : names) {
    auto device = OpenDevice(*vault, name, session.randomness);
    if (!device.ok()) {
      failed = About(name, device.status());
      continue;
    }
    const auto pending =
        device->connection->ListPending(IdsOf(device->entry), device->signer);
    if (!pending.ok()) {
      failed = About(name, pending.status());
      continue;
    }
    for (const DeviceChallenge& challenge : *pending) {
      if (challenge.challenge_id() == challenge_id) {
        return Answer(session, *device, challenge);
      }
    }
  }
  RETURN_IF_ERROR(failed);
  return absl::NotFoundError(
      "no such challenge waits: it is over, or for another device");
}

}  // namespace cofactor::device
