#include "services/transport/limits.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "services/transport/test_certificates.h"
#include "services/transport/test_rpc.h"
#include "services/transport/test_server.h"
#include "services/transport/test_socket.h"
#include "services/transport/tls.h"

namespace cofactor::services {
namespace {

// Types of HTTP/2 frames (RFC 9113, section 6).
constexpr char kData = 0;
constexpr char kHeaders = 1;
constexpr char kResetStream = 3;
constexpr char kSettings = 4;
constexpr char kGoAway = 7;
constexpr char kContinuation = 9;

constexpr char kAcknowledged = 1;
constexpr char kEndStream = 1;
constexpr char kEndHeaders = 4;

constexpr size_t kMaxFrameBytes = 16'384;

struct Frame {
  char type = 0;
  char flags = 0;
  int stream = 0;
  std::string payload;
};

std::string Encode(const Frame& frame) {
  std::string bytes;
  const size_t size = frame.payload.size();
  for (const size_t value : {size >> 16, size >> 8, size}) {
    bytes.push_back(static_cast<char>(value & 0xff));
  }
  bytes.push_back(frame.type);
  bytes.push_back(frame.flags);
  for (const int shift : {24, 16, 8, 0}) {
    bytes.push_back(static_cast<char>((frame.stream >> shift) & 0xff));
  }
  return bytes + frame.payload;
}

// A field of HPACK that is neither indexed nor Huffman coded.
std::string Field(absl::string_view name, absl::string_view value) {
  std::string bytes(1, '\0');
  for (const absl::string_view text : {name, value}) {
    size_t rest = text.size();
    if (rest < 127) {
      bytes.push_back(static_cast<char>(rest));
    } else {
      bytes.push_back(127);
      for (rest -= 127; rest >= 128; rest /= 128) {
        bytes.push_back(static_cast<char>(rest % 128 + 128));
      }
      bytes.push_back(static_cast<char>(rest));
    }
    bytes.append(text.data(), text.size());
  }
  return bytes;
}

// A client of HTTP/2 that acknowledges the bounds that the server announces,
// and does not keep to them.
class Http2Client {
 public:
  explicit Http2Client(const std::string& address) : socket_(address) {
    // A table of headers with no room makes the answers plain text.
    const std::string no_table("\0\x1\0\0\0\0", 6);
    EXPECT_TRUE(socket_.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
                             Encode({kSettings, 0, 0, no_table})));
    // gRPC holds a client to its bounds from then on.
    EXPECT_EQ(Read().type, kSettings);
    EXPECT_TRUE(socket_.Send(Encode({kSettings, kAcknowledged, 0, ""})));
  }

  // Calls a method with an empty message and a metadata value of so many bytes,
  // and returns the frame with which the server ended the call.
  Frame Call(int stream, size_t metadata_bytes) {
    std::string headers =
        Field(":method", "POST") + Field(":scheme", "http") +
        Field(":path", "/cofactor.test.Echo/Echo") +
        Field(":authority", "localhost") + Field("te", "trailers") +
        Field("content-type", "application/grpc") +
        Field("cofactor-test", std::string(metadata_bytes, 'x'));
    std::string bytes;
    for (char type = kHeaders; type != 0;) {
      const bool last = headers.size() <= kMaxFrameBytes;
      bytes += Encode({type, last ? kEndHeaders : '\0', stream,
                       headers.substr(0, kMaxFrameBytes)});
      headers.erase(0, kMaxFrameBytes);
      type = last ? 0 : kContinuation;
    }
    bytes += Encode({kData, kEndStream, stream, std::string(5, '\0')});
    EXPECT_TRUE(socket_.Send(bytes));
    while (true) {
      const Frame frame = Read();
      if (frame.type == kGoAway) return frame;
      if (frame.stream == stream &&
          (frame.type == kResetStream || (frame.flags & kEndStream) != 0)) {
        return frame;
      }
    }
  }

 private:
  // The next frame, or a GOAWAY at the end of the connection.
  Frame Read() {
    if (!Fill(9)) return {kGoAway, 0, 0, "closed"};
    size_t size = 0;
    for (int i = 0; i < 3; ++i) {
      size = size << 8 | static_cast<unsigned char>(buffer_[i]);
    }
    if (!Fill(9 + size)) return {kGoAway, 0, 0, "closed"};
    // The streams of this test have one byte.
    const Frame frame = {buffer_[3], buffer_[4], buffer_[8],
                         buffer_.substr(9, size)};
    buffer_.erase(0, 9 + size);
    return frame;
  }

  bool Fill(size_t size) {
    while (buffer_.size() < size) {
      const std::string more = socket_.Receive();
      if (more.empty()) return false;
      buffer_ += more;
    }
    return true;
  }

  TestSocket socket_;
  std::string buffer_;
};

bool HasGrpcStatus(const Frame& frame, absl::string_view code) {
  return frame.type == kHeaders &&
         frame.payload.find(Field("grpc-status", code).substr(1)) !=
             std::string::npos;
}

std::shared_ptr<grpc::ServerCredentials> NewTlsCredentials() {
  std::string folder = testing::TempDir() + "/limits_XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  const TestAuthority authority;
  TlsOptions options;
  options.folder = folder + "/certs";
  WriteTestCertificates(options.folder, authority.IssueServer(),
                        authority.certificate());
  return MakeTlsCredentials(options).value();
}

TEST(LimitsTest, CutsClientsThatStaySilent) {
  TestServer tls({}, NewTlsCredentials());
  TestServer plain;
  TestSocket silent(tls.address());
  TestSocket slow(tls.address());
  // The start of a handshake, and no more.
  ASSERT_TRUE(slow.Send("\x16\x03\x01"));
  TestSocket silent_plain(plain.address());
  for (TestSocket* const socket : {&silent, &slow, &silent_plain}) {
    EXPECT_TRUE(socket->ReceivesEnd());
  }
  const auto channel = plain.PlainChannel();
  EXPECT_TRUE(plain.Eventually(
      channel, [&] { return tls.listener().open_connections() == 0; }));
}

TEST(LimitsTest, RefusesALargeMessageAndServesOn) {
  TestServer server;
  const auto channel = server.PlainChannel();
  EXPECT_TRUE(CallEcho(channel, std::string(kMaxRequestBytes, 'x')).ok());
  const grpc::Status status =
      CallEcho(channel, std::string(kMaxRequestBytes + 1, 'x'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
      << status.error_message();
  EXPECT_TRUE(CallEcho(channel).ok());
  // On the same connection.
  EXPECT_EQ(server.listener().open_connections(), 1u);
}

TEST(LimitsTest, RefusesLargeMetadata) {
  TestServer server;
  const auto channel = server.PlainChannel();
  EXPECT_TRUE(
      CallEcho(channel, "hello", std::string(kMaxMetadataBytes / 2, 'x')).ok());
  EXPECT_EQ(CallEcho(channel, "hello", std::string(kMaxMetadataBytes, 'x'))
                .error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(server.service().calls(), 1);
  EXPECT_TRUE(CallEcho(server.PlainChannel()).ok());
}

TEST(LimitsTest, RefusesMetadataOfManyFrames) {
  TestServer server;
  Http2Client client(server.address());
  EXPECT_TRUE(HasGrpcStatus(client.Call(1, kMaxMetadataBytes / 2), "0"));
  EXPECT_EQ(server.service().calls(), 1);
  // RESOURCE_EXHAUSTED.
  EXPECT_TRUE(HasGrpcStatus(client.Call(3, 8 * kMaxMetadataBytes), "8"));
  EXPECT_EQ(server.service().calls(), 1);
  EXPECT_TRUE(HasGrpcStatus(Http2Client(server.address()).Call(1, 0), "0"));
}

}  // namespace
}  // namespace cofactor::services
