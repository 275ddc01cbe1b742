#ifndef COFACTOR_SERVICES_TRANSPORT_TLS_H_
#define COFACTOR_SERVICES_TRANSPORT_TLS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/security/auth_context.h"
#include "grpcpp/security/server_credentials.h"

namespace cofactor::services {

enum class ClientCertificates {
  // Asks for none, so that nobody has identities. ca.crt is not read.
  kNone,
  // Asks for one. A caller may have none, but not one that ca.crt does not
  // lead to: the handshake fails, rather than that the caller is nobody.
  kOptional,
  // Serves only callers with one that ca.crt leads to. Strangers do not even
  // reach the HTTP/2 parser.
  kRequired,
};

struct TlsOptions {
  // A folder with
  //   tls.crt  the server's certificate and what leads to its CA, in PEM.
  //   tls.key  the private key, in PEM, without a passphrase. Not for others.
  //   ca.crt   the CAs of client certificates, in PEM.
  //
  // They are read again while the server runs. To renew them, make a new
  // folder, and swap a symlink that stands here for another one at once, as by
  // `ln -s certs-2 next && mv -T next certs`: a key that does not belong to the
  // certificate, be it for a second, fails the new handshakes until the next
  // reading. Connections that are open stay as they are.
  std::string folder;
  ClientCertificates client_certificates = ClientCertificates::kRequired;
  // How often the files are looked at. Whole seconds, at least one.
  absl::Duration refresh_interval = absl::Seconds(1);
};

// Credentials for TLS 1.3, or 1.2 for callers without it.
//   INVALID_ARGUMENT     the interval is none.
//   FAILED_PRECONDITION  a file cannot be read or parsed, is too open, holds an
//                        expired certificate, or key and certificate do not
//                        belong together. The message names the file, and says
//                        what to do. Only this call checks all that: later
//                        versions of the files are taken as they are.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeTlsCredentials(
    const TlsOptions& options);

// Names in the client certificate of a connection that MakeTlsCredentials
// guards: "uri:..." and "dns:..." for each such entry of its subject
// alternative name. Empty without a certificate, and without encryption. The
// subject is no source of names.
//
// gRPC 1.51.1 gives the entries of the leaf by kind as peer_uri, peer_dns,
// peer_email and peer_ip, and all of them again as
// x509_subject_alternative_name. A certificate whose only URI is one of SPIFFE
// has peer_spiffe_id too. Beware: it gives them in the same way if the
// credentials do not verify certificates, which those of this file always do.
std::vector<std::string> PeerIdentities(const grpc::AuthContext& peer);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TRANSPORT_TLS_H_
