#ifndef COFACTOR_SERVICES_WAKE_UP_ALLOWED_HOSTS_H_
#define COFACTOR_SERVICES_WAKE_UP_ALLOWED_HOSTS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cofactor::services {

// The hosts that this server calls because somebody else says so. Immutable,
// so thread-safe.
class AllowedHosts {
 public:
  // Each entry is, with ":PORT" at the end unless the port is 443, in lower
  // case,
  //   - a host, as "push.example.com",
  //   - all hosts below a domain of at least two labels, as ".example.com",
  //   - an IPv4 address, or an IPv6 address in brackets.
  // INVALID_ARGUMENT, naming the entry: it is none of these.
  static absl::StatusOr<AllowedHosts> Create(
      const std::vector<std::string>& entries);

  // host: as a URL has it when it was parsed: in lower case, an IPv6 address in
  // brackets. An address is allowed by an entry of that address alone.
  bool Allows(absl::string_view host, int port) const;

 private:
  struct Entry {
    std::string host;
    int port;
  };

  explicit AllowedHosts(std::vector<Entry> entries)
      : entries_(std::move(entries)) {}

  static absl::StatusOr<Entry> Parse(absl::string_view text);

  std::vector<Entry> entries_;
};

// Whether a host is an address, however it is written, and not a name. As
// browsers see it (WHATWG URL, "ends in a number"), for libcurl and resolvers
// take "0x7f.1" and "2130706433" for addresses too.
bool IsIpAddress(absl::string_view host);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_ALLOWED_HOSTS_H_
