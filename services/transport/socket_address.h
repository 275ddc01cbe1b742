#ifndef COFACTOR_SERVICES_TRANSPORT_SOCKET_ADDRESS_H_
#define COFACTOR_SERVICES_TRANSPORT_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cofactor::services {

// An address that a socket can be bound to.
struct SocketAddress {
  // As it was given: an IPv6 address has its brackets.
  std::string host;
  sockaddr_storage storage = {};
  socklen_t length = 0;
};

// Reads HOST:PORT, where HOST is an IPv4 address, an IPv6 address in brackets,
// or localhost, which is 127.0.0.1. No other name is resolved: another name may
// lead anywhere tomorrow. INVALID_ARGUMENT: it is none of these.
absl::StatusOr<SocketAddress> ParseSocketAddress(absl::string_view address);

// Who is at the other end of a connection, for bounds per peer: the address of
// IPv4, also where it came as ::ffff:a.b.c.d, and the first 64 bits of an
// address of IPv6, since one customer of a network has at least that much.
// 0: neither.
uint64_t PeerOf(const sockaddr_storage& address);

// The local port of a bound socket of either family, or 0.
int PortOf(const sockaddr_storage& address);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TRANSPORT_SOCKET_ADDRESS_H_
