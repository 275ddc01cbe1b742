#ifndef COFACTOR_FACTORS_TOTP_TOTP_FACTOR_H_
#define COFACTOR_FACTORS_TOTP_TOTP_FACTOR_H_

#include "absl/status/status.h"
#include "factors/factor_registry.h"

namespace cofactor::factors::totp {

// Adds "totp": the codes of authenticator apps (RFC 6238).
//
// The counter of a verdict is the time step. Codes of the steps T-1, T and T+1
// pass, or of T alone with strict_window. The window follows an authenticator
// whose clock is off by the drift learned from accepted codes (RFC 6238,
// section 6): it stays three steps wide, moves by one step after two accepted
// codes in a row off its middle on the same side, and never by more than ten
// steps in all. One late code is a slow typist, not a slow clock.
absl::Status RegisterTotp(FactorRegistry::Builder& builder);

}  // namespace cofactor::factors::totp

#endif  // COFACTOR_FACTORS_TOTP_TOTP_FACTOR_H_
