#ifndef COFACTOR_CLIENTS_DEVICE_KEY_URI_READER_H_
#define COFACTOR_CLIENTS_DEVICE_KEY_URI_READER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cofactor/device/v1/vault.pb.h"

namespace cofactor::device {

// Reads the otpauth:// URI that services show to authenticator apps: the format
// of Google Authenticator, with every value that is legal there. What is not
// given is SHA-1, 6 digits and 30 seconds. The name of the account stays empty.
//
// INVALID_ARGUMENT: it is none, is of counters (hotp) rather than of time, or a
// value is out of range. The error quotes nothing of the URI.
absl::StatusOr<v1::TotpAccount> ReadKeyUri(absl::string_view uri);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_KEY_URI_READER_H_
