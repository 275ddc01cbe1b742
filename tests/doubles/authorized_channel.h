#ifndef COFACTOR_TESTS_DOUBLES_AUTHORIZED_CHANNEL_H_
#define COFACTOR_TESTS_DOUBLES_AUTHORIZED_CHANNEL_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"

namespace cofactor {

// A plaintext channel with a connection of its own, whose every call brings an
// API key.
std::shared_ptr<grpc::Channel> AuthorizedChannel(const std::string& address,
                                                 const std::string& api_key);

// Adds an API key to one call, on a channel that brings none.
void Authorize(grpc::ClientContext& context, absl::string_view api_key);

}  // namespace cofactor

#endif  // COFACTOR_TESTS_DOUBLES_AUTHORIZED_CHANNEL_H_
