#include "services/transport/test_certificates.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "base/clock.h"
#include "base/randomness.h"

namespace cofactor::services {
namespace {

void Require(bool worked) {
  if (worked) return;
  ERR_print_errors_fp(stderr);
  std::abort();
}

std::string PemOf(X509* certificate) {
  BIO* const memory = BIO_new(BIO_s_mem());
  Require(PEM_write_bio_X509(memory, certificate) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  std::string pem(bytes, size);
  BIO_free(memory);
  return pem;
}

std::string PemOf(EVP_PKEY* key) {
  BIO* const memory = BIO_new(BIO_s_mem());
  Require(PEM_write_bio_PKCS8PrivateKey(memory, key, nullptr, nullptr, 0,
                                        nullptr, nullptr) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  std::string pem(bytes, size);
  BIO_free(memory);
  return pem;
}

void AddExtension(X509* certificate, X509* issuer, int id,
                  const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension =
      X509V3_EXT_nconf_nid(nullptr, &context, id, value.c_str());
  Require(extension != nullptr &&
          X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// A certificate without extensions, and not signed.
X509* NewCertificate(EVP_PKEY* key, const char* common_name,
                     absl::Duration end) {
  X509* const certificate = X509_new();
  Require(certificate != nullptr && X509_set_version(certificate, 2) == 1);
  uint8_t bytes[4];
  SystemRandomness().Fill(absl::MakeSpan(bytes));
  uint32_t serial = 0;
  for (const uint8_t byte : bytes) serial = serial << 8 | byte;
  Require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate),
                                  uint64_t{serial} + 1) == 1);
  const absl::Time now = SystemClock().Now();
  Require(ASN1_TIME_set(X509_getm_notBefore(certificate),
                        absl::ToTimeT(now - absl::Hours(1))) != nullptr);
  Require(ASN1_TIME_set(X509_getm_notAfter(certificate),
                        absl::ToTimeT(now + end)) != nullptr);
  Require(X509_set_pubkey(certificate, key) == 1);
  Require(X509_NAME_add_entry_by_txt(
              X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
              reinterpret_cast<const unsigned char*>(common_name), -1, -1,
              0) == 1);
  return certificate;
}

EVP_PKEY* NewKey() {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  Require(key != nullptr);
  return key;
}

}  // namespace

TestAuthority::TestAuthority()
    : key_(NewKey()),
      certificate_(NewCertificate(key_, "test authority", absl::Hours(48))) {
  Require(X509_set_issuer_name(certificate_,
                               X509_get_subject_name(certificate_)) == 1);
  AddExtension(certificate_, certificate_, NID_basic_constraints,
               "critical,CA:TRUE");
  AddExtension(certificate_, certificate_, NID_subject_key_identifier, "hash");
  Require(X509_sign(certificate_, key_, EVP_sha256()) > 0);
}

TestAuthority::~TestAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

std::string TestAuthority::certificate() const { return PemOf(certificate_); }

TestIdentity TestAuthority::IssueServer() const {
  return Issue("IP:127.0.0.1,DNS:localhost");
}

TestIdentity TestAuthority::Issue(const std::string& names,
                                  absl::Duration end) const {
  EVP_PKEY* const key = NewKey();
  X509* const certificate = NewCertificate(key, "test", end);
  Require(X509_set_issuer_name(certificate,
                               X509_get_subject_name(certificate_)) == 1);
  if (!names.empty()) {
    AddExtension(certificate, certificate_, NID_subject_alt_name, names);
  }
  Require(X509_sign(certificate, key_, EVP_sha256()) > 0);
  TestIdentity identity = {PemOf(certificate), PemOf(key)};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return identity;
}

void WriteTestFile(const std::string& path, absl::string_view content) {
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  Require(file >= 0);
  Require(write(file, content.data(), content.size()) ==
          static_cast<ssize_t>(content.size()));
  close(file);
}

void WriteTestCertificates(const std::string& folder,
                           const TestIdentity& server,
                           const std::string& client_authority) {
  Require(mkdir(folder.c_str(), 0700) == 0);
  WriteTestFile(folder + "/tls.crt", server.certificate);
  WriteTestFile(folder + "/tls.key", server.key);
  WriteTestFile(folder + "/ca.crt", client_authority);
}

}  // namespace cofactor::services
