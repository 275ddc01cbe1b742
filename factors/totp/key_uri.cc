#include "factors/totp/key_uri.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/percent_encoding.h"

namespace cofactor::factors::totp {
absl::string_view AlgorithmName(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kSha1:
      return "SHA1";
    case HashAlgorithm::kSha256:
      return "SHA256";
    case HashAlgorithm::kSha512:
      return "SHA512";
  }
  return "";
}

Secret MakeKeyUri(const KeyUriParameters& parameters) {
  const std::string issuer = PercentEncode(parameters.issuer);
  return Secret(absl::StrCat(
      "otpauth://totp/", issuer, ":", PercentEncode(parameters.account_name),
      "?secret=", parameters.base32_secret, "&issuer=", issuer,
      "&algorithm=", AlgorithmName(parameters.algorithm),
      "&digits=", parameters.digits, "&period=", parameters.period_seconds));
}

}  // namespace cofactor::factors::totp
