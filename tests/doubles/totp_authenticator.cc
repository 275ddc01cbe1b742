#include "tests/doubles/totp_authenticator.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>

#include "absl/strings/str_format.h"

namespace cofactor {
namespace {

constexpr int64_t kPeriodSeconds = 30;

std::string DecodeBase32(absl::string_view text) {
  constexpr absl::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string bytes;
  uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const size_t value = kAlphabet.find(c);
    if (value == absl::string_view::npos) std::abort();
    buffer = buffer << 5 | static_cast<uint32_t>(value);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<char>(buffer >> bits & 0xFF));
    }
  }
  return bytes;
}

}  // namespace

TotpAuthenticator TotpAuthenticator::FromActivation(
    const v1::TotpActivation& activation, uint32_t digits) {
  return TotpAuthenticator(DecodeBase32(activation.base32_secret()), digits);
}

std::string TotpAuthenticator::CodeAt(absl::Time time) const {
  return CodeAt(time, 0);
}

std::string TotpAuthenticator::CodeAt(absl::Time time,
                                      int64_t steps_later) const {
  const int64_t step = absl::ToUnixSeconds(time) / kPeriodSeconds + steps_later;
  uint8_t message[8];
  for (int i = 0; i < 8; ++i) {
    message[i] = static_cast<uint8_t>(step >> (56 - 8 * i));
  }
  uint8_t mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha1(), secret_.data(), static_cast<int>(secret_.size()), message,
       sizeof(message), mac, &size);
  const int offset = mac[size - 1] & 0xF;
  const uint32_t truncated = (mac[offset] & 0x7Fu) << 24 |
                             mac[offset + 1] << 16 | mac[offset + 2] << 8 |
                             mac[offset + 3];
  uint32_t modulus = 1;
  for (uint32_t i = 0; i < digits_; ++i) modulus *= 10;
  return absl::StrFormat("%0*d", static_cast<int>(digits_),
                         truncated % modulus);
}

std::string WrongCode(const TotpAuthenticator& authenticator, absl::Time time) {
  for (int guess = 0;; ++guess) {
    const std::string code = absl::StrFormat("%06d", guess);
    bool right = false;
    for (int step = -2; step <= 2; ++step) {
      right |= code == authenticator.CodeAt(time, step);
    }
    if (!right) return code;
  }
}

}  // namespace cofactor
