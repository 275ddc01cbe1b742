#ifndef COFACTOR_CLIENTS_DEVICE_GRPC_RESULT_H_
#define COFACTOR_CLIENTS_DEVICE_GRPC_RESULT_H_

#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace cofactor::device {

// What a call came to, with the google.rpc details of the error as payloads, so
// that ErrorReason tells its reason. server: for the message of an error that
// no server sent. A message of a server is as it came: Printable before it is
// shown.
absl::Status FromGrpcStatus(const grpc::Status& status,
                            const std::string& server);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_GRPC_RESULT_H_
