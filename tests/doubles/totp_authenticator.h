#ifndef COFACTOR_TESTS_DOUBLES_TOTP_AUTHENTICATOR_H_
#define COFACTOR_TESTS_DOUBLES_TOTP_AUTHENTICATOR_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/v1/factor.pb.h"

namespace cofactor {

// An authenticator app as a person holds it: SHA1, 30 s, 6 digits if not told
// otherwise. It shares no code with the server.
class TotpAuthenticator {
 public:
  // An app without a seed shows nothing.
  TotpAuthenticator() = default;
  explicit TotpAuthenticator(std::string secret, uint32_t digits = 0)
      : secret_(std::move(secret)), digits_(digits == 0 ? 6 : digits) {}

  // As a person who scans the QR code. digits: 0 for what is usual.
  static TotpAuthenticator FromActivation(const v1::TotpActivation& activation,
                                          uint32_t digits = 0);

  // What the app shows at a time.
  std::string CodeAt(absl::Time time) const;
  // What it shows so many steps later, or earlier if negative.
  std::string CodeAt(absl::Time time, int64_t steps_later) const;

 private:
  std::string secret_;
  uint32_t digits_ = 6;
};

// A code of six digits that is none of the three which the authenticator shows
// around that time.
std::string WrongCode(const TotpAuthenticator& authenticator, absl::Time time);

}  // namespace cofactor

#endif  // COFACTOR_TESTS_DOUBLES_TOTP_AUTHENTICATOR_H_
