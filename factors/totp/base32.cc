#include "factors/totp/base32.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"

namespace cofactor::factors::totp {
namespace {

// The value of a character, or -1 if it has none.
int Base32Value(char c) {
  const char upper = absl::ascii_toupper(static_cast<unsigned char>(c));
  if (upper >= 'A' && upper <= 'Z') return upper - 'A';
  if (upper >= '2' && upper <= '7') return upper - '2' + 26;
  return -1;
}

}  // namespace

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

absl::StatusOr<Secret> DecodeBase32(absl::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string bytes;
  // No growing: that would leave copies behind.
  bytes.reserve(text.size() * 5 / 8);
  uint32_t buffer = 0;
  int bits = 0;
  bool good = true;
  for (const char c : text) {
    if (c == ' ' || c == '-') continue;
    const int value = Base32Value(c);
    good = good && value >= 0;
    buffer = buffer << 5 | static_cast<uint32_t>(value & 31);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<char>(buffer >> bits & 0xff));
    }
  }
  Secret secret(std::move(bytes));
  if (!good || secret.empty()) {
    return absl::InvalidArgumentError(
        "not Base32: it has letters and the digits 2 to 7 alone");
  }
  return secret;
}

}  // namespace cofactor::factors::totp
