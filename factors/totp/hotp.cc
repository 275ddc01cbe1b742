#include "factors/totp/hotp.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>

namespace cofactor::factors::totp {
namespace {

constexpr size_t kMaxMacBytes = 64;

struct FreeContext {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MAC_CTX, FreeContext>;

// OpenSSL without HMAC is no OpenSSL: nothing safe can be done then.
template <typename T>
T Must(T value) {
  if (!value) std::abort();
  return value;
}

// Keys a context that is not in use.
constexpr std::array<uint8_t, 1> kNoSecret{};

Context NewContext(const char* digest) {
  // Fetched once per process: a fetch is slow and takes locks.
  static EVP_MAC* const hmac = Must(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  Context context(Must(EVP_MAC_CTX_new(hmac)));
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                       const_cast<char*>(digest), 0),
      OSSL_PARAM_construct_end()};
  Must(EVP_MAC_CTX_set_params(context.get(), parameters));
  return context;
}

// A context of this thread, to be keyed anew for each use.
EVP_MAC_CTX* ThreadContext(HashAlgorithm algorithm) {
  thread_local const Context sha1 = NewContext("SHA1");
  thread_local const Context sha256 = NewContext("SHA256");
  thread_local const Context sha512 = NewContext("SHA512");
  switch (algorithm) {
    case HashAlgorithm::kSha1:
      return sha1.get();
    case HashAlgorithm::kSha256:
      return sha256.get();
    case HashAlgorithm::kSha512:
      return sha512.get();
  }
  std::abort();
}

}  // namespace

Secret HotpCode(HashAlgorithm algorithm, absl::string_view secret,
                uint64_t counter, int digits) {
  std::array<uint8_t, 8> message;
  for (int i = 0; i < 8; ++i) {
    message[i] = static_cast<uint8_t>(counter >> (56 - 8 * i));
  }
  std::array<uint8_t, kMaxMacBytes> mac;
  size_t mac_bytes = 0;
  EVP_MAC_CTX* context = ThreadContext(algorithm);
  Must(EVP_MAC_init(context, reinterpret_cast<const uint8_t*>(secret.data()),
                    secret.size(), nullptr));
  Must(EVP_MAC_update(context, message.data(), message.size()));
  Must(EVP_MAC_final(context, mac.data(), &mac_bytes, mac.size()));
  // The context keeps a copy of its key.
  Must(EVP_MAC_init(context, kNoSecret.data(), kNoSecret.size(), nullptr));

  // Dynamic truncation: RFC 4226, section 5.3.
  const size_t offset = mac[mac_bytes - 1] & 0xF;
  uint32_t value = (mac[offset] & 0x7Fu) << 24 | mac[offset + 1] << 16 |
                   mac[offset + 2] << 8 | mac[offset + 3];
  OPENSSL_cleanse(mac.data(), mac.size());
  std::string code(static_cast<size_t>(digits), '0');
  for (int i = digits - 1; i >= 0; --i) {
    code[static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return Secret(std::move(code));
}

}  // namespace cofactor::factors::totp
