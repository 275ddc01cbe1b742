#include "services/wake_up/web_push_encryption.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/secret.h"
#include "base/status_macros.h"

namespace cofactor::services {
namespace {

constexpr size_t kScalarBytes = 32;
constexpr size_t kSaltBytes = 16;
constexpr size_t kKeyBytes = 16;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kMaxTextBytes = 3993;
// In the header: more than what any text makes, as RFC 8291, section 4, wants.
constexpr absl::string_view kRecordSize("\0\0\x10\0", 4);
// Ends the text of the last record; zeros follow (RFC 8188, section 2).
constexpr char kLastRecord = 2;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Group = std::unique_ptr<EC_GROUP, Free<&EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Free<&EC_POINT_clear_free>>;
using Number = std::unique_ptr<BIGNUM, Free<&BN_clear_free>>;
using Numbers = std::unique_ptr<BN_CTX, Free<&BN_CTX_free>>;
using Kdf = std::unique_ptr<EVP_KDF, Free<&EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Free<&EVP_KDF_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Free<&EVP_CIPHER_CTX_free>>;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

absl::Status Failed() {
  return absl::InternalError("OpenSSL cannot encrypt for Web Push");
}

// What both sides of a key agreement know.
struct Agreement {
  // Of the sender, not compressed.
  std::string public_key;
  // ecdh_secret of RFC 8291, section 3.1.
  Secret shared;
};

absl::StatusOr<Agreement> AgreeWith(absl::string_view p256dh,
                                    Randomness& randomness) {
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Numbers numbers(BN_CTX_secure_new());
  if (group == nullptr || numbers == nullptr) return Failed();
  const Point receiver(EC_POINT_new(group.get()));
  const Point sender(EC_POINT_new(group.get()));
  const Point shared(EC_POINT_new(group.get()));
  const Number scalar(BN_secure_new());
  const Number x(BN_secure_new());
  if (receiver == nullptr || sender == nullptr || shared == nullptr ||
      scalar == nullptr || x == nullptr) {
    return Failed();
  }
  // It checks that the point is on the curve: else its answers could tell about
  // the private key. The curve has no other points of a small order.
  if (p256dh.size() != kWebPushKeyBytes ||
      p256dh[0] != POINT_CONVERSION_UNCOMPRESSED ||
      EC_POINT_oct2point(group.get(), receiver.get(), Bytes(p256dh),
                         p256dh.size(), numbers.get()) != 1) {
    return absl::InvalidArgumentError("p256dh is no point of P-256");
  }
  // One time in 2^32 the bytes are no private key (FIPS 186-5, appendix A.2.2).
  do {
    const Secret bytes = randomness.DrawSecret(kScalarBytes);
    if (BN_bin2bn(Bytes(bytes.ExposeSecret()), kScalarBytes, scalar.get()) ==
        nullptr) {
      return Failed();
    }
  } while (BN_is_zero(scalar.get()) ||
           BN_cmp(scalar.get(), EC_GROUP_get0_order(group.get())) >= 0);
  BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);

  Agreement agreement;
  agreement.public_key.resize(kWebPushKeyBytes);
  std::string coordinate(kScalarBytes, '\0');
  const bool agreed =
      EC_POINT_mul(group.get(), sender.get(), scalar.get(), nullptr, nullptr,
                   numbers.get()) == 1 &&
      EC_POINT_point2oct(group.get(), sender.get(),
                         POINT_CONVERSION_UNCOMPRESSED,
                         Bytes(agreement.public_key), kWebPushKeyBytes,
                         numbers.get()) == kWebPushKeyBytes &&
      EC_POINT_mul(group.get(), shared.get(), nullptr, receiver.get(),
                   scalar.get(), numbers.get()) == 1 &&
      EC_POINT_get_affine_coordinates(group.get(), shared.get(), x.get(),
                                      nullptr, numbers.get()) == 1 &&
      BN_bn2binpad(x.get(), Bytes(coordinate), kScalarBytes) == kScalarBytes;
  agreement.shared = Secret(std::move(coordinate));
  if (!agreed) return Failed();
  return agreement;
}

// HKDF with SHA-256 (RFC 5869).
absl::StatusOr<Secret> Derive(absl::string_view salt, const Secret& key,
                              absl::string_view info, size_t size) {
  const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const KdfContext context(EVP_KDF_CTX_new(kdf.get()));
  const auto octets = [](const char* name, absl::string_view bytes) {
    return OSSL_PARAM_construct_octet_string(
        name, const_cast<char*>(bytes.data()), bytes.size());
  };
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      octets(OSSL_KDF_PARAM_SALT, salt),
      octets(OSSL_KDF_PARAM_KEY, key.ExposeSecret()),
      octets(OSSL_KDF_PARAM_INFO, info),
      OSSL_PARAM_construct_end(),
  };
  std::string derived(size, '\0');
  if (context == nullptr ||
      EVP_KDF_derive(context.get(), Bytes(derived), size, parameters) != 1) {
    return Failed();
  }
  return Secret(std::move(derived));
}

// AES-128-GCM: the cipher text and then the tag.
absl::StatusOr<std::string> Seal(const Secret& key, const Secret& nonce,
                                 absl::string_view text) {
  const Cipher cipher(EVP_CIPHER_CTX_new());
  std::string sealed(text.size() + kTagBytes, '\0');
  int size = 0;
  int rest = 0;
  if (cipher == nullptr ||
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_gcm(), nullptr,
                         Bytes(key.ExposeSecret()),
                         Bytes(nonce.ExposeSecret())) != 1 ||
      EVP_EncryptUpdate(cipher.get(), Bytes(sealed), &size, Bytes(text),
                        static_cast<int>(text.size())) != 1 ||
      EVP_EncryptFinal_ex(cipher.get(), Bytes(sealed) + size, &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                          sealed.data() + text.size()) != 1) {
    return Failed();
  }
  return sealed;
}

}  // namespace

absl::StatusOr<std::string> EncryptWebPush(absl::string_view p256dh,
                                           absl::string_view auth,
                                           absl::string_view text,
                                           size_t padded_bytes,
                                           Randomness& randomness) {
  if (auth.size() != kWebPushAuthBytes) {
    return absl::InvalidArgumentError("auth is not 16 bytes");
  }
  padded_bytes = std::max(padded_bytes, text.size());
  if (padded_bytes > kMaxTextBytes) {
    return absl::InvalidArgumentError("the text is longer than a record");
  }
  std::string salt(kSaltBytes, '\0');
  randomness.Fill(absl::MakeSpan(Bytes(salt), salt.size()));
  ASSIGN_OR_RETURN(const Agreement agreement, AgreeWith(p256dh, randomness));
  // RFC 8291, section 3.4. The info strings have a zero byte at the end.
  ASSIGN_OR_RETURN(const Secret input_key,
                   Derive(auth, agreement.shared,
                          absl::StrCat(absl::string_view("WebPush: info\0", 14),
                                       p256dh, agreement.public_key),
                          32));
  // RFC 8188, sections 2.2 and 2.3; the nonce of the first record is as it is.
  ASSIGN_OR_RETURN(
      const Secret key,
      Derive(salt, input_key,
             absl::string_view("Content-Encoding: aes128gcm\0", 28),
             kKeyBytes));
  ASSIGN_OR_RETURN(
      const Secret nonce,
      Derive(salt, input_key,
             absl::string_view("Content-Encoding: nonce\0", 24), kNonceBytes));
  std::string record(text);
  record.push_back(kLastRecord);
  record.resize(padded_bytes + 1, '\0');
  ASSIGN_OR_RETURN(const std::string sealed, Seal(key, nonce, record));
  return absl::StrCat(salt, kRecordSize,
                      std::string(1, static_cast<char>(kWebPushKeyBytes)),
                      agreement.public_key, sealed);
}

}  // namespace cofactor::services
