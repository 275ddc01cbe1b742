#include "services/transport/tls.h"

#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "services/transport/test_certificates.h"
#include "services/transport/test_rpc.h"
#include "services/transport/test_server.h"

namespace cofactor::services {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kNames[] = "URI:spiffe://example.org/biller,DNS:biller.example";

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    std::string folder = testing::TempDir() + "/tls_XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    base_ = folder;
    options_.folder = base_ + "/certs";
    WriteTestCertificates(options_.folder, server_authority_.IssueServer(),
                          client_authority_.certificate());
  }

  // A running server with the options.
  std::unique_ptr<TestServer> Start() {
    auto credentials = MakeTlsCredentials(options_);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    if (!credentials.ok()) return nullptr;
    return std::make_unique<TestServer>(TestBounds(), *credentials);
  }

  std::unique_ptr<TestServer> Start(ClientCertificates client_certificates) {
    options_.client_certificates = client_certificates;
    return Start();
  }

  std::shared_ptr<grpc::Channel> Connect(const TestServer& server,
                                         const TestIdentity& client = {}) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = server_authority_.certificate();
    options.pem_cert_chain = client.certificate;
    options.pem_private_key = client.key;
    return FreshChannel(server.address(), grpc::SslCredentials(options));
  }

  // What MakeTlsCredentials says against the files.
  std::string Complaint() {
    const absl::Status status = MakeTlsCredentials(options_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    return std::string(status.message());
  }

  std::string Path(absl::string_view file) {
    return absl::StrCat(options_.folder, "/", file);
  }

  // Replaces the server's files.
  void Put(const TestIdentity& identity) {
    WriteTestFile(Path("tls.crt"), identity.certificate);
    WriteTestFile(Path("tls.key"), identity.key);
  }

  const TestAuthority server_authority_;
  const TestAuthority client_authority_;
  const TestAuthority other_authority_;
  std::string base_;
  TlsOptions options_;
};

TEST_F(TlsTest, RequiredServesTheRightCertificateAndGivesItsNames) {
  const auto server = Start(ClientCertificates::kRequired);
  ASSERT_NE(server, nullptr);
  const auto channel = Connect(*server, client_authority_.Issue(kNames));
  const grpc::Status status = CallEcho(channel);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(
      server->service().last_identities(),
      ElementsAre("uri:spiffe://example.org/biller", "dns:biller.example"));
  // What the header says of gRPC.
  const std::vector<std::string> properties =
      server->service().last_properties();
  EXPECT_THAT(properties, Contains("transport_security_type=tls"));
  EXPECT_THAT(properties, Contains("peer_uri=spiffe://example.org/biller"));
  EXPECT_THAT(properties,
              Contains("peer_spiffe_id=spiffe://example.org/biller"));
  EXPECT_THAT(properties, Contains("peer_dns=biller.example"));
  EXPECT_THAT(
      properties,
      Contains("x509_subject_alternative_name=spiffe://example.org/biller"));
  EXPECT_THAT(properties,
              Contains("x509_subject_alternative_name=biller.example"));
  // A second call on the connection is of the same caller.
  EXPECT_TRUE(CallEcho(channel).ok());
  EXPECT_EQ(server->service().last_identities().size(), 2u);
}

TEST_F(TlsTest, RequiredServesNobodyElse) {
  const auto server = Start(ClientCertificates::kRequired);
  ASSERT_NE(server, nullptr);
  EXPECT_FALSE(CallEcho(Connect(*server)).ok());
  EXPECT_FALSE(CallEcho(Connect(*server, other_authority_.Issue(kNames))).ok());
  EXPECT_FALSE(CallEcho(Connect(*server, client_authority_.Issue(
                                             kNames, -absl::Minutes(1))))
                   .ok());
  EXPECT_FALSE(CallEcho(server->PlainChannel()).ok());
  EXPECT_EQ(server->service().calls(), 0);
  // It was not the server that was broken.
  const auto right = Connect(*server, client_authority_.Issue(kNames));
  EXPECT_TRUE(CallEcho(right).ok());
  // Each failed handshake gave its place back.
  EXPECT_TRUE(server->Eventually(
      right, [&] { return server->listener().open_connections() == 1; }));
}

TEST_F(TlsTest, OptionalServesCallersWithoutACertificateAsNobody) {
  const auto server = Start(ClientCertificates::kOptional);
  ASSERT_NE(server, nullptr);
  const grpc::Status status = CallEcho(Connect(*server));
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(server->service().last_identities(), IsEmpty());
  EXPECT_THAT(server->service().last_properties(),
              Not(Contains(StartsWith("peer_"))));
  EXPECT_TRUE(CallEcho(Connect(*server, client_authority_.Issue(kNames))).ok());
  EXPECT_THAT(
      server->service().last_identities(),
      ElementsAre("uri:spiffe://example.org/biller", "dns:biller.example"));
}

TEST_F(TlsTest, OptionalServesNobodyWithACertificateThatIsNotVerified) {
  const auto server = Start(ClientCertificates::kOptional);
  ASSERT_NE(server, nullptr);
  EXPECT_FALSE(CallEcho(Connect(*server, other_authority_.Issue(kNames))).ok());
  EXPECT_FALSE(CallEcho(Connect(*server, client_authority_.Issue(
                                             kNames, -absl::Minutes(1))))
                   .ok());
  EXPECT_EQ(server->service().calls(), 0);
  EXPECT_THAT(server->service().last_identities(), IsEmpty());
}

TEST_F(TlsTest, NoneAsksForNoCertificate) {
  ASSERT_EQ(unlink(Path("ca.crt").c_str()), 0);
  const auto server = Start(ClientCertificates::kNone);
  ASSERT_NE(server, nullptr);
  EXPECT_TRUE(CallEcho(Connect(*server, client_authority_.Issue(kNames))).ok());
  EXPECT_THAT(server->service().last_identities(), IsEmpty());
}

TEST_F(TlsTest, NamesOfOtherKindsAndTheSubjectAreNoIdentities) {
  const auto server = Start(ClientCertificates::kRequired);
  ASSERT_NE(server, nullptr);
  EXPECT_TRUE(CallEcho(Connect(*server, client_authority_.Issue(""))).ok());
  EXPECT_THAT(server->service().last_identities(), IsEmpty());
  EXPECT_TRUE(
      CallEcho(Connect(*server, client_authority_.Issue(
                                    "email:a@example.org,IP:192.0.2.1")))
          .ok());
  EXPECT_THAT(server->service().last_identities(), IsEmpty());
  EXPECT_TRUE(CallEcho(Connect(*server, client_authority_.Issue(
                                            "URI:urn:a,URI:urn:b,DNS:c")))
                  .ok());
  EXPECT_THAT(server->service().last_identities(),
              ElementsAre("uri:urn:a", "uri:urn:b", "dns:c"));
}

TEST_F(TlsTest, APlainConnectionHasNoIdentities) {
  TestServer server;
  ASSERT_TRUE(CallEcho(server.PlainChannel()).ok());
  EXPECT_THAT(server.service().last_identities(), IsEmpty());
}

TEST_F(TlsTest, FollowsASymlinkThatIsSwapped) {
  const TestAuthority new_authority;
  ASSERT_EQ(rename(options_.folder.c_str(), (base_ + "/1").c_str()), 0);
  ASSERT_EQ(symlink("1", options_.folder.c_str()), 0);
  const TestAuthority new_client_authority;
  WriteTestCertificates(base_ + "/2", new_authority.IssueServer(),
                        new_client_authority.certificate());
  const auto server = Start(ClientCertificates::kRequired);
  ASSERT_NE(server, nullptr);
  const TestIdentity old_client = client_authority_.Issue(kNames);
  const auto old_channel = Connect(*server, old_client);
  ASSERT_TRUE(CallEcho(old_channel).ok());

  ASSERT_EQ(symlink("2", (base_ + "/next").c_str()), 0);
  ASSERT_EQ(rename((base_ + "/next").c_str(), options_.folder.c_str()), 0);

  grpc::SslCredentialsOptions options;
  options.pem_root_certs = new_authority.certificate();
  const TestIdentity new_client = new_client_authority.Issue("DNS:new");
  options.pem_cert_chain = new_client.certificate;
  options.pem_private_key = new_client.key;
  bool served = false;
  // A refused attempt takes some milliseconds.
  for (int i = 0; i < 20'000 && !served; ++i) {
    served =
        CallEcho(FreshChannel(server->address(), grpc::SslCredentials(options)))
            .ok();
  }
  EXPECT_TRUE(served);
  EXPECT_THAT(server->service().last_identities(), ElementsAre("dns:new"));
  // Who is connected stays, and who comes anew has to know the new CAs.
  EXPECT_TRUE(CallEcho(old_channel).ok());
  EXPECT_FALSE(CallEcho(Connect(*server, old_client)).ok());
}

// The version that a client of TLS up to a version gets, or "" if none.
std::string NegotiatedVersion(const std::string& address, int max_version) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context, max_version);
  static constexpr unsigned char kProtocols[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context, kProtocols, sizeof(kProtocols));
  BIO* const connection = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(connection, address.c_str());
  std::string version;
  // The server bounds the time of the handshake.
  if (BIO_do_handshake(connection) == 1) {
    SSL* ssl = nullptr;
    BIO_get_ssl(connection, &ssl);
    version = SSL_get_version(ssl);
  }
  BIO_free_all(connection);
  SSL_CTX_free(context);
  return version;
}

TEST_F(TlsTest, SpeaksNoTlsBelow12) {
  const auto server = Start(ClientCertificates::kNone);
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(NegotiatedVersion(server->address(), TLS1_3_VERSION), "TLSv1.3");
  EXPECT_EQ(NegotiatedVersion(server->address(), TLS1_2_VERSION), "TLSv1.2");
  EXPECT_EQ(NegotiatedVersion(server->address(), TLS1_1_VERSION), "");
}

TEST_F(TlsTest, NamesAFileThatIsMissing) {
  for (const char* file : {"tls.crt", "tls.key", "ca.crt"}) {
    const std::string path = Path(file);
    ASSERT_EQ(rename(path.c_str(), (path + ".away").c_str()), 0);
    EXPECT_THAT(Complaint(), HasSubstr(path));
    ASSERT_EQ(rename((path + ".away").c_str(), path.c_str()), 0);
  }
  EXPECT_TRUE(MakeTlsCredentials(options_).ok());
}

TEST_F(TlsTest, NamesAFileThatCannotBeParsed) {
  for (const char* file : {"tls.crt", "tls.key", "ca.crt"}) {
    const std::string path = Path(file);
    ASSERT_EQ(rename(path.c_str(), (path + ".away").c_str()), 0);
    for (const char* content :
         {"", "nonsense",
          "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
          "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
      WriteTestFile(path, content);
      EXPECT_THAT(Complaint(), HasSubstr(path)) << content;
    }
    WriteTestFile(path, std::string((1 << 20) + 1, '\n'));
    EXPECT_THAT(Complaint(), HasSubstr(path));
    ASSERT_EQ(unlink(path.c_str()), 0);
    ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
    EXPECT_THAT(Complaint(), HasSubstr(path));
    ASSERT_EQ(rmdir(path.c_str()), 0);
    ASSERT_EQ(rename((path + ".away").c_str(), path.c_str()), 0);
  }
}

TEST_F(TlsTest, RefusesACertificateThatIsCutShortAfterAnother) {
  const TestIdentity identity = server_authority_.IssueServer();
  Put({absl::StrCat(identity.certificate, identity.certificate.substr(0, 200)),
       identity.key});
  EXPECT_THAT(Complaint(), HasSubstr(Path("tls.crt")));
  Put({absl::StrCat(identity.certificate, server_authority_.certificate()),
       identity.key});
  EXPECT_TRUE(MakeTlsCredentials(options_).ok());
}

TEST_F(TlsTest, RefusesAKeyOfAnotherCertificate) {
  const TestIdentity one = server_authority_.IssueServer();
  const TestIdentity other = server_authority_.IssueServer();
  Put({one.certificate, other.key});
  const std::string complaint = Complaint();
  EXPECT_THAT(complaint, HasSubstr(Path("tls.crt")));
  EXPECT_THAT(complaint, HasSubstr(Path("tls.key")));
}

TEST_F(TlsTest, RefusesAKeyThatOthersCanRead) {
  ASSERT_EQ(chmod(Path("tls.key").c_str(), 0604), 0);
  EXPECT_THAT(Complaint(),
              HasSubstr(absl::StrCat("chmod 0600 ", Path("tls.key"))));
  ASSERT_EQ(chmod(Path("tls.key").c_str(), 0660), 0);
  EXPECT_THAT(Complaint(), HasSubstr("chmod"));
  // A group that reads keys is a custom of Debian.
  ASSERT_EQ(chmod(Path("tls.key").c_str(), 0640), 0);
  EXPECT_TRUE(MakeTlsCredentials(options_).ok());
}

TEST_F(TlsTest, RefusesAnExpiredCertificate) {
  Put(server_authority_.Issue("DNS:localhost", -absl::Minutes(1)));
  const std::string complaint = Complaint();
  EXPECT_THAT(complaint, HasSubstr(Path("tls.crt")));
  EXPECT_THAT(complaint, HasSubstr("expired"));
}

TEST_F(TlsTest, RefusesAnIntervalThatGrpcCannotKeep) {
  for (const absl::Duration interval :
       {absl::ZeroDuration(), absl::Milliseconds(1'500), -absl::Seconds(1),
        absl::Hours(2), absl::InfiniteDuration()}) {
    options_.refresh_interval = interval;
    EXPECT_EQ(MakeTlsCredentials(options_).status().code(),
              absl::StatusCode::kInvalidArgument)
        << interval;
  }
}

}  // namespace
}  // namespace cofactor::services
