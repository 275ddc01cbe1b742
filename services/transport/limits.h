#ifndef COFACTOR_SERVICES_TRANSPORT_LIMITS_H_
#define COFACTOR_SERVICES_TRANSPORT_LIMITS_H_

#include "absl/time/time.h"
#include "grpcpp/server_builder.h"

namespace cofactor::services {

// The largest request is a page of an export, of some 40 kB
// (services/engine/export_engine.h).
inline constexpr int kMaxRequestBytes = 64 * 1024;

// Of one call. gRPC 1.51 has this one bound. What is above it is refused before
// it reaches a handler, and the whole connection is dropped: a proxy that
// shares a connection among callers needs a lower bound of its own. It closes
// two holes as well. A client that never acknowledges the server's settings is
// not held to this bound, so that a handler has to bound what it reads of
// metadata. And a header block is read to its end before it is refused,
// whatever its size.
inline constexpr int kMaxMetadataBytes = 16 * 1024;

// Calls at once on one connection. It does not stop calls that are cancelled as
// fast as they are made.
inline constexpr int kMaxConcurrentStreams = 1024;

// Connections end after a while, so that callers come to find new servers and
// new certificates, and get so long for the calls that are under way.
inline constexpr absl::Duration kMaxConnectionAge = absl::Hours(1);
inline constexpr absl::Duration kConnectionAgeGrace = absl::Seconds(30);

// A connection without calls gives its place to another.
inline constexpr absl::Duration kMaxConnectionIdle = absl::Minutes(15);

// Pings of callers that come faster, while no data flows, are strikes, and one
// strike more than these ends the connection. 10 s is the least that a client
// of Go can be set to.
inline constexpr absl::Duration kMinPingInterval = absl::Seconds(10);
inline constexpr int kMaxPingStrikes = 2;

// A peer that is silent for the first time is asked, and is dead if it has not
// answered after the second: 80 s at most until its place is free.
inline constexpr absl::Duration kKeepaliveTime = absl::Seconds(60);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(20);

// For TLS and the first frames of HTTP/2. gRPC's own is two minutes, in which
// silent strangers take up all places.
inline constexpr absl::Duration kHandshakeTimeout = absl::Seconds(5);

// Bounds what one connection can take from the others. Before BuildAndStart.
void ApplyTransportLimits(grpc::ServerBuilder& builder);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TRANSPORT_LIMITS_H_
