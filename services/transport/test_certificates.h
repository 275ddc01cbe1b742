#ifndef COFACTOR_SERVICES_TRANSPORT_TEST_CERTIFICATES_H_
#define COFACTOR_SERVICES_TRANSPORT_TEST_CERTIFICATES_H_

#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cofactor::services {

// A certificate and its private key, in PEM.
struct TestIdentity {
  std::string certificate;
  std::string key;
};

// A CA for tests, with a new key. Ends the process if OpenSSL fails.
// Thread-compatible.
class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();

  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  // Its own certificate, in PEM.
  std::string certificate() const;

  // For 127.0.0.1 and localhost.
  TestIdentity IssueServer() const;

  // names: a subject alternative name as OpenSSL's configuration has it, as
  // "URI:spiffe://example/a,DNS:a.example", or "" for none. The certificate is
  // valid from an hour ago until the end, from now on, which may be negative.
  TestIdentity Issue(const std::string& names,
                     absl::Duration end = absl::Hours(24)) const;

 private:
  EVP_PKEY* key_;
  X509* certificate_;
};

// Writes a file with the mode 0600.
void WriteTestFile(const std::string& path, absl::string_view content);

// Makes a new folder with tls.crt, tls.key and ca.crt.
void WriteTestCertificates(const std::string& folder,
                           const TestIdentity& server,
                           const std::string& client_authority);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TRANSPORT_TEST_CERTIFICATES_H_
