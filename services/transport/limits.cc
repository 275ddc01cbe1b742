#include "services/transport/limits.h"

namespace cofactor::services {
namespace {

void AddMilliseconds(grpc::ServerBuilder& builder, const char* argument,
                     absl::Duration value) {
  builder.AddChannelArgument(
      argument, static_cast<int>(absl::ToInt64Milliseconds(value)));
}

}  // namespace

void ApplyTransportLimits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             kMaxConcurrentStreams);
  AddMilliseconds(builder, GRPC_ARG_MAX_CONNECTION_AGE_MS, kMaxConnectionAge);
  AddMilliseconds(builder, GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                  kConnectionAgeGrace);
  AddMilliseconds(builder, GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxConnectionIdle);
  AddMilliseconds(builder,
                  GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                  kMinPingInterval);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kMaxPingStrikes);
  AddMilliseconds(builder, GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTime);
  AddMilliseconds(builder, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeout);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  AddMilliseconds(builder, GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                  kHandshakeTimeout);
  // For ports that gRPC itself listens on: two servers must not share one.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace cofactor::services
