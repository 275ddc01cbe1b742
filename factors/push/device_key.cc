#include "factors/push/device_key.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <sodium.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace cofactor::factors::push {
namespace {

constexpr size_t kEd25519KeyBytes = 32;
constexpr size_t kSignatureBytes = 64;
constexpr size_t kScalarBytes = 32;
constexpr size_t kFingerprintBytes = 8;

// What stands before X and Y in a SubjectPublicKeyInfo of P-256 (RFC 5480):
// its lengths, id-ecPublicKey, prime256v1, and the 4 of a point that is not
// compressed. DER has no other way to write it.
constexpr char kP256Prefix[] =
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48"
    "\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
constexpr size_t kP256PrefixBytes = sizeof(kP256Prefix) - 1;
constexpr size_t kP256KeyBytes = kP256PrefixBytes + 2 * kScalarBytes;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using PublicKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;

const uint8_t* Data(absl::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

// Null if the key is none. Of P-256, a point that is not on the curve is none.
PublicKey Read(const v1::DeviceKey& key) {
  const absl::string_view bytes = key.public_key();
  switch (key.algorithm()) {
    case v1::DEVICE_KEY_ALGORITHM_ED25519:
      if (bytes.size() != kEd25519KeyBytes) return nullptr;
      return PublicKey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                                   Data(bytes), bytes.size()));
    case v1::DEVICE_KEY_ALGORITHM_P256: {
      // The one way to write it is compared, so that no parser of ASN.1 sees
      // what a stranger made up.
      if (bytes.size() != kP256KeyBytes ||
          !absl::StartsWith(bytes, {kP256Prefix, kP256PrefixBytes})) {
        return nullptr;
      }
      const uint8_t* start = Data(bytes);
      return PublicKey(
          d2i_PUBKEY(nullptr, &start, static_cast<long>(bytes.size())));
    }
    default:
      return nullptr;
  }
}

// ECDSA-Sig-Value (RFC 3279, section 2.2.3) of r and s; empty if that fails.
std::string ToDer(absl::string_view signature) {
  EcdsaSignature value(ECDSA_SIG_new());
  Number r(BN_bin2bn(Data(signature), kScalarBytes, nullptr));
  Number s(BN_bin2bn(Data(signature) + kScalarBytes, kScalarBytes, nullptr));
  if (value == nullptr || r == nullptr || s == nullptr ||
      ECDSA_SIG_set0(value.get(), r.get(), s.get()) != 1) {
    return "";
  }
  r.release();
  s.release();
  const int size = i2d_ECDSA_SIG(value.get(), nullptr);
  if (size <= 0) return "";
  std::string der(static_cast<size_t>(size), '\0');
  uint8_t* out = reinterpret_cast<uint8_t*>(der.data());
  i2d_ECDSA_SIG(value.get(), &out);
  return der;
}

}  // namespace

absl::Status CheckDeviceKey(absl::string_view field, const v1::DeviceKey& key) {
  const absl::string_view bytes = key.public_key();
  switch (key.algorithm()) {
    case v1::DEVICE_KEY_ALGORITHM_ED25519:
      if (bytes.size() != kEd25519KeyBytes ||
          crypto_core_ed25519_is_valid_point(Data(bytes)) != 1) {
        return InvalidField(absl::StrCat(field, ".public_key"),
                            "want the 32 bytes of a public key of Ed25519");
      }
      return absl::OkStatus();
    case v1::DEVICE_KEY_ALGORITHM_P256: {
      const PublicKey read = Read(key);
      KeyContext context;
      if (read != nullptr) {
        context.reset(EVP_PKEY_CTX_new(read.get(), nullptr));
      }
      if (context == nullptr || EVP_PKEY_public_check(context.get()) != 1) {
        return InvalidField(absl::StrCat(field, ".public_key"),
                            "want a SubjectPublicKeyInfo in DER of a point on "
                            "P-256 that is not compressed: 91 bytes");
      }
      return absl::OkStatus();
    }
    default:
      return InvalidField(absl::StrCat(field, ".algorithm"),
                          "want ED25519 or P256");
  }
}

bool IsSignedBy(const v1::DeviceKey& key, absl::string_view bytes,
                absl::string_view signature) {
  if (signature.size() != kSignatureBytes) return false;
  const PublicKey read = Read(key);
  const DigestContext context(EVP_MD_CTX_new());
  if (read == nullptr || context == nullptr) return false;
  const EVP_MD* hash = nullptr;  // Ed25519 has its own.
  std::string der;
  if (key.algorithm() == v1::DEVICE_KEY_ALGORITHM_P256) {
    hash = EVP_sha256();
    der = ToDer(signature);
    signature = der;
  }
  return EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr,
                              read.get()) == 1 &&
         EVP_DigestVerify(context.get(), Data(signature), signature.size(),
                          Data(bytes), bytes.size()) == 1;
}

std::string FingerprintOf(const v1::DeviceKey& key) {
  const std::string& bytes = key.public_key();
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(Data(bytes), bytes.size(), digest);
  const std::string digits = absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(digest), kFingerprintBytes));
  std::string fingerprint;
  for (size_t i = 0; i < digits.size(); i += 4) {
    absl::StrAppend(&fingerprint, i == 0 ? "" : " ", digits.substr(i, 4));
  }
  return fingerprint;
}

v1::DeviceKey KeyOfNobody() {
  // A hash is taken to the curve (RFC 9380): nobody knows of which number the
  // point is the multiple.
  constexpr absl::string_view kText = "cofactor push key of nobody";
  uint8_t digest[SHA256_DIGEST_LENGTH];
  static_assert(sizeof(digest) == crypto_core_ed25519_UNIFORMBYTES);
  SHA256(Data(kText), kText.size(), digest);
  uint8_t point[crypto_core_ed25519_BYTES];
  crypto_core_ed25519_from_uniform(point, digest);
  v1::DeviceKey key;
  key.set_algorithm(v1::DEVICE_KEY_ALGORITHM_ED25519);
  key.set_public_key(point, sizeof(point));
  return key;
}

}  // namespace cofactor::factors::push
