#ifndef COFACTOR_SERVICES_GRPC_STATUS_H_
#define COFACTOR_SERVICES_GRPC_STATUS_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace cofactor::services {

// Turns a status into what goes over the wire: the same code, the message, and
// its payloads as google.rpc.Status in the trailers. An error without
// google.rpc.ErrorInfo gets one whose reason is the name of its code.
//
// The message is cut at 1 kB and details over 2 kB are left out: gRPC breaks
// the whole connection of a client over trailers of 8 kB.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_GRPC_STATUS_H_
