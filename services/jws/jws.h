#ifndef COFACTOR_SERVICES_JWS_JWS_H_
#define COFACTOR_SERVICES_JWS_JWS_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "nlohmann/json.hpp"

// OpenSSL's EVP_PKEY.
struct evp_pkey_st;

namespace cofactor::services {

// How a JWS is signed: "alg" of RFC 7518, section 3, and RFC 8037.
enum class JwsAlgorithm {
  // ECDSA with P-256 and SHA-256.
  kEs256,
  // RSASSA-PKCS1-v1_5 with SHA-256.
  kRs256,
  // Ed25519.
  kEdDsa,
};

// "ES256", "RS256" or "EdDSA".
absl::string_view NameOf(JwsAlgorithm algorithm);

// Signs with one private key. Move-only; the const methods are thread-safe.
class JwsSigner {
 public:
  // pem: a private key, PKCS #8 or as its kind has it, without a passphrase.
  // INVALID_ARGUMENT: it is none, or not for the algorithm: of another kind or
  // curve, or RSA of less than 2048 bits. The text holds nothing of the key.
  static absl::StatusOr<JwsSigner> FromPem(JwsAlgorithm algorithm,
                                           const Secret& pem);

  // As FromPem, of PKCS #8 in DER without a passphrase, and nothing behind it.
  static absl::StatusOr<JwsSigner> FromDer(JwsAlgorithm algorithm,
                                           const Secret& der);

  // With a new key. INTERNAL: OpenSSL cannot make one.
  static absl::StatusOr<JwsSigner> GenerateEs256();
  static absl::StatusOr<JwsSigner> GenerateEdDsa();

  JwsSigner(JwsSigner&&) noexcept = default;
  JwsSigner& operator=(JwsSigner&&) noexcept = default;
  ~JwsSigner() = default;

  // A JWS in the compact serialization (RFC 7515, section 7.1). header: an
  // object; "alg" is set in it. claims: the payload. INTERNAL: OpenSSL cannot
  // sign.
  absl::StatusOr<std::string> Sign(nlohmann::json header,
                                   const nlohmann::json& claims) const;

  // The signature of a JWS over its signing input, not encoded: r and s of 32
  // bytes each for kEs256. INTERNAL: OpenSSL cannot sign.
  absl::StatusOr<std::string> SignBytes(absl::string_view input) const;

  // Whether this is a signature of the input as SignBytes makes it.
  bool Verifies(absl::string_view input, absl::string_view signature) const;

  // The public key as a JWK (RFC 7517), with the members that its kind must
  // have and no others: RFC 7518, section 6.2, and RFC 8037, section 2. So its
  // text without spaces is what RFC 7638 hashes. INVALID_ARGUMENT: of kRs256.
  absl::StatusOr<nlohmann::json> PublicJwk() const;

  // The public key of kEs256 as a point that is not compressed (SEC 1, section
  // 2.3.3): 65 bytes. INVALID_ARGUMENT: another algorithm.
  absl::StatusOr<std::string> PublicPoint() const;

  // The private key in PKCS #8, as FromPem and FromDer read it. INTERNAL:
  // OpenSSL cannot write it.
  absl::StatusOr<Secret> PrivatePem() const;
  absl::StatusOr<Secret> PrivateDer() const;

 private:
  struct FreeKey {
    void operator()(evp_pkey_st* key) const;
  };
  using Key = std::unique_ptr<evp_pkey_st, FreeKey>;

  JwsSigner(JwsAlgorithm algorithm, Key key)
      : algorithm_(algorithm), key_(std::move(key)) {}

  JwsAlgorithm algorithm_;
  Key key_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_JWS_JWS_H_
