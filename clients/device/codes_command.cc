#include "clients/device/codes_command.h"

#include <poll.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "clients/device/printable.h"
#include "clients/device/stop_signal.h"
#include "clients/device/totp_codes.h"

namespace cofactor::device {
namespace {

// The codes that were asked for, now, and how many they are.
struct Page {
  Secret text;
  size_t lines = 0;
};

absl::StatusOr<Page> MakePage(const Session& session,
                              const v1::DeviceVault& vault) {
  const bool all = session.line.arguments.empty();
  const auto format = FormatOf(session);
  std::string text;
  Page page;
  for (const v1::TotpAccount& account : vault.totp_accounts()) {
    if (!all && account.name() != session.line.arguments[0]) continue;
    ASSIGN_OR_RETURN(const TotpCode code, CodeAt(account, session.clock.Now()));
    absl::StrAppend(&text, format->Code(account, code));
    ++page.lines;
  }
  page.text = Secret(std::move(text));
  if (page.lines > 0) return page;
  return absl::NotFoundError(
      all ? "there is no account with codes; \"enrol\" adds one"
          : absl::StrCat("there is no account with codes called \"",
                         Printable(session.line.arguments[0]),
                         "\"; \"devices\" lists them"));
}

}  // namespace

absl::Status RunCodes(Session& session) {
  const bool watch = session.line.Has("watch");
  if (watch && (!session.console.IsTerminal() || session.line.Has("json"))) {
    return absl::InvalidArgumentError(
        "codes --watch is for a terminal, and not for --json");
  }
  ASSIGN_OR_RETURN(const auto vault, OpenVault(session));
  ASSIGN_OR_RETURN(const VaultContent content, vault->Read());
  ASSIGN_OR_RETURN(Page page, MakePage(session, *content));
  session.console.Print(page.text.ExposeSecret());
  if (!watch) return absl::OkStatus();
  const StopSignal stop;
  while (true) {
    pollfd polled = {stop.descriptor(), POLLIN, 0};
    const int ready = poll(&polled, 1, 1000);
    if (ready < 0 && errno == EINTR) continue;
    // Up to the first line, and away with all below.
    session.console.Print(absl::StrCat("\x1B[", page.lines, "A\x1B[J"));
    // No code stays on the screen.
    if (ready != 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(page, MakePage(session, *content));
    session.console.Print(page.text.ExposeSecret());
  }
}

}  // namespace cofactor::device
