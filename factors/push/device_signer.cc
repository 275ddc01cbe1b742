#include "factors/push/device_signer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/randomness.h"

namespace cofactor::factors::push {
namespace {

constexpr size_t kPrivateKeyBytes = 32;
constexpr size_t kScalarBytes = 32;
constexpr size_t kSignatureBytes = 2 * kScalarBytes;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_clear_free>>;
using Group = std::unique_ptr<EC_GROUP, Free<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Free<EC_POINT_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

const uint8_t* Data(absl::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}
uint8_t* Data(std::string& bytes) {
  return reinterpret_cast<uint8_t*>(bytes.data());
}

bool IsAlgorithm(v1::DeviceKeyAlgorithm algorithm) {
  return algorithm == v1::DEVICE_KEY_ALGORITHM_ED25519 ||
         algorithm == v1::DEVICE_KEY_ALGORITHM_P256;
}

absl::Status Failed() {
  return absl::InternalError("OpenSSL could not use the key of the device");
}

// r and s of an ECDSA-Sig-Value in DER; empty if it is none.
std::string FromDer(absl::string_view der) {
  const uint8_t* start = Data(der);
  const EcdsaSignature value(
      d2i_ECDSA_SIG(nullptr, &start, static_cast<long>(der.size())));
  std::string signature(kSignatureBytes, '\0');
  if (value == nullptr ||
      BN_bn2binpad(ECDSA_SIG_get0_r(value.get()), Data(signature),
                   kScalarBytes) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(value.get()),
                   Data(signature) + kScalarBytes, kScalarBytes) < 0) {
    return "";
  }
  return signature;
}

}  // namespace

void DeviceSigner::FreeKey::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

DeviceSigner::DeviceSigner(Secret private_key, v1::DeviceKey key,
                           EvpKey evp_key)
    : private_key_(std::move(private_key)),
      key_(std::move(key)),
      evp_key_(std::move(evp_key)) {}

absl::StatusOr<DeviceSigner> DeviceSigner::Generate(
    v1::DeviceKeyAlgorithm algorithm) {
  SystemRandomness randomness;
  // One of 2^32 numbers is none of the private numbers of P-256: draw again.
  for (;;) {
    absl::StatusOr<DeviceSigner> signer =
        FromPrivateKey(algorithm, randomness.DrawSecret(kPrivateKeyBytes));
    if (!IsAlgorithm(algorithm) || !absl::IsInvalidArgument(signer.status())) {
      return signer;
    }
  }
}

absl::StatusOr<DeviceSigner> DeviceSigner::FromPrivateKey(
    v1::DeviceKeyAlgorithm algorithm, const Secret& private_key) {
  if (!IsAlgorithm(algorithm)) {
    return absl::InvalidArgumentError("want Ed25519 or P-256");
  }
  if (private_key.size() != kPrivateKeyBytes) {
    return absl::InvalidArgumentError("want a private key of 32 bytes");
  }
  v1::DeviceKey key;
  key.set_algorithm(algorithm);
  EvpKey evp_key;
  if (algorithm == v1::DEVICE_KEY_ALGORITHM_ED25519) {
    evp_key = ReadEd25519(private_key, *key.mutable_public_key());
    if (evp_key == nullptr) return Failed();
  } else {
    const Number number(BN_bin2bn(Data(private_key.ExposeSecret()),
                                  static_cast<int>(private_key.size()),
                                  nullptr));
    const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
    if (number == nullptr || group == nullptr) return Failed();
    if (BN_is_zero(number.get()) ||
        BN_cmp(number.get(), EC_GROUP_get0_order(group.get())) >= 0) {
      return absl::InvalidArgumentError(
          "a private key of P-256 is more than 0 and less than its order");
    }
    evp_key = ReadP256(private_key, *key.mutable_public_key());
    if (evp_key == nullptr) return Failed();
  }
  return DeviceSigner(private_key.Clone(), std::move(key), std::move(evp_key));
}

DeviceSigner::EvpKey DeviceSigner::ReadEd25519(const Secret& private_key,
                                               std::string& public_key) {
  EvpKey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                          Data(private_key.ExposeSecret()),
                                          private_key.size()));
  size_t size = 32;
  public_key.resize(size);
  if (key == nullptr ||
      EVP_PKEY_get_raw_public_key(key.get(), Data(public_key), &size) != 1) {
    return nullptr;
  }
  return key;
}

DeviceSigner::EvpKey DeviceSigner::ReadP256(const Secret& private_key,
                                            std::string& public_key) {
  const Number number(BN_bin2bn(Data(private_key.ExposeSecret()),
                                static_cast<int>(private_key.size()), nullptr));
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Point point(EC_POINT_new(group.get()));
  uint8_t encoded[1 + 2 * kScalarBytes];
  if (number == nullptr || point == nullptr ||
      EC_POINT_mul(group.get(), point.get(), number.get(), nullptr, nullptr,
                   nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(),
                         POINT_CONVERSION_UNCOMPRESSED, encoded,
                         sizeof(encoded), nullptr) != sizeof(encoded)) {
    return nullptr;
  }
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                      "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY,
                             number.get()) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                       encoded, sizeof(encoded)) != 1) {
    return nullptr;
  }
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr));
  EVP_PKEY* made = nullptr;
  if (params == nullptr || context == nullptr ||
      EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params.get()) !=
          1) {
    return nullptr;
  }
  EvpKey key(made);
  const int size = i2d_PUBKEY(key.get(), nullptr);
  if (size <= 0) return nullptr;
  public_key.resize(static_cast<size_t>(size));
  uint8_t* out = Data(public_key);
  i2d_PUBKEY(key.get(), &out);
  return key;
}

absl::StatusOr<std::string> DeviceSigner::Sign(absl::string_view bytes) const {
  const bool is_p256 = key_.algorithm() == v1::DEVICE_KEY_ALGORITHM_P256;
  const EVP_MD* hash = is_p256 ? EVP_sha256() : nullptr;
  const DigestContext context(EVP_MD_CTX_new());
  size_t size = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, hash, nullptr,
                         evp_key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Data(bytes),
                     bytes.size()) != 1) {
    return Failed();
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), Data(signature), &size, Data(bytes),
                     bytes.size()) != 1) {
    return Failed();
  }
  signature.resize(size);
  if (is_p256) signature = FromDer(signature);
  if (signature.size() != kSignatureBytes) return Failed();
  return signature;
}

}  // namespace cofactor::factors::push
