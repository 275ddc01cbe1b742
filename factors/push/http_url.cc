#include "factors/push/http_url.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace cofactor::factors::push {
namespace {

absl::Status Wrong(absl::string_view why) {
  return absl::InvalidArgumentError(why);
}

bool IsPort(absl::string_view text, int& port) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(text, &port) && port > 0 && port <= 65535;
}

// Names are not resolved but for the one that is loopback by definition (RFC
// 6761, section 6.3): another name may lead anywhere tomorrow.
bool IsLoopback(absl::string_view host) {
  if (absl::EqualsIgnoreCase(host, "localhost") || host == "[::1]") return true;
  const std::vector<absl::string_view> octets = absl::StrSplit(host, '.');
  return octets.size() == 4 && octets[0] == "127" &&
         std::all_of(octets.begin(), octets.end(), [](absl::string_view octet) {
           int value = 0;
           return !octet.empty() && octet.size() <= 3 &&
                  std::all_of(octet.begin(), octet.end(),
                              absl::ascii_isdigit) &&
                  absl::SimpleAtoi(octet, &value) && value <= 255;
         });
}

bool IsHost(absl::string_view host) {
  if (absl::ConsumePrefix(&host, "[")) {
    return absl::ConsumeSuffix(&host, "]") && absl::StrContains(host, ':') &&
           std::all_of(host.begin(), host.end(), [](char c) {
             return absl::ascii_isxdigit(c) || c == ':' || c == '.';
           });
  }
  return !host.empty() && host.size() <= 253 &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '-';
         });
}

}  // namespace

absl::StatusOr<HttpUrl> ParseHttpUrl(absl::string_view url) {
  if (!std::all_of(url.begin(), url.end(), absl::ascii_isgraph) ||
      absl::StrContains(url, '\\')) {
    return Wrong("want printable ASCII, no space and no backslash");
  }
  HttpUrl parsed;
  if (absl::ConsumePrefix(&url, "https://")) {
    parsed.tls = true;
  } else if (!absl::ConsumePrefix(&url, "http://")) {
    return Wrong("want https://");
  }
  if (absl::StrContains(url, '#')) return Wrong("want no fragment");
  const size_t end = std::min(url.find_first_of("/?"), url.size());
  const absl::string_view authority = url.substr(0, end);
  parsed.path = std::string(url.substr(end));
  if (absl::StrContains(authority, '@')) {
    return Wrong("want no user and no password");
  }
  // The colons of an IPv6 address stand before the bracket.
  const size_t bracket = authority.rfind(']');
  const size_t colon =
      authority.find(':', bracket == absl::string_view::npos ? 0 : bracket);
  parsed.host = std::string(authority.substr(0, colon));
  if (!IsHost(parsed.host)) return Wrong("want a host after the slashes");
  parsed.port = parsed.tls ? 443 : 80;
  if (colon != absl::string_view::npos &&
      !IsPort(authority.substr(colon + 1), parsed.port)) {
    return Wrong("want a port from 1 to 65535 after the colon");
  }
  if (!parsed.tls && !IsLoopback(parsed.host)) {
    return Wrong("want https://: http:// is for loopback alone");
  }
  return parsed;
}

}  // namespace cofactor::factors::push
