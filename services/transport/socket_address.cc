#include "services/transport/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace cofactor::services {
namespace {

// Apart from every key of an IPv6 address: ::/8 is reserved (RFC 4291).
constexpr uint64_t kIpv4Peer = uint64_t{0xffff} << 32;

bool ParsePort(absl::string_view text, uint16_t& port) {
  int value = 0;
  // SimpleAtoi takes signs and spaces as well.
  if (text.empty() || text.size() > 5 ||
      !std::all_of(text.begin(), text.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(text, &value) || value > 65535) {
    return false;
  }
  port = static_cast<uint16_t>(value);
  return true;
}

bool ParseHost(absl::string_view host, uint16_t port, SocketAddress& address) {
  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]")) return false;
    auto* const ip = reinterpret_cast<sockaddr_in6*>(&address.storage);
    ip->sin6_family = AF_INET6;
    ip->sin6_port = htons(port);
    address.length = sizeof(*ip);
    return inet_pton(AF_INET6, std::string(host).c_str(), &ip->sin6_addr) == 1;
  }
  if (host == "localhost") host = "127.0.0.1";
  auto* const ip = reinterpret_cast<sockaddr_in*>(&address.storage);
  ip->sin_family = AF_INET;
  ip->sin_port = htons(port);
  address.length = sizeof(*ip);
  return inet_pton(AF_INET, std::string(host).c_str(), &ip->sin_addr) == 1;
}

}  // namespace

absl::StatusOr<SocketAddress> ParseSocketAddress(absl::string_view address) {
  SocketAddress parsed;
  uint16_t port = 0;
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos ||
      absl::StrContains(address, absl::string_view("\0", 1)) ||
      !ParsePort(address.substr(colon + 1), port) ||
      !ParseHost(address.substr(0, colon), port, parsed)) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen address '", address,
                     "': want IPV4:PORT, [IPV6]:PORT or localhost:PORT, as "
                     "127.0.0.1:50051"));
  }
  parsed.host = std::string(address.substr(0, colon));
  return parsed;
}

uint64_t PeerOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto* const ip = reinterpret_cast<const sockaddr_in*>(&address);
    return kIpv4Peer | ntohl(ip->sin_addr.s_addr);
  }
  if (address.ss_family != AF_INET6) return 0;
  const in6_addr& ip =
      reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
  const bool is_ipv4 = IN6_IS_ADDR_V4MAPPED(&ip);
  uint64_t peer = is_ipv4 ? kIpv4Peer : 0;
  for (int i = is_ipv4 ? 12 : 0, shift = is_ipv4 ? 24 : 56; shift >= 0;
       ++i, shift -= 8) {
    peer |= uint64_t{ip.s6_addr[i]} << shift;
  }
  return peer;
}

int PortOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  }
  return 0;
}

}  // namespace cofactor::services
