#include "services/jws/jws.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "services/jws/base64url.h"

namespace cofactor::services {
namespace {

constexpr int kMinRsaBits = 2048;
// Of a coordinate of P-256, and of r and s.
constexpr size_t kScalarBytes = 32;
constexpr size_t kEd25519Bytes = 32;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeSignature {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
struct FreePkcs8 {
  void operator()(PKCS8_PRIV_KEY_INFO* key) const {
    PKCS8_PRIV_KEY_INFO_free(key);
  }
};

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const char* WantedKey(JwsAlgorithm algorithm) {
  switch (algorithm) {
    case JwsAlgorithm::kEs256:
      return "an EC key on P-256";
    case JwsAlgorithm::kRs256:
      return "an RSA key of at least 2048 bits";
    case JwsAlgorithm::kEdDsa:
      return "an Ed25519 key";
  }
  return "";
}

bool IsOnP256(EVP_PKEY* key) {
  char group[64];
  size_t size = 0;
  return EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1 &&
         absl::string_view(group, size) == "prime256v1";
}

bool Fits(JwsAlgorithm algorithm, EVP_PKEY* key) {
  switch (algorithm) {
    case JwsAlgorithm::kEs256:
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && IsOnP256(key);
    case JwsAlgorithm::kRs256:
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
             EVP_PKEY_get_bits(key) >= kMinRsaBits;
    case JwsAlgorithm::kEdDsa:
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
  }
  return false;
}

// Instead of a question on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

// r and s from the DER of an ECDSA signature (RFC 7518, section 3.4).
absl::StatusOr<std::string> JoinScalars(const std::string& der) {
  const unsigned char* at = Bytes(der);
  const std::unique_ptr<ECDSA_SIG, FreeSignature> signature(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::string joined(2 * kScalarBytes, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(joined.data());
  // Both are filled up with zeros from the left.
  if (signature == nullptr ||
      BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, kScalarBytes) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + kScalarBytes,
                   kScalarBytes) < 0) {
    return absl::InternalError("OpenSSL made a malformed signature");
  }
  return joined;
}

// The other way round. Empty: these are no r and s.
std::string DerOf(absl::string_view joined) {
  if (joined.size() != 2 * kScalarBytes) return "";
  const std::unique_ptr<ECDSA_SIG, FreeSignature> signature(ECDSA_SIG_new());
  BIGNUM* const r = BN_bin2bn(Bytes(joined), kScalarBytes, nullptr);
  BIGNUM* const s =
      BN_bin2bn(Bytes(joined) + kScalarBytes, kScalarBytes, nullptr);
  // The signature owns them once they are set.
  if (signature == nullptr || r == nullptr || s == nullptr ||
      ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return "";
  }
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &bytes);
  if (size <= 0) return "";
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

// Ed25519 hashes on its own.
const EVP_MD* HashOf(JwsAlgorithm algorithm) {
  return algorithm == JwsAlgorithm::kEdDsa ? nullptr : EVP_sha256();
}

// By a function of OpenSSL that writes PKCS #8 without a passphrase.
template <typename Write>
absl::StatusOr<Secret> WritePrivateKey(Write write, EVP_PKEY* key) {
  // OpenSSL wipes the memory of this BIO.
  const std::unique_ptr<BIO, FreeBio> bio(BIO_new(BIO_s_secmem()));
  char* bytes = nullptr;
  if (bio == nullptr ||
      write(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return absl::InternalError("OpenSSL cannot write the private key");
  }
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return Secret(absl::string_view(bytes, static_cast<size_t>(size)));
}

std::string Encode(const nlohmann::json& json) {
  // Bytes that are no UTF-8 are replaced: there are no exceptions here.
  return Base64Url(json.dump(/*indent=*/-1, /*indent_char=*/' ',
                             /*ensure_ascii=*/false,
                             nlohmann::json::error_handler_t::replace));
}

}  // namespace

absl::string_view NameOf(JwsAlgorithm algorithm) {
  switch (algorithm) {
    case JwsAlgorithm::kEs256:
      return "ES256";
    case JwsAlgorithm::kRs256:
      return "RS256";
    case JwsAlgorithm::kEdDsa:
      return "EdDSA";
  }
  return "";
}

void JwsSigner::FreeKey::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

absl::StatusOr<JwsSigner> JwsSigner::FromPem(JwsAlgorithm algorithm,
                                             const Secret& pem) {
  const absl::string_view text = pem.ExposeSecret();
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (bio == nullptr) return absl::InternalError("out of memory");
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassphrase, nullptr));
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("no private key in PEM without a passphrase; ",
                     NameOf(algorithm), " wants ", WantedKey(algorithm)));
  }
  if (!Fits(algorithm, key.get())) {
    return absl::InvalidArgumentError(
        absl::StrCat("the private key is of another kind; ", NameOf(algorithm),
                     " wants ", WantedKey(algorithm)));
  }
  return JwsSigner(algorithm, std::move(key));
}

absl::StatusOr<JwsSigner> JwsSigner::FromDer(JwsAlgorithm algorithm,
                                             const Secret& der) {
  const absl::string_view bytes = der.ExposeSecret();
  const unsigned char* at = Bytes(bytes);
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreePkcs8> info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(bytes.size())));
  Key key(info == nullptr || at != Bytes(bytes) + bytes.size()
              ? nullptr
              : EVP_PKCS82PKEY(info.get()));
  if (key == nullptr || !Fits(algorithm, key.get())) {
    return absl::InvalidArgumentError(
        absl::StrCat("no private key of PKCS #8 in DER; ", NameOf(algorithm),
                     " wants ", WantedKey(algorithm)));
  }
  return JwsSigner(algorithm, std::move(key));
}

absl::StatusOr<JwsSigner> JwsSigner::GenerateEs256() {
  Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return absl::InternalError("OpenSSL cannot make a key");
  return JwsSigner(JwsAlgorithm::kEs256, std::move(key));
}

absl::StatusOr<JwsSigner> JwsSigner::GenerateEdDsa() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (key == nullptr) return absl::InternalError("OpenSSL cannot make a key");
  return JwsSigner(JwsAlgorithm::kEdDsa, std::move(key));
}

absl::StatusOr<std::string> JwsSigner::Sign(
    nlohmann::json header, const nlohmann::json& claims) const {
  if (!header.is_object()) header = nlohmann::json::object();
  header["alg"] = NameOf(algorithm_);
  std::string input = absl::StrCat(Encode(header), ".", Encode(claims));
  ASSIGN_OR_RETURN(const std::string signature, SignBytes(input));
  absl::StrAppend(&input, ".", Base64Url(signature));
  return input;
}

absl::StatusOr<std::string> JwsSigner::SignBytes(
    absl::string_view input) const {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  size_t size = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, HashOf(algorithm_), nullptr,
                         key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(input),
                     input.size()) != 1) {
    return absl::InternalError("OpenSSL cannot sign");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(),
                     reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(input), input.size()) != 1) {
    return absl::InternalError("OpenSSL cannot sign");
  }
  signature.resize(size);
  if (algorithm_ != JwsAlgorithm::kEs256) return signature;
  return JoinScalars(signature);
}

bool JwsSigner::Verifies(absl::string_view input,
                         absl::string_view signature) const {
  const std::string bytes = algorithm_ == JwsAlgorithm::kEs256
                                ? DerOf(signature)
                                : std::string(signature);
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  const bool verifies =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, HashOf(algorithm_), nullptr,
                           key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(bytes), bytes.size(), Bytes(input),
                       input.size()) == 1;
  // What OpenSSL said of a signature that is none would come up in another
  // call.
  if (!verifies) ERR_clear_error();
  return verifies;
}

absl::StatusOr<nlohmann::json> JwsSigner::PublicJwk() const {
  if (algorithm_ == JwsAlgorithm::kEdDsa) {
    std::string key(kEd25519Bytes, '\0');
    size_t size = key.size();
    if (EVP_PKEY_get_raw_public_key(
            key_.get(), reinterpret_cast<unsigned char*>(key.data()), &size) !=
            1 ||
        size != key.size()) {
      return absl::InternalError("OpenSSL cannot write the public key");
    }
    return nlohmann::json{
        {"kty", "OKP"}, {"crv", "Ed25519"}, {"x", Base64Url(key)}};
  }
  ASSIGN_OR_RETURN(const std::string point, PublicPoint());
  const absl::string_view scalars = absl::string_view(point).substr(1);
  return nlohmann::json{{"kty", "EC"},
                        {"crv", "P-256"},
                        {"x", Base64Url(scalars.substr(0, kScalarBytes))},
                        {"y", Base64Url(scalars.substr(kScalarBytes))}};
}

absl::StatusOr<std::string> JwsSigner::PublicPoint() const {
  if (algorithm_ != JwsAlgorithm::kEs256) {
    return absl::InvalidArgumentError("only keys of ES256 are points");
  }
  unsigned char* point = nullptr;
  const size_t size = EVP_PKEY_get1_encoded_public_key(key_.get(), &point);
  std::string bytes;
  if (point != nullptr) bytes.assign(reinterpret_cast<char*>(point), size);
  OPENSSL_free(point);
  if (bytes.size() != 1 + 2 * kScalarBytes) {
    return absl::InternalError("OpenSSL cannot write the public key");
  }
  return bytes;
}

absl::StatusOr<Secret> JwsSigner::PrivatePem() const {
  return WritePrivateKey(&PEM_write_bio_PKCS8PrivateKey, key_.get());
}

absl::StatusOr<Secret> JwsSigner::PrivateDer() const {
  return WritePrivateKey(&i2d_PKCS8PrivateKey_bio, key_.get());
}

}  // namespace cofactor::services
