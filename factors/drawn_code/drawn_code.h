#ifndef COFACTOR_FACTORS_DRAWN_CODE_DRAWN_CODE_H_
#define COFACTOR_FACTORS_DRAWN_CODE_DRAWN_CODE_H_

#include "base/randomness.h"
#include "base/secret.h"

namespace cofactor::factors {

// Draws a code of so many decimal digits, each code as likely as any other.
Secret DrawCode(int digits, Randomness& randomness);

}  // namespace cofactor::factors

#endif  // COFACTOR_FACTORS_DRAWN_CODE_DRAWN_CODE_H_
