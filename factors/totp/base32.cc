#include "factors/totp/base32.h"

#include <cstdint>
#include <string>
#include <utility>

namespace cofactor::factors::totp {

Secret EncodeBase32(absl::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string text;
  text.reserve((bytes.size() * 8 + 4) / 5);
  uint32_t buffer = 0;
  int bits = 0;
  for (const char c : bytes) {
    buffer = buffer << 8 | static_cast<uint8_t>(c);
    for (bits += 8; bits >= 5; bits -= 5) {
      text.push_back(kAlphabet[buffer >> (bits - 5) & 31]);
    }
  }
  if (bits > 0) text.push_back(kAlphabet[buffer << (5 - bits) & 31]);
  return Secret(std::move(text));
}

}  // namespace cofactor::factors::totp
