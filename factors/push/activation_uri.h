#ifndef COFACTOR_FACTORS_PUSH_ACTIVATION_URI_H_
#define COFACTOR_FACTORS_PUSH_ACTIVATION_URI_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::factors::push {

// Of a ticket: 128 bits, more than NIST SP 800-63B-4, section 3.1.3, wants of
// a secret that is not guarded by a limit on tries.
inline constexpr size_t kTicketBytes = 16;

// What a device has to know to register itself (docs/push.md).
struct ActivationUri {
  // "https://id.example.com:443". Empty: the person has to say.
  std::string server;
  // Ids as the server takes them.
  std::string account_id;
  std::string member_id;
  std::string enrollment_id;
  // 16 bytes.
  Secret ticket;
  // What the person is shown: plain text of 1 to 128 bytes.
  std::string issuer;
  std::string account_name;
};

// Whether a device can be sent to a server: "https://HOST" or
// "https://HOST:PORT", http:// on loopback alone, up to 256 bytes.
// INVALID_ARGUMENT: it cannot, and why.
absl::Status CheckDeviceServer(absl::string_view server);

// "cofactor://enroll?server=...&account=...". All values are percent-encoded,
// and the ticket is in Base64 for URLs without padding (RFC 4648, section 5).
// The ticket makes it a secret.
Secret MakeActivationUri(const ActivationUri& activation);

// Reads such a URI back. The order of the parameters does not matter, and those
// of later versions are passed over.
//
// INVALID_ARGUMENT: it is none: another scheme, a parameter that is missing,
// there twice or malformed, or more than 2,400 bytes. The text says what is
// wrong and holds nothing of the URI.
absl::StatusOr<ActivationUri> ParseActivationUri(absl::string_view uri);

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_ACTIVATION_URI_H_
