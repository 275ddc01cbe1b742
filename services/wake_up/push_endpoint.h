#ifndef COFACTOR_SERVICES_WAKE_UP_PUSH_ENDPOINT_H_
#define COFACTOR_SERVICES_WAKE_UP_PUSH_ENDPOINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/wake_up/allowed_hosts.h"

namespace cofactor::services {

// An address of Web Push that may be called.
struct PushEndpoint {
  // As libcurl wrote it after reading it, so that what is called is what was
  // checked.
  std::string url;
  // Scheme, host and port (RFC 6454, section 6.2), without the port if it is
  // that of the scheme.
  std::string origin;
};

// Which addresses of Web Push may be called. A device names them, so this is
// what keeps devices from making the server call whom they like (SSRF).
struct EndpointPolicy {
  AllowedHosts hosts;
  // 127.0.0.1, [::1] and localhost too, with http or https, at any port. For
  // tests alone.
  bool allow_loopback = false;
};

// Reads an address that a device named. INVALID_ARGUMENT, without the address:
// it is malformed or longer than 2048 bytes, not https, has a user or a
// fragment, or a host or port that the policy does not allow.
//
// A name that the policy allows may lead anywhere, private networks too: it is
// up to the operator to allow only names of those whom he trusts.
absl::StatusOr<PushEndpoint> ReadPushEndpoint(absl::string_view text,
                                              const EndpointPolicy& policy);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_PUSH_ENDPOINT_H_
