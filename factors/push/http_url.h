#ifndef COFACTOR_FACTORS_PUSH_HTTP_URL_H_
#define COFACTOR_FACTORS_PUSH_HTTP_URL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cofactor::factors::push {

// The parts of an https:// or http:// URL.
struct HttpUrl {
  // https.
  bool tls = false;
  // A name, an IPv4 address, or an IPv6 address in brackets.
  std::string host;
  // 443 or 80 if the URL names none.
  int port = 0;
  // Path and query, from the slash on; may be empty.
  std::string path;
};

// Takes a URL apart. http:// leads to loopback alone: localhost, 127.x.x.x or
// [::1]. There is no user, no password and no fragment, and the host is of
// letters, digits, dots and hyphens, or in brackets.
//
// INVALID_ARGUMENT: it is none of these. The text says why, and holds nothing
// of the URL.
absl::StatusOr<HttpUrl> ParseHttpUrl(absl::string_view url);

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_HTTP_URL_H_
