#ifndef COFACTOR_CLIENTS_DEVICE_TOTP_CODES_H_
#define COFACTOR_CLIENTS_DEVICE_TOTP_CODES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/secret.h"
#include "cofactor/device/v1/vault.pb.h"

namespace cofactor::device {

// What an account's app shows at a time.
struct TotpCode {
  Secret code;
  // Until the next code: from the whole period down to 1.
  int64_t seconds_left = 0;
};

// INVALID_ARGUMENT: the account is not one that ReadKeyUri makes, or the time
// is before 1970.
absl::StatusOr<TotpCode> CodeAt(const v1::TotpAccount& account,
                                absl::Time time);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_TOTP_CODES_H_
