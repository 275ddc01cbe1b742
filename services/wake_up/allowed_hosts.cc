#include "services/wake_up/allowed_hosts.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace cofactor::services {
namespace {

constexpr int kHttpsPort = 443;
constexpr size_t kMaxHostBytes = 253;
constexpr size_t kMaxLabelBytes = 63;

absl::Status Malformed(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text,
      "' is no host: want push.example.com, .example.com for all below it, or "
      "an IP address, in lower case, with :PORT unless that is 443"));
}

bool IsLabel(absl::string_view label) {
  return !label.empty() && label.size() <= kMaxLabelBytes &&
         label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

bool IsName(absl::string_view name) {
  if (name.size() > kMaxHostBytes || IsIpAddress(name)) return false;
  const std::vector<absl::string_view> labels = absl::StrSplit(name, '.');
  return std::all_of(labels.begin(), labels.end(), IsLabel);
}

bool IsIpv4(const std::string& host) {
  in_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

// The address as libcurl writes it, or "" if it is none.
std::string NormalIpv6(absl::string_view host) {
  if (!absl::ConsumePrefix(&host, "[") || !absl::ConsumeSuffix(&host, "]")) {
    return "";
  }
  in6_addr address;
  char text[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, std::string(host).c_str(), &address) != 1 ||
      inet_ntop(AF_INET6, &address, text, sizeof(text)) == nullptr) {
    return "";
  }
  return absl::StrCat("[", text, "]");
}

}  // namespace

bool IsIpAddress(absl::string_view host) {
  if (absl::StrContains(host, ':') || absl::StartsWith(host, "[")) return true;
  absl::ConsumeSuffix(&host, ".");
  const size_t dot = host.rfind('.');
  const absl::string_view last =
      dot == absl::string_view::npos ? host : host.substr(dot + 1);
  return !last.empty() &&
         (std::all_of(last.begin(), last.end(), absl::ascii_isdigit) ||
          absl::StartsWithIgnoreCase(last, "0x"));
}

absl::StatusOr<AllowedHosts::Entry> AllowedHosts::Parse(
    absl::string_view text) {
  Entry entry{"", kHttpsPort};
  absl::string_view host = text;
  const size_t colon = text.rfind(':');
  // One in brackets belongs to the address.
  if (colon != absl::string_view::npos &&
      text.find(']', colon) == absl::string_view::npos) {
    const absl::string_view port = text.substr(colon + 1);
    // Digits alone: SimpleAtoi takes signs and spaces too.
    if (!std::all_of(port.begin(), port.end(), absl::ascii_isdigit) ||
        !absl::SimpleAtoi(port, &entry.port) || entry.port < 1 ||
        entry.port > 65535) {
      return Malformed(text);
    }
    host = text.substr(0, colon);
  }
  entry.host = std::string(host);
  if (absl::StartsWith(host, "[")) {
    entry.host = NormalIpv6(host);
    if (entry.host.empty()) return Malformed(text);
  } else if (absl::ConsumePrefix(&host, ".")) {
    // A whole top-level domain belongs to nobody.
    if (!IsName(host) || !absl::StrContains(host, '.')) return Malformed(text);
  } else if (!IsName(host) && !IsIpv4(entry.host)) {
    return Malformed(text);
  }
  return entry;
}

absl::StatusOr<AllowedHosts> AllowedHosts::Create(
    const std::vector<std::string>& entries) {
  std::vector<Entry> parsed;
  for (const std::string& text : entries) {
    ASSIGN_OR_RETURN(parsed.emplace_back(), Parse(text));
  }
  return AllowedHosts(std::move(parsed));
}

bool AllowedHosts::Allows(absl::string_view host, int port) const {
  const bool is_ip = IsIpAddress(host);
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    if (entry.port != port) return false;
    if (is_ip || entry.host[0] != '.') return host == entry.host;
    return host.size() > entry.host.size() && host[0] != '.' &&
           absl::EndsWith(host, entry.host);
  });
}

}  // namespace cofactor::services
