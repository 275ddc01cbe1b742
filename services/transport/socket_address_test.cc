#include "services/transport/socket_address.h"

#include <string>

#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

uint64_t PeerAt(const std::string& address) {
  const absl::StatusOr<SocketAddress> parsed = ParseSocketAddress(address);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() ? PeerOf(parsed->storage) : 0;
}

TEST(SocketAddressTest, ReadsAddressesOfBothFamilies) {
  for (const std::string address :
       {"127.0.0.1:50051", "0.0.0.0:0", "[::1]:65535", "[::]:80"}) {
    const absl::StatusOr<SocketAddress> parsed = ParseSocketAddress(address);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->host + ":" + std::to_string(PortOf(parsed->storage)),
              address);
  }
}

TEST(SocketAddressTest, LocalhostIsLoopbackAndKeepsItsName) {
  const absl::StatusOr<SocketAddress> parsed =
      ParseSocketAddress("localhost:80");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->host, "localhost");
  EXPECT_EQ(PeerOf(parsed->storage), PeerAt("127.0.0.1:1"));
}

TEST(SocketAddressTest, RefusesAllElse) {
  for (const std::string address : {"",
                                    ":",
                                    "127.0.0.1",
                                    "127.0.0.1:",
                                    ":80",
                                    "127.0.0.1:65536",
                                    "127.0.0.1:-1",
                                    "127.0.0.1:+80",
                                    "127.0.0.1: 80",
                                    "127.0.0.1:8x",
                                    "127.0.0.1:000080",
                                    "127.0.0.256:80",
                                    "127.1:80",
                                    "::1:80",
                                    "[::1:80",
                                    "[::1]80",
                                    "[127.0.0.1]:80",
                                    "[::1%lo]:80",
                                    "example.com:80",
                                    "LOCALHOST:80",
                                    "unix:/tmp/socket",
                                    "127.0.0.1 :80"}) {
    EXPECT_EQ(ParseSocketAddress(address).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
  EXPECT_FALSE(ParseSocketAddress(std::string("127.0.0.1\0x:80", 14)).ok());
}

TEST(SocketAddressTest, APeerIsOneIpv4AddressOr64BitsOfIpv6) {
  EXPECT_EQ(PeerAt("192.0.2.1:1"), PeerAt("192.0.2.1:2"));
  EXPECT_NE(PeerAt("192.0.2.1:1"), PeerAt("192.0.2.2:1"));
  EXPECT_NE(PeerAt("192.0.2.1:1"), PeerAt("193.0.2.1:1"));
  EXPECT_EQ(PeerAt("192.0.2.1:1"), PeerAt("[::ffff:192.0.2.1]:1"));
  EXPECT_EQ(PeerAt("[2001:db8:0:1::1]:1"), PeerAt("[2001:db8:0:1:ff::2]:1"));
  EXPECT_NE(PeerAt("[2001:db8:0:1::1]:1"), PeerAt("[2001:db8:0:2::1]:1"));
  EXPECT_NE(PeerAt("[2001:db8::1]:1"), PeerAt("[2002:db8::1]:1"));
  EXPECT_NE(PeerAt("[::1]:1"), PeerAt("0.0.0.1:1"));
  EXPECT_EQ(PeerOf(sockaddr_storage{}), 0u);
}

}  // namespace
}  // namespace cofactor::services
