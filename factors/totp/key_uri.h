#ifndef COFACTOR_FACTORS_TOTP_KEY_URI_H_
#define COFACTOR_FACTORS_TOTP_KEY_URI_H_

#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "factors/totp/hotp.h"

namespace cofactor::factors::totp {

// What stands in a Key URI.
struct KeyUriParameters {
  // Neither may hold a colon, which parts them in the label.
  absl::string_view issuer;
  absl::string_view account_name;
  absl::string_view base32_secret;
  HashAlgorithm algorithm = HashAlgorithm::kSha1;
  int digits = 6;
  int period_seconds = 30;
};

// The otpauth:// URI that authenticator apps read from a QR code: issuer in the
// label and as a parameter, everything percent-encoded (RFC 3986, section 2.1).
Secret MakeKeyUri(const KeyUriParameters& parameters);

// "SHA1", "SHA256" or "SHA512", as Key URIs spell it.
absl::string_view AlgorithmName(HashAlgorithm algorithm);

}  // namespace cofactor::factors::totp

#endif  // COFACTOR_FACTORS_TOTP_KEY_URI_H_
