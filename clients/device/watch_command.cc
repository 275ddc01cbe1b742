#include "clients/device/watch_command.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "clients/device/answer_commands.h"
#include "clients/device/answer_line.h"
#include "clients/device/challenge_board.h"
#include "clients/device/challenge_watch.h"
#include "clients/device/open_device.h"
#include "clients/device/stop_signal.h"

namespace cofactor::device {
namespace {

using ::cofactor::v1::ChallengeState;
using ::cofactor::v1::DeviceChallenge;

// What all watches of a command share.
struct Shared {
  Session& session;
  const std::unique_ptr<EventFormat> format;
  ChallengeBoard board;
  // Written to when a device is given up.
  const int given_up;

  void Print(const std::string& text) { session.console.Print(text); }
};

// Shows what happens to one device.
class DeviceListener final : public ChallengeWatch::Listener {
 public:
  DeviceListener(std::string name, Shared& shared)
      : name_(std::move(name)), shared_(shared) {}

  void OnWelcome() override { shared_.Print(shared_.format->Connected(name_)); }

  void OnChallenge(const DeviceChallenge& challenge) override {
    const auto shown = shared_.board.Add(name_, challenge);
    if (!shown.has_value()) return;
    std::string text = shared_.format->Challenge(name_, challenge,
                                                 shared_.session.clock.Now());
    if (shared_.session.console.IsTerminal()) {
      absl::StrAppend(&text, "#", shown->index,
                      ": the number, \"deny [REASON]\" or \"not me\"? ");
      if (shared_.board.size() > 1) {
        absl::StrAppend(&text, "More than one waits: begin with #",
                        shown->index, ". ");
      }
    }
    shared_.Print(text);
  }

  void OnEnded(const std::string& challenge_id, ChallengeState state) override {
    shared_.board.Remove(challenge_id);
    shared_.Print(shared_.format->Ended(challenge_id, state));
  }

  void OnFailure(const absl::Status& status,
                 absl::Duration retry_after) override {
    shared_.Print(shared_.format->Disconnected(name_, status, retry_after));
  }

  void OnGivenUp(const absl::Status& status) override {
    shared_.Print(shared_.format->GivenUp(name_, status));
    const uint64_t one = 1;
    // It fails only if it is full, and then it is readable.
    [[maybe_unused]] const ssize_t written =
        write(shared_.given_up, &one, sizeof(one));
  }

 private:
  const std::string name_;
  Shared& shared_;
};

bool IsFinal(ChallengeState state) {
  return state != cofactor::v1::CHALLENGE_STATE_PENDING &&
         state != cofactor::v1::CHALLENGE_STATE_DELIVERED &&
         state != cofactor::v1::CHALLENGE_STATE_SEEN;
}

void Answer(Shared& shared, Vault& vault, const ChallengeBoard::Shown& shown,
            const Decision& decision) {
  const std::string& id = shown.challenge.challenge_id();
  auto device = OpenDevice(vault, shown.device, shared.session.randomness);
  if (!device.ok()) {
    shared.Print(shared.format->NotAnswered(id, device.status()));
    return;
  }
  const auto response = device->connection->Answer(
      IdsOf(device->entry), device->signer, shown.challenge, decision);
  if (!response.ok()) {
    if (ErrorReason(response.status()) == "CHALLENGE_FINAL") {
      shared.board.Remove(id);
    }
    shared.Print(shared.format->NotAnswered(id, response.status()));
    return;
  }
  if (response->accepted() || IsFinal(response->state())) {
    shared.board.Remove(id);
  }
  shared.Print(shared.format->Answered(id, *response));
}

// Acts on one line of the input.
void TakeLine(Shared& shared, Vault& vault, const std::string& line) {
  if (absl::StripAsciiWhitespace(line).empty()) return;
  std::optional<ChallengeBoard::Shown> shown;
  std::string id;
  Decision decision;
  if (shared.session.console.IsTerminal()) {
    const auto typed = ParseTypedAnswer(line);
    if (!typed.ok()) {
      shared.Print(shared.format->NotAnswered("", typed.status()));
      return;
    }
    shown = shared.board.FindIndex(typed->index);
    decision = typed->decision;
    if (!shown.has_value() && typed->index == 0 && shared.board.size() > 1) {
      shared.Print(shared.format->NotAnswered(
          "", absl::InvalidArgumentError(
                  "more than one challenge waits: begin with \"#\" and the "
                  "index of the one that is meant")));
      return;
    }
  } else {
    const auto script = ParseScriptAnswer(line);
    if (!script.ok()) {
      shared.Print(shared.format->NotAnswered("", script.status()));
      return;
    }
    id = script->challenge_id;
    shown = shared.board.Find(id);
    decision = script->decision;
  }
  if (!shown.has_value()) {
    shared.Print(shared.format->NotAnswered(
        id, absl::NotFoundError("no such challenge waits")));
    return;
  }
  Answer(shared, vault, *shown, decision);
}

// Until a signal comes, or all devices are given up.
absl::Status Loop(Shared& shared, Vault& vault, const StopSignal& stop,
                  size_t devices) {
  Console& console = shared.session.console;
  bool input = true;
  while (true) {
    // Each line that is there is taken before more is read.
    while (const auto line = console.TakeLine()) {
      TakeLine(shared, vault, *line);
    }
    // The person, the server and the signal may all take as long as they like.
    pollfd polled[] = {{stop.descriptor(), POLLIN, 0},
                       {shared.given_up, POLLIN, 0},
                       {input ? console.input() : -1, POLLIN, 0}};
    if (poll(polled, 3, -1) < 0) {
      if (errno == EINTR) continue;
      return absl::InternalError("cannot wait for input");
    }
    if (polled[0].revents != 0) return absl::OkStatus();
    if (polled[1].revents != 0) {
      uint64_t given_up = 0;
      if (read(shared.given_up, &given_up, sizeof(given_up)) > 0) {
        devices -= given_up;
      }
      if (devices == 0) {
        return absl::FailedPreconditionError("no device is left to watch for");
      }
    }
    if (polled[2].revents != 0) input = console.Fill();
  }
}

}  // namespace

absl::Status RunWatch(Session& session) {
  ASSIGN_OR_RETURN(const auto vault, OpenVault(session));
  ASSIGN_OR_RETURN(const auto names, ChosenDevices(session, *vault));
  // Behind the passphrase, which takes Ctrl-C itself, and before the threads.
  const StopSignal stop;
  Shared shared{session, FormatOf(session), {}, eventfd(0, EFD_CLOEXEC)};
  std::vector<std::unique_ptr<DeviceListener>> listeners;
  std::vector<std::unique_ptr<ChallengeWatch>> watches;
  for (const std::string& name : names) {
    listeners.push_back(std::make_unique<DeviceListener>(name, shared));
    watches.push_back(std::make_unique<ChallengeWatch>(
        [&vault = *vault, name, &session] {
          return OpenDevice(vault, name, session.randomness);
        },
        *listeners.back(), session.randomness));
  }
  const absl::Status status = Loop(shared, *vault, stop, names.size());
  watches.clear();
  close(shared.given_up);
  return status;
}

}  // namespace cofactor::device
