#include "services/wake_up/test_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace cofactor::services {
namespace {

constexpr size_t kScalarBytes = 32;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The DER of a signature that is r and s.
std::string DerOf(absl::string_view scalars) {
  if (scalars.size() != 2 * kScalarBytes) return "";
  ECDSA_SIG* const signature = ECDSA_SIG_new();
  ECDSA_SIG_set0(
      signature, BN_bin2bn(Bytes(scalars), kScalarBytes, nullptr),
      BN_bin2bn(Bytes(scalars) + kScalarBytes, kScalarBytes, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature, &der);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  ECDSA_SIG_free(signature);
  return bytes;
}

}  // namespace

void TestKey::FreeKey::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

TestKey::TestKey(evp_pkey_st* key) : key_(key) {
  if (key_ == nullptr) std::abort();
}

TestKey TestKey::Ec() { return TestKey(EVP_EC_gen("P-256")); }
TestKey TestKey::Rsa() { return TestKey(EVP_RSA_gen(2048)); }

std::string TestKey::pem() const {
  BIO* const bio = BIO_new(BIO_s_mem());
  if (PEM_write_bio_PKCS8PrivateKey(bio, key_.get(), nullptr, nullptr, 0,
                                    nullptr, nullptr) != 1) {
    std::abort();
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

std::optional<TestJws> TestKey::Verify(absl::string_view jws) const {
  const std::vector<std::string> parts = absl::StrSplit(jws, '.');
  std::vector<std::string> decoded(3);
  if (parts.size() != 3) return std::nullopt;
  for (size_t i = 0; i < 3; ++i) {
    if (!absl::WebSafeBase64Unescape(parts[i], &decoded[i])) {
      return std::nullopt;
    }
  }
  TestJws read;
  read.header = nlohmann::json::parse(decoded[0], nullptr, false);
  read.claims = nlohmann::json::parse(decoded[1], nullptr, false);
  if (!read.header.is_object() || !read.claims.is_object()) {
    return std::nullopt;
  }
  const bool is_ec = EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_EC;
  if (read.header["alg"] != (is_ec ? "ES256" : "RS256")) return std::nullopt;
  const std::string signature = is_ec ? DerOf(decoded[2]) : decoded[2];
  const std::string input = absl::StrCat(parts[0], ".", parts[1]);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const bool is_valid =
      EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr,
                           key_.get()) == 1 &&
      EVP_DigestVerify(context, Bytes(signature), signature.size(),
                       Bytes(input), input.size()) == 1;
  EVP_MD_CTX_free(context);
  if (!is_valid) return std::nullopt;
  return read;
}

}  // namespace cofactor::services
