#ifndef COFACTOR_SERVICES_ENGINE_OPAQUE_TOKEN_H_
#define COFACTOR_SERVICES_ENGINE_OPAQUE_TOKEN_H_

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"

namespace cofactor::services {

// Tokens that people's clients keep: a prefix, an id of Randomness::DrawId that
// is no secret, and one or more secrets of 256 random bits in 64 hexadecimal
// digits each, joined by "_". Secrets so long need no slow hash: SHA-256 keeps
// them, and nobody can try them all.

// Draws a secret, as its digits.
Secret DrawTokenSecret(Randomness& randomness);

// What is kept of a secret: SHA-256 of its digits, 32 bytes.
std::string HashOfTokenSecret(const Secret& secret);

// prefix: with its "_". secrets: of DrawTokenSecret, none null.
Secret MakeToken(absl::string_view prefix, absl::string_view id,
                 std::initializer_list<const Secret*> secrets);

// What somebody sent as a token.
struct PresentedToken {
  std::string id;
  // As their digits.
  std::vector<Secret> secrets;
};
// Nothing if it does not look like a token of this prefix and so many secrets.
std::optional<PresentedToken> ParseToken(absl::string_view prefix,
                                         size_t secrets,
                                         absl::string_view token);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_OPAQUE_TOKEN_H_
