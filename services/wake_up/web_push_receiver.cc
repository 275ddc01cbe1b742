#include "services/wake_up/web_push_receiver.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/randomness.h"
#include "base/secret.h"

namespace cofactor::services {
namespace {

constexpr size_t kHeadBytes = 16 + 4 + 1;
constexpr size_t kTagBytes = 16;

void Must(bool succeeded) {
  if (!succeeded) std::abort();
}

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// A key from its point and, if there is one, its private number.
EVP_PKEY* KeyOf(absl::string_view point, absl::string_view scalar) {
  OSSL_PARAM_BLD* const builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME,
                                  "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
                                   point.data(), point.size());
  BIGNUM* const number =
      BN_bin2bn(Bytes(scalar), static_cast<int>(scalar.size()), nullptr);
  if (!scalar.empty()) {
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number);
  }
  OSSL_PARAM* const parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* const context =
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context);
  EVP_PKEY_fromdata(context, &key,
                    scalar.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR,
                    parameters);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  BN_free(number);
  return key;
}

std::string Hmac(absl::string_view key, absl::string_view text) {
  std::string mac(32, '\0');
  Must(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Bytes(text),
            text.size(), Bytes(mac), nullptr) != nullptr);
  return mac;
}

std::string Agree(EVP_PKEY* own, EVP_PKEY* other) {
  EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new(own, nullptr);
  std::string secret(32, '\0');
  size_t size = secret.size();
  Must(EVP_PKEY_derive_init(context) == 1 &&
       EVP_PKEY_derive_set_peer(context, other) == 1 &&
       EVP_PKEY_derive(context, Bytes(secret), &size) == 1 && size == 32);
  EVP_PKEY_CTX_free(context);
  return secret;
}

}  // namespace

WebPushReceiver::WebPushReceiver()
    : auth_(SystemRandomness().DrawSecret(16).ExposeSecret()),
      key_(EVP_EC_gen("P-256")) {
  unsigned char* point = nullptr;
  const size_t size = EVP_PKEY_get1_encoded_public_key(key_, &point);
  Must(size == 65);
  p256dh_.assign(reinterpret_cast<char*>(point), size);
  OPENSSL_free(point);
}

WebPushReceiver::WebPushReceiver(absl::string_view public_key,
                                 absl::string_view private_key,
                                 absl::string_view auth)
    : p256dh_(public_key), auth_(auth), key_(KeyOf(public_key, private_key)) {
  Must(key_ != nullptr);
}

WebPushReceiver::~WebPushReceiver() { EVP_PKEY_free(key_); }

std::optional<std::string> WebPushReceiver::Open(absl::string_view body) const {
  if (body.size() < kHeadBytes || body[20] != 65 ||
      body.size() < kHeadBytes + 65 + kTagBytes) {
    return std::nullopt;
  }
  const absl::string_view salt = body.substr(0, 16);
  const absl::string_view sender = body.substr(kHeadBytes, 65);
  const absl::string_view sealed = body.substr(kHeadBytes + 65);
  // There is one record, and it is not longer than the header says.
  const auto at = [&](size_t i) {
    return static_cast<size_t>(static_cast<unsigned char>(body[i]));
  };
  if (sealed.size() > (at(16) << 24 | at(17) << 16 | at(18) << 8 | at(19))) {
    return std::nullopt;
  }
  EVP_PKEY* const sender_key = KeyOf(sender, "");
  if (sender_key == nullptr) return std::nullopt;
  const std::string secret = Agree(key_, sender_key);
  EVP_PKEY_free(sender_key);

  const std::string first = Hmac(auth_, secret);
  const std::string input =
      Hmac(first, absl::StrCat(absl::string_view("WebPush: info\0", 14),
                               p256dh_, sender, "\x01"));
  const std::string second = Hmac(salt, input);
  const std::string key =
      Hmac(second, absl::string_view("Content-Encoding: aes128gcm\0\x01", 29));
  const std::string nonce =
      Hmac(second, absl::string_view("Content-Encoding: nonce\0\x01", 25));

  EVP_CIPHER_CTX* const cipher = EVP_CIPHER_CTX_new();
  std::string text(sealed.size() - kTagBytes, '\0');
  std::string tag(sealed.substr(text.size()));
  int size = 0;
  Must(EVP_DecryptInit_ex(cipher, EVP_aes_128_gcm(), nullptr, Bytes(key),
                          Bytes(nonce)) == 1 &&
       EVP_DecryptUpdate(cipher, Bytes(text), &size, Bytes(sealed),
                         static_cast<int>(text.size())) == 1 &&
       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, kTagBytes,
                           tag.data()) == 1);
  const bool is_ours =
      EVP_DecryptFinal_ex(cipher, Bytes(text) + size, &size) == 1;
  EVP_CIPHER_CTX_free(cipher);
  if (!is_ours) return std::nullopt;
  const size_t end = text.find_last_not_of('\0');
  if (end == std::string::npos || text[end] != 2) return std::nullopt;
  text.erase(end);
  return text;
}

}  // namespace cofactor::services
