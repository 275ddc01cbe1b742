#include "services/transport/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"
#include "services/transport/file_descriptor.h"

namespace cofactor::services {
namespace {

// A bundle of all public CAs has 200 kB.
constexpr size_t kMaxFileBytes = 1 << 20;

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

absl::Status Unusable(absl::string_view path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", why));
}

absl::StatusOr<Secret> ReadFile(const std::string& path, bool is_secret) {
  // Not blocking, should it be a pipe.
  const FileDescriptor file(
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info = {};
  if (!file.valid() || fstat(file.get(), &info) != 0) {
    return Unusable(path,
                    absl::StrCat("cannot be read: ", std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) return Unusable(path, "is not a regular file");
  if (is_secret && (info.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return Unusable(path,
                    absl::StrCat("others may use this private key; run chmod "
                                 "0600 ",
                                 path));
  }
  std::string content(kMaxFileBytes + 1, '\0');
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t got =
        read(file.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      Wipe(content);
      return Unusable(path,
                      absl::StrCat("cannot be read: ", std::strerror(errno)));
    }
    if (got == 0) break;
    size += got;
  }
  Secret secret(absl::string_view(content).substr(0, size));
  Wipe(content);
  if (size > kMaxFileBytes) return Unusable(path, "is larger than 1 MB");
  return secret;
}

Bio ReaderOf(const Secret& content) {
  return Bio(BIO_new_mem_buf(content.ExposeSecret().data(),
                             static_cast<int>(content.size())));
}

absl::Status CheckPeriod(const std::string& path, const X509& certificate) {
  std::time_t now = absl::ToTimeT(SystemClock().Now());
  // 0 means that the time cannot be read.
  if (X509_cmp_time(X509_get0_notAfter(&certificate), &now) <= 0) {
    return Unusable(path, "holds a certificate that has expired; renew it");
  }
  if (X509_cmp_time(X509_get0_notBefore(&certificate), &now) >= 0) {
    return Unusable(path,
                    "holds a certificate that is not valid yet; check the "
                    "clock of this machine");
  }
  return absl::OkStatus();
}

// The first certificate of a file, after a check of all.
absl::StatusOr<Certificate> ReadCertificates(const std::string& path) {
  ASSIGN_OR_RETURN(const Secret content, ReadFile(path, /*is_secret=*/false));
  const Bio reader = ReaderOf(content);
  Certificate first;
  while (true) {
    Certificate next(
        PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr));
    if (next == nullptr) {
      const unsigned long error = ERR_peek_last_error();
      const bool is_end = ERR_GET_LIB(error) == ERR_LIB_PEM &&
                          ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
      ERR_clear_error();
      if (first != nullptr && is_end) return first;
      return Unusable(path, "does not hold certificates in PEM");
    }
    RETURN_IF_ERROR(CheckPeriod(path, *next));
    if (first == nullptr) first = std::move(next);
  }
}

// Answers that there is no passphrase: OpenSSL would ask the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::Status CheckIdentity(const std::string& certificate_path,
                           const std::string& key_path) {
  ASSIGN_OR_RETURN(const Certificate certificate,
                   ReadCertificates(certificate_path));
  ASSIGN_OR_RETURN(const Secret content, ReadFile(key_path, true));
  const Bio reader = ReaderOf(content);
  const PrivateKey key(
      PEM_read_bio_PrivateKey(reader.get(), nullptr, NoPassphrase, nullptr));
  const bool matches =
      key != nullptr && X509_check_private_key(certificate.get(), key.get());
  ERR_clear_error();
  if (key == nullptr) {
    return Unusable(key_path,
                    "does not hold a private key in PEM without a passphrase");
  }
  if (!matches) {
    return Unusable(key_path,
                    absl::StrCat("is not the key of the first certificate in ",
                                 certificate_path,
                                 "; put in the two that were made together"));
  }
  return absl::OkStatus();
}

grpc_ssl_client_certificate_request_type RequestType(
    ClientCertificates client_certificates) {
  switch (client_certificates) {
    case ClientCertificates::kNone:
      return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
    case ClientCertificates::kOptional:
      return GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
    case ClientCertificates::kRequired:
      break;
  }
  return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeTlsCredentials(
    const TlsOptions& options) {
  const int64_t interval = absl::ToInt64Seconds(options.refresh_interval);
  if (interval < 1 || interval > 3600 ||
      absl::Seconds(interval) != options.refresh_interval) {
    return absl::InvalidArgumentError(
        "the refresh interval of certificates: want whole seconds, from 1 to "
        "3600");
  }
  const std::string certificate = absl::StrCat(options.folder, "/tls.crt");
  const std::string key = absl::StrCat(options.folder, "/tls.key");
  RETURN_IF_ERROR(CheckIdentity(certificate, key));
  const bool asks = options.client_certificates != ClientCertificates::kNone;
  std::string ca;
  if (asks) {
    ca = absl::StrCat(options.folder, "/ca.crt");
    RETURN_IF_ERROR(ReadCertificates(ca).status());
  }

  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          key, certificate, ca, static_cast<unsigned int>(interval)));
  tls.watch_identity_key_cert_pairs();
  if (asks) tls.watch_root_certs();
  tls.set_cert_request_type(RequestType(options.client_certificates));
  return grpc::experimental::TlsServerCredentials(tls);
}

std::vector<std::string> PeerIdentities(const grpc::AuthContext& peer) {
  const std::vector<grpc::string_ref> transports =
      peer.FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
  if (transports.size() != 1 ||
      transports[0] != GRPC_TLS_TRANSPORT_SECURITY_TYPE) {
    return {};
  }
  std::vector<std::string> identities;
  for (const auto& [property, prefix] :
       {std::pair(GRPC_PEER_URI_PROPERTY_NAME, "uri:"),
        std::pair(GRPC_PEER_DNS_PROPERTY_NAME, "dns:")}) {
    for (const grpc::string_ref& value : peer.FindPropertyValues(property)) {
      identities.push_back(
          absl::StrCat(prefix, std::string(value.begin(), value.end())));
    }
  }
  return identities;
}

}  // namespace cofactor::services
