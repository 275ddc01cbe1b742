#include "clients/device/key_uri_reader.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "factors/totp/base32.h"

namespace cofactor::device {
namespace {

constexpr size_t kMaxUriBytes = 4096;
constexpr size_t kMaxNameBytes = 256;
constexpr uint32_t kMaxPeriodSeconds = 3600;

absl::Status Bad(absl::string_view why) {
  return absl::InvalidArgumentError(why);
}

// RFC 3986, section 2.1. Not set: a percent sign without two digits, or a NUL.
std::optional<Secret> PercentDecode(absl::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  bool good = true;
  while (!text.empty()) {
    if (text[0] != '%') {
      decoded.push_back(text[0]);
      text.remove_prefix(1);
      continue;
    }
    uint32_t value = 0;
    good = good && text.size() >= 3 && absl::ascii_isxdigit(text[1]) &&
           absl::ascii_isxdigit(text[2]) &&
           absl::SimpleHexAtoi(text.substr(1, 2), &value) && value != 0;
    if (!good) break;
    decoded.push_back(static_cast<char>(value));
    text.remove_prefix(3);
  }
  Secret secret(std::move(decoded));
  if (!good) return std::nullopt;
  return secret;
}

absl::StatusOr<v1::TotpAlgorithm> ReadAlgorithm(absl::string_view name) {
  if (absl::EqualsIgnoreCase(name, "SHA1")) return v1::TOTP_ALGORITHM_SHA1;
  if (absl::EqualsIgnoreCase(name, "SHA256")) return v1::TOTP_ALGORITHM_SHA256;
  if (absl::EqualsIgnoreCase(name, "SHA512")) return v1::TOTP_ALGORITHM_SHA512;
  return Bad("the algorithm of the URI is not SHA1, SHA256 or SHA512");
}

absl::Status ReadParameter(absl::string_view name, absl::string_view value,
                           v1::TotpAccount& account) {
  uint32_t number = 0;
  if (name == "secret") {
    ASSIGN_OR_RETURN(const Secret seed, factors::totp::DecodeBase32(value));
    account.set_secret(std::string(seed.ExposeSecret()));
  } else if (name == "issuer") {
    account.set_issuer(std::string(value));
  } else if (name == "algorithm") {
    ASSIGN_OR_RETURN(const v1::TotpAlgorithm algorithm, ReadAlgorithm(value));
    account.set_algorithm(algorithm);
  } else if (name == "digits") {
    if (!absl::SimpleAtoi(value, &number) || number < 6 || number > 8) {
      return Bad("a code has 6 to 8 digits; the URI wants another number");
    }
    account.set_digits(number);
  } else if (name == "period") {
    if (!absl::SimpleAtoi(value, &number) || number < 1 ||
        number > kMaxPeriodSeconds) {
      return Bad("a code lasts 1 to 3600 seconds; the URI wants another time");
    }
    account.set_period_seconds(number);
  }
  // Others, as "image", are for other apps.
  return absl::OkStatus();
}

// "Issuer:account", or the account alone.
void ReadLabel(absl::string_view label, v1::TotpAccount& account) {
  const size_t colon = label.find(':');
  if (colon != absl::string_view::npos) {
    account.set_issuer(
        std::string(absl::StripAsciiWhitespace(label.substr(0, colon))));
    label.remove_prefix(colon + 1);
  }
  account.set_account_name(std::string(absl::StripAsciiWhitespace(label)));
}

absl::Status ReadInto(absl::string_view uri, v1::TotpAccount& account) {
  if (uri.size() > kMaxUriBytes) return Bad("the URI is too long");
  if (absl::StartsWithIgnoreCase(uri, "otpauth-migration:")) {
    return Bad(
        "this is an export of many accounts; the app that made it can "
        "show them one by one, as otpauth:// URIs");
  }
  absl::string_view rest = uri;
  if (!absl::StartsWithIgnoreCase(rest, "otpauth://")) {
    return Bad("this is no otpauth:// URI");
  }
  rest.remove_prefix(sizeof("otpauth://") - 1);
  if (absl::StartsWithIgnoreCase(rest, "hotp/")) {
    return Bad(
        "codes from counters (hotp) are not taken, those from the time "
        "(totp) are");
  }
  if (!absl::StartsWithIgnoreCase(rest, "totp/")) {
    return Bad("the URI does not say that it is of totp");
  }
  rest.remove_prefix(sizeof("totp/") - 1);
  rest = rest.substr(0, rest.find('#'));
  const size_t question = rest.find('?');
  const auto label = PercentDecode(rest.substr(0, question));
  if (!label.has_value()) return Bad("the URI is not well formed");
  ReadLabel(label->ExposeSecret(), account);
  if (question != absl::string_view::npos) {
    for (const absl::string_view part :
         absl::StrSplit(rest.substr(question + 1), '&')) {
      const std::pair<absl::string_view, absl::string_view> parameter =
          absl::StrSplit(part, absl::MaxSplits('=', 1));
      const auto value = PercentDecode(parameter.second);
      if (!value.has_value()) return Bad("the URI is not well formed");
      RETURN_IF_ERROR(
          ReadParameter(parameter.first, value->ExposeSecret(), account));
    }
  }
  if (account.secret().empty()) return Bad("the URI has no secret");
  if (account.issuer().size() > kMaxNameBytes ||
      account.account_name().size() > kMaxNameBytes) {
    return Bad("the names in the URI are too long");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::TotpAccount> ReadKeyUri(absl::string_view uri) {
  v1::TotpAccount account;
  account.set_algorithm(v1::TOTP_ALGORITHM_SHA1);
  account.set_digits(6);
  account.set_period_seconds(30);
  const absl::Status status = ReadInto(uri, account);
  if (!status.ok()) {
    Wipe(*account.mutable_secret());
    return status;
  }
  return account;
}

}  // namespace cofactor::device
