#include "factors/push/activation_uri.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/percent_encoding.h"
#include "base/status_macros.h"
#include "factors/push/http_url.h"
#include "factors/push/plain_text.h"

namespace cofactor::factors::push {
namespace {

constexpr absl::string_view kStart = "cofactor://enroll?";

// Longer than any that MakeActivationUri makes, and about what a QR code holds.
constexpr size_t kMaxUriBytes = 2'400;
constexpr size_t kMaxServerBytes = 256;
constexpr size_t kMaxIdBytes = 128;
constexpr size_t kMaxNameBytes = 128;

absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("this is no activation of an authenticator: ", what));
}

// The values by their names, percent-encoded as they are. Views into the URI.
using Parameters = std::map<absl::string_view, absl::string_view>;

absl::StatusOr<std::string> ValueOf(const Parameters& parameters,
                                    absl::string_view name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) {
    return Wrong(absl::StrCat("it has no '", name, "'"));
  }
  std::optional<std::string> value = PercentDecode(found->second);
  if (!value) {
    return Wrong(absl::StrCat("'", name, "' is not percent-encoded"));
  }
  return *std::move(value);
}

absl::StatusOr<std::string> IdOf(const Parameters& parameters,
                                 absl::string_view name) {
  ASSIGN_OR_RETURN(std::string id, ValueOf(parameters, name));
  if (id.empty() || id.size() > kMaxIdBytes ||
      !std::all_of(id.begin(), id.end(), [](char c) {
        return absl::ascii_isalnum(c) || absl::StrContains("._@+-", c);
      })) {
    return Wrong(absl::StrCat("'", name, "' is no id"));
  }
  return id;
}

absl::StatusOr<std::string> NameOf(const Parameters& parameters,
                                   absl::string_view name) {
  ASSIGN_OR_RETURN(std::string text, ValueOf(parameters, name));
  if (text.empty() || text.size() > kMaxNameBytes || !IsPlainText(text)) {
    return Wrong(absl::StrCat("'", name, "' is not 1 to ", kMaxNameBytes,
                              " bytes of plain text"));
  }
  return text;
}

absl::StatusOr<Secret> TicketOf(const Parameters& parameters) {
  const auto found = parameters.find("ticket");
  if (found == parameters.end()) return Wrong("it has no 'ticket'");
  std::string bytes;
  bytes.reserve(2 * kTicketBytes);  // A short string leaves copies behind.
  const bool decoded = absl::WebSafeBase64Unescape(found->second, &bytes);
  Secret ticket{std::move(bytes)};
  // There are other ways to write the same bytes. Only one is taken.
  std::string again = absl::WebSafeBase64Escape(ticket.ExposeSecret());
  const bool is_the_one = ConstantTimeEquals(again, found->second);
  Wipe(again);
  if (!decoded || ticket.size() != kTicketBytes || !is_the_one) {
    return Wrong("'ticket' is not 16 bytes in Base64 for URLs, no padding");
  }
  return ticket;
}

}  // namespace

absl::Status CheckDeviceServer(absl::string_view server) {
  if (server.size() > kMaxServerBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("want at most ", kMaxServerBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const HttpUrl url, ParseHttpUrl(server));
  if (!url.path.empty()) {
    return absl::InvalidArgumentError("want nothing after host and port");
  }
  return absl::OkStatus();
}

Secret MakeActivationUri(const ActivationUri& activation) {
  std::string ticket =
      absl::WebSafeBase64Escape(activation.ticket.ExposeSecret());
  const std::string server =
      activation.server.empty()
          ? ""
          : absl::StrCat("server=", PercentEncode(activation.server), "&");
  Secret uri(absl::StrCat(
      kStart, server, "account=", PercentEncode(activation.account_id),
      "&member=", PercentEncode(activation.member_id),
      "&enrollment=", PercentEncode(activation.enrollment_id),
      "&ticket=", ticket, "&issuer=", PercentEncode(activation.issuer),
      "&name=", PercentEncode(activation.account_name)));
  Wipe(ticket);
  return uri;
}

absl::StatusOr<ActivationUri> ParseActivationUri(absl::string_view uri) {
  if (uri.size() > kMaxUriBytes) {
    return Wrong(absl::StrCat("it has more than ", kMaxUriBytes, " bytes"));
  }
  if (!absl::ConsumePrefix(&uri, kStart)) {
    return Wrong(absl::StrCat("it does not start with ", kStart));
  }
  Parameters parameters;
  for (const absl::string_view parameter : absl::StrSplit(uri, '&')) {
    const size_t sign = parameter.find('=');
    if (sign == 0 || sign == absl::string_view::npos) {
      return Wrong("want parameters as NAME=VALUE, with & between");
    }
    if (!parameters
             .emplace(parameter.substr(0, sign), parameter.substr(sign + 1))
             .second) {
      return Wrong("it has a parameter twice");
    }
  }
  ActivationUri activation;
  if (parameters.count("server") != 0) {
    ASSIGN_OR_RETURN(activation.server, ValueOf(parameters, "server"));
    const absl::Status checked = CheckDeviceServer(activation.server);
    if (!checked.ok()) {
      return Wrong(absl::StrCat("'server': ", checked.message()));
    }
  }
  ASSIGN_OR_RETURN(activation.account_id, IdOf(parameters, "account"));
  ASSIGN_OR_RETURN(activation.member_id, IdOf(parameters, "member"));
  ASSIGN_OR_RETURN(activation.enrollment_id, IdOf(parameters, "enrollment"));
  ASSIGN_OR_RETURN(activation.ticket, TicketOf(parameters));
  ASSIGN_OR_RETURN(activation.issuer, NameOf(parameters, "issuer"));
  ASSIGN_OR_RETURN(activation.account_name, NameOf(parameters, "name"));
  return activation;
}

}  // namespace cofactor::factors::push
