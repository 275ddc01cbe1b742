#ifndef COFACTOR_SERVICES_WAKE_UP_TEST_KEY_H_
#define COFACTOR_SERVICES_WAKE_UP_TEST_KEY_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "nlohmann/json.hpp"

// OpenSSL's EVP_PKEY.
struct evp_pkey_st;

namespace cofactor::services {

// What a JWS says.
struct TestJws {
  nlohmann::json header;
  nlohmann::json claims;
};

// A new key for tests, and the verifier's side of it, which shares nothing with
// JwsSigner. Ends the process if OpenSSL fails. Thread-compatible.
class TestKey {
 public:
  // On P-256.
  static TestKey Ec();
  // Of 2048 bits.
  static TestKey Rsa();

  // In PEM, PKCS #8.
  std::string pem() const;

  // Reads a JWS in its compact form. Null unless it is one, its signature is of
  // this key and its "alg" is ES256 or RS256, as the key is.
  std::optional<TestJws> Verify(absl::string_view jws) const;

 private:
  struct FreeKey {
    void operator()(evp_pkey_st* key) const;
  };

  explicit TestKey(evp_pkey_st* key);

  std::unique_ptr<evp_pkey_st, FreeKey> key_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_TEST_KEY_H_
