#include "factors/totp/key_uri.h"

#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cofactor::factors::totp {
namespace {

// All but the unreserved characters (RFC 3986, section 2.3).
std::string PercentEncode(absl::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || absl::StrContains("-._~", c)) {
      encoded.push_back(c);
    } else {
      absl::StrAppend(&encoded, "%",
                      absl::AsciiStrToUpper(absl::StrCat(absl::Hex(
                          static_cast<uint8_t>(c), absl::kZeroPad2))));
    }
  }
  return encoded;
}

}  // namespace

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
