#include "clients/device/totp_codes.h"

#include "absl/status/status.h"
#include "factors/totp/hotp.h"

namespace cofactor::device {

using factors::totp::HashAlgorithm;

absl::StatusOr<TotpCode> CodeAt(const v1::TotpAccount& account,
                                absl::Time time) {
  HashAlgorithm algorithm;
  switch (account.algorithm()) {
    case v1::TOTP_ALGORITHM_SHA1:
      algorithm = HashAlgorithm::kSha1;
      break;
    case v1::TOTP_ALGORITHM_SHA256:
      algorithm = HashAlgorithm::kSha256;
      break;
    case v1::TOTP_ALGORITHM_SHA512:
      algorithm = HashAlgorithm::kSha512;
      break;
    default:
      return absl::InvalidArgumentError(
          "the account has an algorithm that this program does not know");
  }
  const int64_t now = absl::ToUnixSeconds(time);
  if (now < 0 || account.digits() < 6 || account.digits() > 8 ||
      account.period_seconds() == 0 || account.secret().empty()) {
    return absl::InvalidArgumentError("no code can be made of this account");
  }
  const int64_t period = account.period_seconds();
  TotpCode code;
  code.code = factors::totp::HotpCode(algorithm, account.secret(),
                                      static_cast<uint64_t>(now / period),
                                      static_cast<int>(account.digits()));
  code.seconds_left = period - now % period;
  return code;
}

}  // namespace cofactor::device
